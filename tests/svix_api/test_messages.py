"""Svix's messages: /api/v1/app/{app}/msg."""

from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint, pause_endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from projects.models import Project
from projects.operations import create_project
from subscriptions.operations import create_subscription
from tests.conftest import Role
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal_links.calls import Reply, call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, wrong_fields

MSG = "/api/v1/app/acme/msg"
GOOD: dict[str, Any] = {"eventType": "invoice.paid", "payload": {"invoice": 991}}


def send(method: str, path: str, key: str, body: Any = None, **headers: str) -> Reply:
    return call(method, f"/api/v1/app{path}", body, Authorization=f"Bearer {key}", **headers)


def post(key: str, app: str = "acme", **body: Any) -> Reply:
    reply = send("POST", f"/{app}/msg", key, GOOD | body)
    assert reply.status == 202, reply.json
    return reply


def make_endpoint(
    project: Project, owner_id: str, *, types: list[str] | None = None, channels: list[str] | None = None
) -> Endpoint:
    endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id=owner_id)
    config = {"event_types": types or ["*"]}
    subscription = create_subscription(project.uid, name="s", endpoint_id=endpoint.uid, filter_config=config)
    subscription.channels = channels or []
    subscription.save(update_fields=["channels"])
    return endpoint


@pytest.fixture
def endpoint(project: Project) -> Endpoint:
    return make_endpoint(project, "acme")


@pytest.fixture
def app(key: str) -> str:
    """The id of the application acme."""
    reply = send("POST", "", key, {"name": "Acme", "uid": "acme"})
    return str(reply.json["id"])


class TestCreate:
    def test_in_full(self, key: str, app: str, project: Project, endpoint: Endpoint) -> None:
        raw = (
            b'{"eventType":"invoice.paid","eventId":"one","channels":["b","a","b"],"tags":["t"],"payload":{"n": 1.50}}'
        )
        reply = send("POST", f"/{app}/msg", key, raw, **{"Idempotency-Key": "k"})
        event = Event.objects.get()
        assert (reply.status, reply.json["id"]) == (202, f"msg_{event.uid}")
        assert (event.channel, event.owner_id, event.data) == ("fanout", "acme", '{"n":1.50}')
        assert (event.external_id, event.channels, event.tags) == ("one", ["b", "a"], ["t"])
        assert (event.idempotency_key, event.status, event.endpoints) == ("k", "Success", [endpoint.uid])
        assert EventDelivery.objects.get().endpoint_id == endpoint.uid
        shown = send("GET", "/acme/msg/one", key)
        assert shown.json == reply.json
        assert reply.json["payload"] == {"n": 1.5}

    def test_without_content(self, key: str, app: str) -> None:
        assert send("POST", "/acme/msg?with_content=false", key, GOOD).json["payload"] == {}

    def test_it_is_a_fanout_event_of_convoys(self, key: str, project: Project, endpoint: Endpoint) -> None:
        uid = post(key).json["id"].removeprefix("msg_")
        seen = call("GET", f"/api/v1/projects/{project.uid}/events/{uid}", Authorization=f"Bearer {key}")
        assert (seen.json["data"]["uid"], seen.json["data"]["data"]) == (uid, {"invoice": 991})

    def test_nobody_listens(self, key: str, app: str) -> None:
        post(key)
        assert Event.objects.get().status == "Failure"

    def test_statements(self, key: str, app: str, endpoint: Endpoint) -> None:
        """As many as Convoy's fanout takes by the uid, and one more by the id."""
        with statements() as found:
            post(key)
        assert found == ["SELECT projects_apikey", "SELECT projects_project", "WITH events_event"]
        with statements() as found:
            post(key, app)
        assert found == [
            *("SELECT projects_apikey", "SELECT applications_application"),
            *("SELECT projects_project", "WITH events_event"),
        ]

    def test_the_same_event_id(self, key: str, app: str, project: Project) -> None:
        post(key, eventId="one")
        with nothing_changes():
            assert refusal(send("POST", "/acme/msg", key, GOOD | {"eventId": "one"}))[:2] == (409, "conflict")
        make_endpoint(project, "globex")
        post(key, "globex", eventId="one")

    def test_the_same_idempotency_key(self, key: str, app: str, project: Project) -> None:
        first, again = (
            send("POST", "/acme/msg", key, GOOD | {"eventId": "one"}, **{"Idempotency-Key": "k"}) for _ in range(2)
        )
        assert (again.status, again.json) == (202, first.json)
        assert [row["id"] for row in send("GET", "/acme/msg", key).json["data"]] == [first.json["id"]]
        make_endpoint(project, "globex")
        other = send("POST", "/globex/msg", key, GOOD, **{"Idempotency-Key": "k"})
        assert other.json["id"] != first.json["id"]

    def test_an_application_that_does_not_exist(self, key: str, endpoint: Endpoint) -> None:
        with nothing_changes():
            for name in ("globex", "app_01JZ8QK3V7M2N4P6R8T0W2Y4A6"):
                assert refusal(send("POST", f"/{name}/msg", key, GOOD))[:2] == (404, "not_found")

    def test_with_its_application(self, key: str) -> None:
        post(key, application={"name": "Acme", "metadata": {"plan": "gold"}})
        assert send("GET", "/acme", key).json["metadata"] == {"plan": "gold"}
        other = GOOD | {"application": {"name": "G", "uid": "other"}}
        assert refusal(send("POST", "/globex/msg", key, other))[0] == 400

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            *(({"eventType": wrong}, "eventType") for wrong in each(None, "", 1, "no spaces", "a" * 256, "a\n", "é")),
            *(({"payload": wrong}, "payload") for wrong in each(None, [], 1, "text", True)),
            *(({"eventId": wrong}, "eventId") for wrong in each("", 1, "a b", "a" * 256, "a/b")),
            *(({"channels": wrong}, "channels") for wrong in each("a", [1], [""], ["a b"], [str(n) for n in range(6)])),
            *(({"tags": wrong}, "tags") for wrong in each("a", [1], ["a" * 129], [str(n) for n in range(9)])),
            ({"deliverAt": "2027-01-01T00:00:00Z"}, "deliverAt"),
            ({"payloadRetentionPeriod": 5}, "payloadRetentionPeriod"),
            ({"payloadRetentionHours": 5}, "payloadRetentionHours"),
            ({"transformationsParams": {"rawPayload": "a"}}, "transformationsParams"),
        ],
    )
    def test_fields(self, key: str, app: str, sent: dict[str, Any], field: str) -> None:
        with nothing_changes():
            assert wrong_fields(send("POST", "/acme/msg", key, GOOD | sent))[0][0] == ["body", field]

    def test_a_long_key(self, key: str, app: str) -> None:
        reply = send("POST", "/acme/msg", key, GOOD, **{"Idempotency-Key": "k" * 256})
        assert wrong_fields(reply)[0][0] == ["header", "idempotency-key"]

    def test_who_may(self, app: str, project: Project) -> None:
        viewer, owner = key_of(project, Role.PROJECT_VIEWER), key_of(project, owner_id="acme")
        with nothing_changes():
            for key in (viewer, owner):
                assert refusal(send("POST", "/acme/msg", key, GOOD))[:2] == (403, "permission_denied")


