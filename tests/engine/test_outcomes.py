"""Outcomes that are written of claimed deliveries."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint, EndpointState
from engine.outcomes import finish
from events.models import DeliveryAttempt, EventDelivery
from projects.models import Project
from tests.engine.claims import claim, claimed, outcome
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


class TestFinishing:
    def test_a_success(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        [delivery] = queue_deliveries(endpoint)
        [found] = on_a_connection(claim).claims
        written = on_a_connection(lambda connection: finish(connection, [outcome(found)]))
        assert written == {delivery.uid}
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials, delivery.due_at, delivery.lease) == ("Success", 1, None, None)
        attempt = DeliveryAttempt.objects.get()
        assert (attempt.delivery_id, attempt.endpoint_id, attempt.http_status) == (delivery.uid, endpoint.uid, "200 OK")
        assert EndpointState.objects.get().events == 1

    def test_a_failure_is_due_again_in_the_same_statement(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [found] = on_a_connection(claim).claims
        on_a_connection(lambda connection: finish(connection, [outcome(found, status="Retry", delay=100)]))
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials) == ("Retry", 1)
        assert delivery.due_at == delivery.next_send_time
        assert timedelta(seconds=90) < delivery.next_send_time - timezone.now() <= timedelta(seconds=100)

    def test_who_has_lost_the_lease_writes_nothing(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [slow] = on_a_connection(claim).claims
        EventDelivery.objects.update(due_at=timezone.now())
        [other] = on_a_connection(claim).claims
        assert on_a_connection(lambda connection: finish(connection, [outcome(slow)])) == set()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.lease) == ("Processing", other.lease)
        assert not DeliveryAttempt.objects.exists()

    @pytest.mark.parametrize(("status", "delay"), [("Success", None), ("Retry", 1000)])
    def test_a_late_outcome_of_one_that_was_parked_is_its_last(
        self, make_endpoint: Make, status: str, delay: float | None
    ) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [found] = on_a_connection(claim).claims
        # Its lease ends, and its endpoint takes nothing now.
        EventDelivery.objects.update(due_at=timezone.now())
        Endpoint.objects.update(status="paused")
        assert claimed() == []
        on_a_connection(partial(finish, outcomes=[outcome(found, status=status, delay=delay)]))
        Endpoint.objects.update(status="active")
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.is_parked) == (status, False)

    def test_only_the_first_attempt_counts_an_event(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        for _ in range(3):
            EventDelivery.objects.update(due_at=timezone.now())
            [found] = on_a_connection(claim).claims
            on_a_connection(partial(finish, outcomes=[outcome(found, status="Retry", delay=0)]))
        assert EndpointState.objects.get().events == 1
        delivery.refresh_from_db()
        assert delivery.num_trials == 3

    def test_a_row_that_is_gone_harms_no_other(self, make_endpoint: Make, project: Project) -> None:
        gone, stays = queue_deliveries(make_endpoint(), 2)
        claims = on_a_connection(claim).claims
        EventDelivery.objects.filter(pk=gone.uid).delete()
        written = on_a_connection(lambda connection: finish(connection, [outcome(found) for found in claims]))
        assert written == {stays.uid}

    def test_successes_and_failures_are_written_together(self, make_endpoint: Make, project: Project) -> None:
        """Whole numbers and fractions of seconds come together in one batch."""
        queued = queue_deliveries(make_endpoint(), 3)
        claims = on_a_connection(claim).claims
        ends: list[dict[str, Any]] = [
            {"latency_seconds": 0.25},
            {"status": "Retry", "delay": 100, "latency_seconds": 0},
            {"status": "Retry", "delay": 2.5, "latency_seconds": 0},
        ]
        outcomes = [outcome(found, **fields) for found, fields in zip(claims, ends, strict=True)]
        written = on_a_connection(lambda connection: finish(connection, outcomes))
        assert written == {delivery.uid for delivery in queued}
