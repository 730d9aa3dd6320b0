"""Outcomes that are written of claimed deliveries."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint, EndpointHour, EndpointState
from engine.lost import LOST_ATTEMPT
from engine.outcomes import MOST_IN_A_ROW, Outcome, finish
from engine.queue import Claim
from events.models import DeliveryAttempt, EventDelivery
from projects.models import Project
from tests.engine.claims import claim, claimed, failed, outcome
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
        # The other claim has recorded that this worker was lost.
        assert [attempt.error for attempt in DeliveryAttempt.objects.all()] == [LOST_ATTEMPT]

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
        """One batch has both whole numbers and fractions of seconds."""
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


Write = Callable[[Claim], Outcome]
#: Attempts by letter: delivered, failed for good, failed and to be tried again.
LETTERS: dict[str, Write] = {"d": outcome, "f": failed, "r": partial(failed, delay=1000)}


class TestFigures:
    def test_a_success(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        before = timezone.now()
        write(endpoint, ["d"])
        state = EndpointState.objects.get()
        assert (state.failed_in_a_row, state.delivered_in_a_row, state.failing_since) == (0, 1, None)
        assert state.last_delivered_at == DeliveryAttempt.objects.get().responded_at
        assert (state.last_failure, state.last_failure_text, state.last_failure_at) == ("", "", None)
        hour = EndpointHour.objects.get()
        assert (hour.endpoint_id, hour.answer, hour.delivered, hour.failed) == (endpoint.uid, "200", 1, 0)
        moments = {moment.replace(minute=0, second=0, microsecond=0) for moment in (before, timezone.now())}
        assert hour.hour in moments

    def test_a_failure(self, make_endpoint: Make) -> None:
        write(make_endpoint(), ["f"])
        state, attempt = EndpointState.objects.get(), DeliveryAttempt.objects.get()
        assert (state.failed_in_a_row, state.delivered_in_a_row, state.last_delivered_at) == (1, 0, None)
        assert state.failing_since == state.last_failure_at == attempt.requested_at
        assert (state.last_failure, state.last_failure_text) == ("404", "404 Not Found")
        hour = EndpointHour.objects.get()
        assert (hour.answer, hour.delivered, hour.failed) == ("404", 0, 1)

    def test_a_delivery_that_is_retried_has_not_finished(self, make_endpoint: Make) -> None:
        write(make_endpoint(), ["r"])
        state = EndpointState.objects.get()
        assert (state.failed_in_a_row, state.events, state.last_failure) == (0, 1, "404")
        assert state.failing_since is not None
        assert not EndpointHour.objects.exists()

    @pytest.mark.parametrize(
        ("batches", "failed_in_a_row", "delivered_in_a_row", "failing_from"),
        [
            ("ddd", 0, 3, None),
            ("fff", 3, 0, 0),
            ("f f f", 3, 0, 0),
            ("rf", 1, 0, 0),
            ("fd", 0, 1, None),
            ("f d", 0, 1, None),
            ("df", 1, 0, 1),
            ("d f", 1, 0, 1),
            ("ffdff", 2, 0, 3),
            ("ff dff", 2, 0, 3),
            ("ff ffd", 0, 1, None),
            ("d dfdd", 0, 2, None),
            ("dd rd", 0, 3, None),
            ("d r", 0, 1, 1),
            ("r r", 0, 0, 0),
            ("dr rf", 1, 0, 1),
        ],
    )
    def test_the_course_of_deliveries(
        self,
        make_endpoint: Make,
        batches: str,
        failed_in_a_row: int,
        delivered_in_a_row: int,
        failing_from: int | None,
    ) -> None:
        """A batch that holds another endpoint's successes too, and the same attempts one by one, make no difference."""
        together, alone, other = make_endpoint(), make_endpoint(), make_endpoint()
        write(together, batches.split(), beside=other)
        write(alone, list(batches.replace(" ", "")))
        for endpoint in (together, alone):
            state = EndpointState.objects.get(pk=endpoint.uid)
            assert (state.failed_in_a_row, state.delivered_in_a_row) == (failed_in_a_row, delivered_in_a_row)
            times = list(
                DeliveryAttempt.objects.filter(endpoint=endpoint).order_by("pk").values_list("requested_at", flat=True)
            )
            assert state.failing_since == (None if failing_from is None else times[failing_from])

    def test_an_hour_by_kind_of_answer(self, make_endpoint: Make) -> None:
        endpoint, other = make_endpoint(), make_endpoint()
        error = "context deadline exceeded: no complete response within 10 seconds"
        timeout = partial(failed, http_status="", error=error, responded_at=None)
        for _ in range(2):
            finish_all(endpoint, [outcome, outcome, failed, timeout, partial(timeout, delay=9)])
        finish_all(other, [outcome])
        rows = EndpointHour.objects.filter(endpoint=endpoint).values_list("answer", "delivered", "failed")
        assert set(rows) == {("200", 4, 0), ("404", 0, 2), ("timeout", 0, 2)}
        assert EndpointState.objects.get(pk=endpoint.uid).last_failure_text == error
        assert EndpointHour.objects.get(endpoint=other).delivered == 1

    def test_a_lost_lease_counts_nothing(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint())
        [slow] = on_a_connection(claim).claims
        EventDelivery.objects.update(due_at=timezone.now())
        on_a_connection(claim)
        for late in (outcome(slow), failed(slow)):
            assert on_a_connection(partial(finish, outcomes=[late])) == set()
        assert not EndpointHour.objects.exists()
        assert not EndpointState.objects.exists()

    @pytest.mark.parametrize("letter", ["d", "f"])
    def test_a_row_has_an_end(self, make_endpoint: Make, letter: str) -> None:
        endpoint = make_endpoint()
        most = {"failed_in_a_row": MOST_IN_A_ROW, "delivered_in_a_row": MOST_IN_A_ROW}
        EndpointState.objects.create(endpoint=endpoint, **most)
        write(endpoint, [letter])
        state = EndpointState.objects.get()
        ended, goes_on = state.failed_in_a_row, state.delivered_in_a_row
        assert sorted([ended, goes_on]) == [0, MOST_IN_A_ROW]

    def test_a_long_error_is_cut(self, make_endpoint: Make) -> None:
        finish_all(make_endpoint(), [partial(failed, http_status="404 " + "x" * 5000)])
        state = EndpointState.objects.get()
        assert (state.last_failure, len(state.last_failure_text)) == ("404", 200)