class TestRead:
    def test_all_events_of_the_owner(self, key: str, project: Project, endpoint: Endpoint) -> None:
        own = post(key).json["id"]
        direct = make_event(project.uid, endpoints=[endpoint.uid], data="[1]")
        make_event(project.uid, endpoints=[endpoint.uid], channel="test")
        make_event(project.uid, endpoints=[endpoint.uid], is_duplicate_event=True)
        make_event(project.uid, endpoints=["0" * 26], owner_id="globex", external_id="theirs")
        listed = send("GET", "/acme/msg", key).json["data"]
        assert [(row["id"], row["payload"]) for row in listed] == [
            (f"msg_{direct.uid}", {"data": [1]}),
            (own, {"invoice": 991}),
        ]
        assert refusal(send("GET", "/acme/msg/theirs", key))[0] == 404

    def test_before_the_owner_had_the_endpoint(self, key: str, project: Project, endpoint: Endpoint) -> None:
        earlier = make_event(project.uid, endpoints=[endpoint.uid])
        Endpoint.objects.update(held_from=post(key).json["id"].removeprefix("msg_"))
        assert len(send("GET", "/acme/msg", key).json["data"]) == 1
        assert refusal(send("GET", f"/acme/msg/msg_{earlier.uid}", key))[0] == 404

    def test_filters(self, key: str, app: str) -> None:
        first = post(key, channels=["north"], eventType="a").json
        second = post(key, tags=["t"], eventType="b").json

        def listed(query: str) -> list[str]:
            return [row["id"] for row in send("GET", f"/acme/msg?{query}", key).json["data"]]

        assert listed("channel=north") == listed("event_types=a,c") == [first["id"]]
        assert listed("tag=t") == listed("event_types=b&event_types=c") == [second["id"]]
        assert listed("before=2020-01-01T00:00:00Z") == listed("after=2100-01-01T00:00:00Z") == listed("tag=o") == []
        assert listed("after=2020-01-01T00:00:00%2B02:00&limit=1") == [second["id"]]

    @pytest.mark.parametrize(
        ("query", "field"),
        [("before=odd", "before"), ("after=2026", "after"), ("limit=0", "limit"), ("iterator=odd", "iterator")],
    )
    def test_a_bad_query(self, key: str, app: str, query: str, field: str) -> None:
        assert wrong_fields(send("GET", f"/acme/msg?{query}", key))[0][0] == ["query", field]

    @pytest.mark.parametrize("count", [1, 20])
    def test_statements(self, key: str, app: str, endpoint: Endpoint, count: int) -> None:
        for _ in range(count):
            post(key)
        with statements() as found:
            send("GET", "/acme/msg?with_content=false", key)
        assert found == [
            *("SELECT projects_apikey", "SELECT applications_application"),
            *("SELECT endpoints_endpoint", "SELECT events_event"),
        ]
        with statements() as found:
            send("GET", "/acme/msg", key)
        # The rows, and their payloads.
        assert found[3:] == ["SELECT events_event"] * 2

    def test_a_page_ends_before_it_is_too_large(self, key: str, app: str, project: Project) -> None:
        for _ in range(3):
            make_event(project.uid, owner_id="acme", data=f'{{"a":"{"x" * 3_000_000}"}}')
        page = send("GET", "/acme/msg", key).json
        assert (len(page["data"]), page["done"]) == (1, False)
        following = send("GET", f"/acme/msg?iterator={page['iterator']}", key).json
        assert following["data"][0]["id"] < page["data"][0]["id"]
        assert send("GET", "/acme/msg?with_content=false", key).json["done"] is True


