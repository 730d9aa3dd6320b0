"""Svix's attempts: /api/v1/app/{app}/attempt/…, and what becomes of a message at an endpoint."""

import pytest

from activity.models import Activity
from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from events.models import Event, EventDelivery
from projects.models import Project
from tests.conftest import Role
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, wrong_fields
from tests.svix_api.messages import make_endpoint, post, send


class TestAttempts:
    @pytest.mark.slow
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
        # The second time there is nothing left to delete, and nothing to record.
        for _ in range(2):
            assert send("DELETE", f"/acme/msg/{uid}/attempt/{good.uid}/content", key).status == 204
        assert send("GET", f"/acme/msg/{uid}/attempt/{good.uid}", key).json["response"] == ""
        [recorded] = Activity.objects.filter(verb="content.expunged")
        assert (recorded.owner_id, recorded.endpoint_id) == ("acme", endpoint.uid)
        assert (recorded.object_uid, recorded.object_name) == (good.uid, "invoice.paid")

    @pytest.mark.slow
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

    @pytest.mark.slow
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

    @pytest.mark.parametrize("count", [1, 20])
    def test_statements_of_a_message(
        self, key: str, app: str, project: Project, endpoint: Endpoint, count: int
    ) -> None:
        event = make_event(project.uid, owner_id="acme")
        make_attempt(make_delivery(endpoint, "Success", event=event))
        for _ in range(count - 1):
            make_attempt(make_delivery(make_endpoint(project, "acme"), "Success", event=event))
        known = ["SELECT projects_apikey", "SELECT applications_application", "SELECT events_event"]
        with statements() as found:
            attempts = send("GET", f"/acme/attempt/msg/{event.uid}", key)
        assert found == [*known, *["SELECT events_deliveryattempt"] * 2]
        with statements() as found:
            endpoints = send("GET", f"/acme/msg/{event.uid}/endpoint", key)
        assert found == [*known, *["SELECT events_eventdelivery"] * 2, "SELECT subscriptions_filter"]
        assert len(attempts.json["data"]) == len(endpoints.json["data"]) == count

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
    @pytest.mark.slow
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
