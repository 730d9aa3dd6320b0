"""POST /api/v1/projects/{projectID}/eventdeliveries/forceresend. Contract: docs/contract/deliveries.md#force-resend"""

from collections.abc import Callable
from typing import Any

import pytest

from deliveries.serializers import MOST_IDS
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.hostile import NOT_A_BODY, NOT_TEXT, UNREADABLE
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries/forceresend"


@pytest.fixture
def delivered(make_endpoint: MakeEndpoint) -> list[EventDelivery]:
    """Two deliveries that have succeeded."""
    endpoint = make_endpoint()
    return [make_delivery(endpoint, "Success", num_trials=2) for _ in range(2)]


@pytest.fixture
def call(path: str, delivered: list[EventDelivery]) -> Call:
    return lambda api: api.post(path, {"ids": [delivery.uid for delivery in delivered]})


def done(answer: Any) -> str:
    assert answer.status == 200, answer.json
    assert answer.data is None
    return str(answer.message)


class TestWorks:
    def test_they_are_in_the_queue_with_a_fresh_allowance(self, api: API, call: Call) -> None:
        assert done(call(api)) == "2 successful, 0 failed"
        for row in EventDelivery.objects.all():
            assert (row.status, row.num_trials, row.num_trials_before) == ("Scheduled", 2, 2)
            assert row.due_at == row.next_send_time
            assert (row.is_parked, row.lease) == (False, None)

    def test_an_endpoint_that_does_not_receive(self, api: API, call: Call, make_endpoint: MakeEndpoint) -> None:
        Endpoint.objects.update(status="paused")
        with nothing_changes():
            assert done(call(api)) == "0 successful, 2 failed"

    def test_an_endpoint_that_is_deleted(
        self, api: API, path: str, delivered: list[EventDelivery], make_endpoint: MakeEndpoint
    ) -> None:
        ready = make_delivery(make_endpoint(), "Success")
        delete_endpoint(ready.project_id, delivered[0].endpoint_id)
        body = {"ids": [ready.uid, *(delivery.uid for delivery in delivered)]}
        assert done(api.post(path, body)) == "1 successful, 2 failed"
        assert EventDelivery.objects.get(status="Scheduled") == ready

    def test_ids_of_nothing_and_twice_the_same(
        self, api: API, path: str, delivered: list[EventDelivery], other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_delivery(make_endpoint(project_id=other_project.uid), "Success")
        uid = delivered[0].uid
        assert done(api.post(path, {"ids": ["nope", foreign.uid, uid, uid]})) == "1 successful, 0 failed"
        assert EventDelivery.objects.get(status="Scheduled").uid == uid

    @pytest.mark.parametrize("body", [{"ids": []}, {}, {"ids": None}, {"ids": ["nope"]}, {"ids": ["x" * 255]}])
    def test_none(self, api: API, path: str, delivered: list[EventDelivery], body: dict[str, Any]) -> None:
        with nothing_changes():
            assert done(api.post(path, body)) == "0 successful, 0 failed"


class TestRefused:
    @pytest.mark.parametrize("status", ["Scheduled", "Processing", "Retry", "Failure", "Discarded"])
    def test_one_that_has_not_succeeded_keeps_all_from_being_sent(
        self, api: API, path: str, delivered: list[EventDelivery], status: str
    ) -> None:
        other = make_delivery(delivered[0].endpoint, status)
        with nothing_changes():
            answer = api.post(path, {"ids": [delivered[0].uid, other.uid]})
        assert answer.error == (400, "only successful events can be force resent")

    def test_bodies_that_are_none(self, api: API, path: str, delivered: list[EventDelivery]) -> None:
        bodies: list[Any] = [*(body for body, _ in NOT_A_BODY), *UNREADABLE]
        bodies += [{"ids": ids} for ids in ["text", 1, True, {}, {"a": 1}, [None], ["\x00"]]]
        bodies += [{"ids": [value]} for value in NOT_TEXT]
        bodies.append({"ids": ["nope"] * (MOST_IDS + 1)})
        with nothing_changes():
            for body in bodies:
                assert api.post(path, body).error == (400, "Request is invalid"), str(body)[:100]

    @pytest.mark.parametrize("body", [b"null", {}, {"ids": []}, {"ids": None}])
    def test_no_ids(self, api: API, path: str, delivered: list[EventDelivery], body: Any) -> None:
        with nothing_changes():
            answer = api.post(path, body)
        assert (answer.status, answer.message) == (200, "0 successful, 0 failed")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out(
    api: API, path: str, delivered: list[EventDelivery], other_project: Project
) -> None:
    ids = [delivery.uid for delivery in delivered]
    answers = at_once(6, lambda number: api.post(path, {"ids": ids if number % 2 else ids[::-1]}))
    assert sorted(answer.message for answer in answers) == [
        "2 successful, 0 failed",
        *["only successful events can be force resent"] * 5,
    ]


@pytest.mark.parametrize("count", [1, 20])
def test_the_statements(api: API, path: str, make_endpoint: MakeEndpoint, count: int) -> None:
    ids = [make_delivery(make_endpoint(), "Success").uid for _ in range(count)]
    with statements() as found:
        api.post(path, {"ids": ids})
    assert found == [
        "SELECT projects_apikey",
        "LOCK events_eventdelivery",
        "UPDATE events_eventdelivery",
        "INSERT activity_activity",
    ]