class TestPrecheck:
    def test_who_listens(self, key: str, project: Project) -> None:
        def active(**body: Any) -> bool:
            reply = send("POST", "/acme/msg/precheck/active", key, {"eventType": "a"} | body)
            assert reply.status == 200
            return bool(reply.json["active"])

        endpoint = make_endpoint(project, "acme", types=["a"], channels=["north"])
        assert active(channels=["north"])
        assert not active()
        assert not active(channels=["south"])
        assert not active(eventType="b", channels=["north"])
        pause_endpoint(project.uid, endpoint.uid)
        assert not active(channels=["north"])


class TestExpunge:
    def test_payload_and_answers(self, key: str, project: Project, endpoint: Endpoint) -> None:
        uid = post(key).json["id"]
        delivery = EventDelivery.objects.get()
        make_attempt(delivery, response_data="answer")
        assert send("DELETE", f"/acme/msg/{uid}/content", key).status == 204
        event = Event.objects.get()
        assert (event.data, DeliveryAttempt.objects.get().response_data) == ("{}", "")
        assert event.expunged_at is not None
        assert send("GET", f"/acme/msg/{uid}", key).json["payload"] == {}
        again = f"/acme/msg/{uid}/endpoint/ep_{endpoint.uid}/resend"
        assert refusal(send("POST", again, key))[0] == 400
        with nothing_changes():
            assert send("DELETE", f"/acme/msg/{uid}/content", key).status == 204

    def test_who_may(self, key: str, project: Project, endpoint: Endpoint) -> None:
        uid = post(key).json["id"]
        refused = [key_of(project, Role.PROJECT_VIEWER), key_of(project, owner_id="acme")]
        elsewhere = key_of(create_project(name="Another", type="outgoing")[0])
        with nothing_changes():
            for other in refused:
                assert send("DELETE", f"/acme/msg/{uid}/content", other).status == 403
            assert send("DELETE", f"/acme/msg/{uid}/content", elsewhere).status == 404


