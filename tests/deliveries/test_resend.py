"""PUT /api/v1/projects/{projectID}/eventdeliveries/{eventDeliveryID}/resend.

Contract: docs/contract/deliveries.md#resend.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.hostile import UNREADABLE
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries"


@pytest.fixture
def failed(make_endpoint: MakeEndpoint) -> EventDelivery:
    return make_delivery(make_endpoint(), "Failure", num_trials=10, description="Retry limit exceeded", lease=uuid4())


@pytest.fixture
def call(path: str, failed: EventDelivery) -> Call:
    return lambda api: api.put(f"{path}/{failed.uid}/resend")


class TestWorks:
    def test_it_is_in_the_queue_again(self, api: API, call: Call, path: str, failed: EventDelivery) -> None:
        before = timezone.now()
        answer = call(api)
        assert (answer.status, answer.message) == (200, "App event processed for retry successfully")
        assert answer.data == api.get(f"{path}/{failed.uid}").data
        assert answer.data["status"] == "Scheduled"
        assert "description" not in answer.data
        row = EventDelivery.objects.get()
        assert before <= row.next_send_time <= timezone.now()
        assert row.due_at == row.next_send_time == row.updated_at
        assert (row.is_parked, row.lease) == (False, None)

    def test_it_has_its_whole_allowance_again(self, api: API, call: Call) -> None:
        answer = call(api)
        assert answer.data["metadata"]["num_trials"] == 10
        row = EventDelivery.objects.get()
        assert (row.num_trials, row.num_trials_before) == (10, 10)

    def test_what_was_discarded(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(), "Discarded", num_trials=0)
        assert api.put(f"{path}/{delivery.uid}/resend").data["status"] == "Scheduled"

    def test_a_body_is_ignored(self, api: API, path: str, failed: EventDelivery) -> None:
        assert api.put(f"{path}/{failed.uid}/resend", UNREADABLE[0]).status == 200


class TestRefused:
    @pytest.mark.parametrize(
        ("status", "message"),
        [
            ("Success", "event already sent"),
            ("Scheduled", "cannot resend event that did not fail previously"),
            ("Processing", "cannot resend event that did not fail previously"),
            ("Retry", "cannot resend event that did not fail previously"),
        ],
    )
    def test_what_was_not_given_up_on(
        self, api: API, path: str, make_endpoint: MakeEndpoint, status: str, message: str
    ) -> None:
        delivery = make_delivery(make_endpoint(), status)
        with nothing_changes():
            assert api.put(f"{path}/{delivery.uid}/resend").error == (400, message)

    def test_a_delivery_that_is_being_sent_keeps_its_lease(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        lease, end = uuid4(), timezone.now() + timedelta(seconds=60)
        delivery = make_delivery(make_endpoint(), "Processing", lease=lease, due_at=end)
        assert api.put(f"{path}/{delivery.uid}/resend").status == 400
        assert EventDelivery.objects.values_list("status", "lease", "due_at").get() == ("Processing", lease, end)

    @pytest.mark.parametrize("status", ["paused", "inactive", "pending"])
    def test_the_endpoint_is_not_active(self, api: API, call: Call, failed: EventDelivery, status: str) -> None:
        Endpoint.objects.update(status=status)
        with nothing_changes():
            assert call(api).error == (400, f"the endpoint is currently {status}")

    def test_the_endpoint_is_deleted(self, api: API, call: Call, failed: EventDelivery) -> None:
        delete_endpoint(failed.project_id, failed.endpoint_id)
        with nothing_changes():
            assert call(api).error == (400, "endpoint not found")

    def test_deliveries_that_are_not_there(
        self, api: API, instance: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_delivery(make_endpoint(project_id=other_project.uid), "Failure")
        with nothing_changes():
            for caller in (api, instance):
                for uid in (foreign.uid, "nope", "a" * 5000):
                    assert caller.put(f"{path}/{uid}/resend").error == (400, "event delivery not found")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out(api: API, call: Call) -> None:
    answers = at_once(6, lambda _: call(api))
    assert sorted(answer.status for answer in answers) == [200, *[400] * 5]
    assert {answer.message for answer in answers if answer.status == 400} == {
        "cannot resend event that did not fail previously"
    }


def test_the_statements(api: API, call: Call) -> None:
    with statements() as found:
        call(api)
    # The key, one UPDATE under the condition of its state, the delivery for the answer, and the record.
    expected: list[Any] = ["SELECT projects_apikey", "UPDATE events_eventdelivery", "SELECT events_eventdelivery"]
    expected.append("INSERT activity_activity")
    assert found == expected