class TestTestEvents:
    @pytest.mark.parametrize("test", ["test", "rehearsal"])
    def test_they_are_outside_of_all_figures(self, make_endpoint: Make, test: str) -> None:
        endpoint = make_endpoint()
        finish_all(endpoint, [outcome, failed, partial(failed, delay=1)], test=test)
        assert not EndpointHour.objects.exists()
        assert not EndpointState.objects.exists()
        assert list(DeliveryAttempt.objects.values_list("is_test", flat=True)) == [True] * 3

    def test_they_change_nothing_beside_others(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint)
        queue_deliveries(endpoint, test="test")
        claims = on_a_connection(claim).claims
        ends = [failed(each) if each.delivery.test else outcome(each) for each in claims]
        on_a_connection(partial(finish, outcomes=ends))
        state, hour = EndpointState.objects.get(), EndpointHour.objects.get()
        assert (state.events, state.failed_in_a_row, state.last_failure, hour.failed) == (1, 0, "", 0)
        assert sorted(DeliveryAttempt.objects.values_list("is_test", flat=True)) == [False, True]


def write(endpoint: Endpoint, batches: Sequence[str], *, beside: Endpoint | None = None) -> None:
    """Write attempts of an endpoint in batches of LETTERS; each batch holds a success of the one `beside`, too."""
    for batch in batches:
        if beside is not None:
            queue_deliveries(beside)
        finish_all(endpoint, [LETTERS[letter] for letter in batch])


def finish_all(endpoint: Endpoint, ends: Sequence[Write], **fields: Any) -> None:
    """Claim a delivery for each of the `ends`, in their order, and write them together."""
    queue_deliveries(endpoint, len(ends), **fields)
    claims = on_a_connection(claim).claims
    own = [found for found in claims if found.target.uid == endpoint.uid]
    others = [found for found in claims if found.target.uid != endpoint.uid]
    made = [end(found) for end, found in zip(ends, own, strict=True)] + [outcome(found) for found in others]
    on_a_connection(partial(finish, outcomes=made))