class TestAttempts:
    def test_documents(self, key: str, endpoint: Endpoint) -> None:
        uid = post(key).json["id"]
        delivery = EventDelivery.objects.get()
        failed = make_attempt(delivery, http_status="500 Internal Server Error", response_data="no", status=False)
        silent = make_attempt(delivery, http_status="", error="timeout", response_data="", status=False)
        EventDelivery.objects.update(num_trials_before=2)
        good = make_attempt(delivery, http_status="200 OK", status=True, response_data="ok")
        listed = send("GET", f"/acme/attempt/msg/{uid}", key).json["data"]
        assert [row["id"] for row in listed] == [f"atmpt_{row.uid}" for row in (good, silent, failed)]
        assert [(row["status"], row["statusText"], row["responseStatusCode"]) for row in listed] == [
            *((0, "success", 200), (2, "fail", 0), (2, "fail", 500)),
        ]
        assert [(row["response"], row["triggerType"]) for row in listed] == [("ok", 1), ("timeout", 0), ("no", 0)]
        assert {row["msgId"] for row in listed} == {uid}
        assert {row["endpointId"] for row in listed} == {f"ep_{endpoint.uid}"}
        assert send("GET", f"/acme/msg/{uid}/attempt/atmpt_{good.uid}", key).json == listed[0]
        plain = send("GET", f"/acme/attempt/msg/{uid}?with_content=false", key).json["data"]
        assert {row["response"] for row in plain} == {""}
        assert send("DELETE", f"/acme/msg/{uid}/attempt/{good.uid}/content", key).status == 204
        assert send("GET", f"/acme/msg/{uid}/attempt/{good.uid}", key).json["response"] == ""

    def test_filters(self, key: str, project: Project, endpoint: Endpoint) -> None:
        other = make_endpoint(project, "acme")
        uid = post(key, channels=["north"], tags=["t"]).json["id"]
        good, bad = (
            make_attempt(EventDelivery.objects.get(endpoint=row), http_status=code, status=code == "200 OK")
            for row, code in ((endpoint, "200 OK"), (other, "404 Not Found"))
        )

        def listed(query: str, path: str = f"msg/{uid}") -> list[str]:
            reply = send("GET", f"/acme/attempt/{path}?{query}", key)
            assert reply.status == 200, reply.json
            return [row["id"].removeprefix("atmpt_") for row in reply.json["data"]]

        assert listed("channel=north&tag=t&event_types=invoice.paid") == [bad.uid, good.uid]
        assert listed("status=0") == listed("status_code_class=200") == [good.uid]
        assert listed("status=2") == listed("status_code_class=400") == [bad.uid]
        assert listed(f"endpoint_id=ep_{other.uid}") == [bad.uid]
        for query in ("status=1", "status=4", "status_code_class=0", "channel=o", "before=2020-01-01T00:00:00Z"):
            assert listed(query) == []
        assert listed("", f"endpoint/ep_{other.uid}") == [bad.uid]
        for query in ("status=9", "status_code_class=201", "before=odd", "limit=x"):
            reply = send("GET", f"/acme/attempt/msg/{uid}?{query}", key)
            assert wrong_fields(reply)[0][0] == ["query", query.partition("=")[0]]

    def test_pages_of_an_endpoint(self, key: str, endpoint: Endpoint) -> None:
        old, new = (make_delivery(endpoint, "Success") for _ in range(2))
        of_new, of_old = (make_attempt(row) for row in (new, old))
        again = make_attempt(new)
        expected = [f"atmpt_{row.uid}" for row in (again, of_new, of_old)]
        found, iterator, done = [], "", False
        while not done:
            page = send("GET", f"/acme/attempt/endpoint/{endpoint.uid}?limit=1{iterator}", key).json
            found += [row["id"] for row in page["data"]]
            iterator, done = f"&iterator={page['iterator']}", page["done"]
            back = page["prevIterator"]
        assert found == expected
        before = send("GET", f"/acme/attempt/endpoint/{endpoint.uid}?limit=2&iterator={back}", key).json["data"]
        assert [row["id"] for row in before] == expected[:2]
        with_message = send("GET", f"/acme/attempt/endpoint/{endpoint.uid}?with_msg=true", key).json["data"]
        assert with_message[0]["msg"]["id"] == with_message[0]["msgId"]
        gone = send("GET", f"/acme/attempt/endpoint/{endpoint.uid}?iterator=atmpt_{'0' * 26}", key)
        assert wrong_fields(gone)[0][0] == ["query", "iterator"]

    @pytest.mark.parametrize("count", [1, 20])
    def test_statements(self, key: str, app: str, endpoint: Endpoint, count: int) -> None:
        for _ in range(count):
            make_attempt(make_delivery(endpoint, "Success"))
        known = ["SELECT projects_apikey"]
        with statements() as found:
            send("GET", f"/acme/attempt/endpoint/{endpoint.uid}", key)
        assert found == [*known, "SELECT endpoints_endpoint", *["SELECT events_deliveryattempt"] * 2]
        with statements() as found:
            send("GET", f"/acme/endpoint/{endpoint.uid}/msg", key)
        assert found == [*known, "SELECT endpoints_endpoint", *["SELECT events_eventdelivery"] * 2]

    def test_another_owners(self, key: str, project: Project, endpoint: Endpoint) -> None:
        theirs = make_endpoint(project, "globex")
        delivery = make_delivery(theirs, "Success")
        attempt = make_attempt(delivery)
        for path in (
            f"/acme/attempt/msg/{delivery.event_id}",
            f"/acme/attempt/endpoint/{theirs.uid}",
            f"/acme/endpoint/{theirs.uid}/msg",
            f"/acme/msg/{delivery.event_id}/endpoint",
            f"/acme/msg/{delivery.event_id}/attempt/{attempt.uid}",
        ):
            assert refusal(send("GET", path, key))[:2] == (404, "not_found")
        shared = make_event(project.uid, endpoints=[endpoint.uid, theirs.uid])
        foreign = make_attempt(make_delivery(theirs, "Success", event=shared))
        assert send("GET", f"/acme/attempt/msg/{shared.uid}", key).json["data"] == []
        assert send("GET", f"/acme/msg/{shared.uid}/endpoint", key).json["data"] == []
        assert refusal(send("GET", f"/acme/msg/{shared.uid}/attempt/{foreign.uid}", key))[0] == 404


