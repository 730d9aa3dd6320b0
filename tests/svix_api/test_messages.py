"""Svix's messages: /api/v1/app/{app}/msg."""

from typing import Any

import pytest

from activity.models import Activity
from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from projects.models import Project
from projects.operations import create_project
from subscriptions.models import Filter
from tests.conftest import Role
from tests.deliveries.rows import make_attempt, make_event
from tests.portal_links.calls import call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, wrong_fields
from tests.svix_api.messages import GOOD, make_endpoint, post, send


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

    def test_a_payload_that_is_nested_deeply(self, key: str, app: str) -> None:
        """It is stored by every API that takes events, and no list may break by it."""
        raw = '{"a":' * 800 + "1" + "}" * 800
        reply = send("POST", f"/{app}/msg", key, f'{{"eventType":"a","payload":{raw}}}'.encode())
        assert reply.status == 202
        assert f'"payload":{raw},'.encode() in reply.content
        assert f'"payload":{raw},'.encode() in send("GET", f"/{app}/msg", key).content

    def test_a_payload_of_convoys_that_is_no_object_is_a_member(self, key: str, app: str, project: Project) -> None:
        for data in ("[1]", '"{"', " 1.50", "[" * 800 + "]" * 800):
            event = make_event(project.uid, owner_id="acme", data=data)
            shown = send("GET", f"/{app}/msg/{event.uid}", key)
            assert f'"payload":{{"data":{data}}}'.encode() in shown.content

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
        """As many as Convoy's fanout takes, by the uid and by the id. The key is read once."""
        post(key)
        for name in ("acme", app, app.removeprefix("app_")):
            with statements() as found:
                post(key, name)
            assert [each.split()[0] for each in found] == ["WITH"]
        assert {(event.owner_id, *event.endpoints) for event in Event.objects.all()} == {("acme", endpoint.uid)}

    def test_by_the_id_as_by_the_uid(self, key: str, app: str, project: Project) -> None:
        """Also where more than a statement is needed: nobody listens, a filter has conditions, a key is repeated."""

        def posted(name: str, **headers: str) -> str:
            reply = send("POST", f"/{name}/msg", key, GOOD, **headers)
            assert reply.status == 202, reply.json
            uid = str(reply.json["id"]).removeprefix("msg_")
            assert Event.objects.get(pk=uid).owner_id == "acme"
            return uid

        posted(app)
        endpoint = make_endpoint(project, "acme")
        first = posted(app, **{"Idempotency-Key": "k"})
        for name in ("acme", app, app.removeprefix("app_")):
            assert posted(name, **{"Idempotency-Key": "k"}) == first
        assert set(Event.objects.filter(idempotency_key="k").values_list("key_scope", flat=True)) == {"messages:acme"}
        Filter.objects.update(conditions={"body": {"invoice": 991}})
        second = posted(app, **{"Idempotency-Key": "l"})
        assert posted("acme", **{"Idempotency-Key": "l"}) == second
        assert list(EventDelivery.objects.order_by("pk").values_list("event_id", "endpoint_id")) == [
            (first, endpoint.uid),
            (second, endpoint.uid),
        ]

    def test_an_owner_that_is_called_as_an_id(self, key: str, project: Project) -> None:
        """It needs no application, and its messages are its own."""
        owner = "01JZ8QK3V7M2N4P6R8T0W2Y4A6"
        endpoint = make_endpoint(project, owner)
        post(key, owner)
        assert Event.objects.get().endpoints == [endpoint.uid]
        assert refusal(send("POST", f"/app_{owner}/msg", key, GOOD))[:2] == (404, "not_found")

    def test_an_id_of_another_project(self, key: str, project: Project) -> None:
        elsewhere = create_project(name="Another", type="outgoing")[0]
        other = send("POST", "", key_of(elsewhere), {"name": "A", "uid": "acme"}).json["id"]
        make_endpoint(project, "acme")
        with nothing_changes():
            assert refusal(send("POST", f"/{other}/msg", key, GOOD))[:2] == (404, "not_found")

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
        post(key, application={"name": "Another"})
        assert send("GET", "/acme", key).json["name"] == "Acme"

    def test_with_its_application_for_an_owner_that_has_endpoints(self, key: str, endpoint: Endpoint) -> None:
        post(key, application={"name": "Acme Inc.", "uid": "acme"})
        assert send("GET", "/acme", key).json["name"] == "Acme Inc."
        assert EventDelivery.objects.get().endpoint_id == endpoint.uid

    @pytest.mark.parametrize("name", ["acme", "globex"])
    def test_with_another_application(self, key: str, app: str, endpoint: Endpoint, name: str) -> None:
        with nothing_changes():
            other = GOOD | {"application": {"name": "G", "uid": "other"}}
            assert refusal(send("POST", f"/{name}/msg", key, other))[0] == 400
            wrong = GOOD | {"application": {"name": ""}}
            assert wrong_fields(send("POST", f"/{name}/msg", key, wrong))[0][0] == ["body", "application", "name"]

    def test_a_refused_message_creates_no_application(self, key: str, endpoint: Endpoint) -> None:
        post(key, eventId="one")
        with nothing_changes():
            again = GOOD | {"eventId": "one", "application": {"name": "Acme"}}
            assert refusal(send("POST", "/acme/msg", key, again))[0] == 409

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

    @pytest.mark.slow
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
        [row] = Activity.objects.filter(verb="content.expunged")
        assert (row.owner_id, row.object_uid, row.object_name) == ("acme", event.uid, "invoice.paid")
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
