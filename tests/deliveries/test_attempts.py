"""GET …/eventdeliveries/{eventDeliveryID}/deliveryattempts and …/{deliveryAttemptID}.

Contract: docs/contract/deliveries.md#attempts.
"""

from collections.abc import Callable

import pytest
from django.conf import settings

from core.api.values import wire_time
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_attempt, make_delivery
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def delivery(make_endpoint: MakeEndpoint) -> EventDelivery:
    return make_delivery(make_endpoint())


@pytest.fixture
def path(delivery: EventDelivery) -> str:
    return f"/projects/{delivery.project_id}/eventdeliveries/{delivery.uid}/deliveryattempts"


class TestList:
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.get(path)

    def test_the_last_ten_oldest_first(self, api: API, path: str, delivery: EventDelivery) -> None:
        attempts = [make_attempt(delivery, status=False) for _ in range(12)]
        make_attempt(make_delivery(delivery.endpoint))
        answer = api.get(path)
        assert (answer.status, answer.message) == (200, "Event delivery attempts fetched successfully")
        assert [attempt["uid"] for attempt in answer.data] == [attempt.uid for attempt in attempts[2:]]
        assert api.get(f"{path}/").data == answer.data

    def test_of_a_delivery_that_was_not_tried(self, api: API, path: str) -> None:
        assert api.get(path).data == []

    def test_deliveries_that_are_not_there(
        self, api: API, path: str, delivery: EventDelivery, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_delivery(make_endpoint(project_id=other_project.uid))
        attempt = make_attempt(foreign)
        for uid in (foreign.uid, "nope"):
            elsewhere = path.replace(delivery.uid, uid)
            for url in (elsewhere, f"{elsewhere}/{attempt.uid}"):
                with nothing_changes():
                    assert api.get(url).error == (400, "event delivery not found")

    @pytest.mark.parametrize("count", [1, 10])
    def test_the_statements(self, api: API, path: str, delivery: EventDelivery, count: int) -> None:
        for _ in range(count):
            make_attempt(delivery)
        with statements() as found:
            assert len(api.get(path).data) == count
        assert found == ["SELECT projects_apikey", "SELECT events_eventdelivery", "SELECT events_deliveryattempt"]


class TestListAuthentication(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.get(path)


class TestOne:
    def test_one_that_has_succeeded(self, api: API, path: str, delivery: EventDelivery) -> None:
        attempt = make_attempt(delivery)
        answer = api.get(f"{path}/{attempt.uid}")
        assert (answer.status, answer.message) == (200, "Event delivery attempt fetched successfully")
        assert answer.data == {
            "uid": attempt.uid,
            "msg_id": delivery.uid,
            "url": "https://hooks.example.com/in",
            "method": "POST",
            "endpoint_id": delivery.endpoint_id,
            "project_id": delivery.project_id,
            "api_version": settings.VERSION,
            "ip_address": "203.0.113.7",
            "request_http_header": {"Content-Type": "application/json", "X-Tenant": "acme"},
            "response_http_header": {"Content-Length": "5", "Set-Cookie": "session=1"},
            "http_status": "200 OK",
            "response_data": "hello",
            "status": True,
            "requested_at": wire_time(attempt.requested_at),
            "responded_at": wire_time(attempt.responded_at or attempt.created_at),
            "created_at": wire_time(attempt.created_at),
            "updated_at": wire_time(attempt.created_at),
            "deleted_at": None,
        }

    def test_of_a_failure_the_status_is_absent(self, api: API, path: str, delivery: EventDelivery) -> None:
        shown = api.get(f"{path}/{make_attempt(delivery, status=False).uid}").data
        assert "status" not in shown
        assert shown["http_status"] == "503 Service Unavailable"

    def test_where_there_was_no_answer(self, api: API, path: str, delivery: EventDelivery) -> None:
        attempt = make_attempt(
            delivery,
            status=False,
            ip_address="",
            http_status="",
            response_data="",
            response_http_header={},
            responded_at=None,
            error="connection refused",
        )
        shown = api.get(f"{path}/{attempt.uid}").data
        assert shown.keys().isdisjoint({"ip_address", "http_status", "response_data", "response_http_header", "status"})
        assert (shown["responded_at"], shown["error"]) == (None, "connection refused")

    def test_attempts_of_another_delivery(self, api: API, path: str, delivery: EventDelivery) -> None:
        other = make_attempt(make_delivery(delivery.endpoint))
        for uid in (other.uid, "nope", "a" * 5000):
            assert api.get(f"{path}/{uid}").error == (400, "event delivery attempt not found")


class TestOneAuthentication(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str, delivery: EventDelivery) -> Call:
        attempt = make_attempt(delivery)
        return lambda api: api.get(f"{path}/{attempt.uid}")