class TestStates:
    @pytest.mark.parametrize(
        ("status", "number", "text"),
        [
            *(("Success", 0, "success"), ("Scheduled", 1, "pending"), ("Failure", 2, "fail")),
            *(("Processing", 3, "sending"), ("Retry", 3, "sending"), ("Discarded", 4, "canceled")),
        ],
    )
    def test_numbers(self, key: str, endpoint: Endpoint, status: str, number: int, text: str) -> None:
        delivery = make_delivery(endpoint, status)
        path = f"/acme/endpoint/{endpoint.uid}/msg?expanded_statuses=true"
        [listed] = send("GET", path, key).json["data"]
        assert (listed["id"], listed["status"], listed["statusText"]) == (f"msg_{delivery.event_id}", number, text)
        assert (listed["nextAttempt"] is not None) == (status in ("Scheduled", "Retry"))
        assert send("GET", f"{path}&status={number}", key).json["data"] == [listed]
        assert send("GET", f"{path}&status={(number + 1) % 5}", key).json["data"] == []
        Event.objects.update(endpoints=[endpoint.uid])
        [shown] = send("GET", f"/acme/msg/{delivery.event_id}/endpoint", key).json["data"]
        assert (shown["id"], shown["status"]) == (f"ep_{endpoint.uid}", number)

    def test_canceled_is_a_success_to_old_clients(self, key: str, endpoint: Endpoint) -> None:
        make_delivery(endpoint, "Discarded")
        [listed] = send("GET", f"/acme/endpoint/{endpoint.uid}/msg", key).json["data"]
        assert (listed["status"], listed["statusText"]) == (0, "success")


class TestResend:
    @pytest.mark.parametrize("status", ["Success", "Failure", "Discarded", "Retry", "Scheduled"])
    def test_from_each_state(self, key: str, endpoint: Endpoint, status: str) -> None:
        uid = post(key).json["id"]
        EventDelivery.objects.update(status=status, num_trials=3)
        reply = send("POST", f"/acme/msg/{uid}/endpoint/ep_{endpoint.uid}/resend", key)
        assert (reply.status, reply.json) == (202, {})
        delivery = EventDelivery.objects.get()
        assert delivery.due_at is not None
        if status not in ("Retry", "Scheduled"):
            assert (delivery.status, delivery.num_trials_before) == ("Scheduled", 3)

    def test_refusals(self, key: str, project: Project, endpoint: Endpoint) -> None:
        uid = post(key).json["id"]
        path = f"/acme/msg/{uid}/endpoint/ep_{endpoint.uid}/resend"
        other, viewer = make_endpoint(project, "acme"), key_of(project, Role.PROJECT_VIEWER)
        EventDelivery.objects.update(status="Processing")
        with nothing_changes():
            assert refusal(send("POST", path, key))[0] == 400
            assert refusal(send("POST", f"/acme/msg/{uid}/endpoint/ep_{other.uid}/resend", key))[0] == 400
            assert refusal(send("POST", f"/acme/msg/msg_none/endpoint/ep_{other.uid}/resend", key))[0] == 404
            assert send("POST", path, viewer).status == 403
        EventDelivery.objects.update(status="Failure")
        pause_endpoint(project.uid, endpoint.uid)
        with nothing_changes():
            assert refusal(send("POST", path, key))[0] == 400
