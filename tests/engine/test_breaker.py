"""The circuit breaker: its states as a table, and what one look does to the endpoints."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.ulid import first_ulid_at, new_ulid
from endpoints.models import Endpoint, EndpointState
from engine import breaker
from engine.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, next_state
from engine.lost import LOST_ATTEMPT
from events.models import DeliveryAttempt
from projects.config import CIRCUIT_BREAKER
from projects.models import Project
from tests.engine.engine import on_a_connection, queue_deliveries

NOW = datetime(2026, 7, 3, 9, 0, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def closed(trips: int = 0) -> Breaker:
    return Breaker(CLOSED, trips, None, None)


def half_open(trips: int = 1) -> Breaker:
    return Breaker(HALF_OPEN, trips, None, PAST)


class TestStates:
    @pytest.mark.parametrize(
        ("before", "successes", "failures", "after"),
        [
            (closed(), 0, 0, CLOSED),
            (closed(), 0, 9, CLOSED),  # fewer than minimum_request_count
            (closed(), 0, 10, OPEN),
            (closed(), 3, 7, OPEN),  # 70 percent: the threshold itself
            (closed(), 31, 69, CLOSED),
            (half_open(), 0, 0, HALF_OPEN),  # nobody has tried yet
            (half_open(), 1, 19, CLOSED),  # 5 percent: the threshold itself
            (half_open(), 0, 1, OPEN),  # the first attempt decides
            (Breaker(OPEN, 1, FUTURE, None), 9, 0, OPEN),
            (Breaker(OPEN, 1, PAST, None), 0, 99, HALF_OPEN),
        ],
    )
    def test_next_state(self, before: Breaker, successes: int, failures: int, after: str) -> None:
        found = next_state(before, successes=successes, failures=failures, config=CIRCUIT_BREAKER, now=NOW)
        assert found.state == after

    def test_opening_sets_the_time_and_counts_the_trip(self) -> None:
        found = next_state(closed(2), successes=0, failures=10, config=CIRCUIT_BREAKER | {"error_timeout": 7}, now=NOW)
        assert (found.open_until, found.consecutive_trips) == (NOW + timedelta(seconds=7), 3)

    def test_closing_forgets_the_trips_and_what_was_before(self) -> None:
        found = next_state(half_open(9), successes=1, failures=0, config=CIRCUIT_BREAKER, now=NOW)
        assert found == Breaker(CLOSED, 0, None, NOW)

    def test_half_open_counts_from_the_end_of_the_open_time(self) -> None:
        found = next_state(Breaker(OPEN, 1, PAST, None), successes=0, failures=10, config=CIRCUIT_BREAKER, now=NOW)
        assert found.counted_from == PAST


@pytest.mark.django_db(transaction=True)
class TestLooking:
    def test_an_endpoint_that_fails_is_left_alone(self, make_endpoint: Callable[..., Endpoint]) -> None:
        bad, good = make_endpoint(), make_endpoint()
        attempts(bad, failures=10)
        attempts(good, successes=9, failures=1)
        look()
        states = {state.endpoint_id: state for state in EndpointState.objects.all()}
        assert (states[bad.uid].breaker, states[bad.uid].failure_rate) == (OPEN, 100)
        assert (states[good.uid].breaker, states[good.uid].failure_rate) == (CLOSED, 10)

    def test_attempts_whose_worker_was_lost_do_not_count(self, make_endpoint: Callable[..., Endpoint]) -> None:
        endpoint = make_endpoint()
        attempts(endpoint, failures=10)
        DeliveryAttempt.objects.update(error=LOST_ATTEMPT)
        attempts(endpoint, successes=1)
        look()
        state = EndpointState.objects.get()
        assert (state.breaker, state.failure_rate) == (CLOSED, 0)

    def test_hours_of_success_do_not_hide_an_outage(self, make_endpoint: Callable[..., Endpoint]) -> None:
        endpoint = make_endpoint()
        EndpointState.objects.create(
            endpoint=endpoint, breaker=CLOSED, counted_from=timezone.now() - timedelta(hours=5)
        )
        attempts(endpoint, successes=500, age=timedelta(minutes=6))
        attempts(endpoint, failures=10)
        look()
        assert EndpointState.objects.get().breaker == OPEN

    def test_the_project_decides_how_long_back(self, project: Project, make_endpoint: Callable[..., Endpoint]) -> None:
        project.config["circuit_breaker"]["observability_window"] = 60
        project.save()
        endpoint = make_endpoint()
        attempts(endpoint, failures=10, age=timedelta(minutes=50))
        look()
        assert EndpointState.objects.get().breaker == OPEN

    @pytest.mark.parametrize("window", [2147483647, 0, -5])
    def test_a_window_that_was_stored_before_it_was_checked(
        self, project: Project, make_endpoint: Callable[..., Endpoint], window: int
    ) -> None:
        project.config["circuit_breaker"]["observability_window"] = window
        project.save()
        endpoint = make_endpoint()
        attempts(endpoint, failures=10)
        look()
        assert EndpointState.objects.get().breaker == OPEN

    def test_open_becomes_half_open_becomes_closed(self, make_endpoint: Callable[..., Endpoint]) -> None:
        endpoint = make_endpoint()
        attempts(endpoint, failures=10, age=timedelta(seconds=30))
        look()
        EndpointState.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        look()
        assert EndpointState.objects.get().breaker == HALF_OPEN
        look()
        assert EndpointState.objects.get().breaker == HALF_OPEN
        attempts(endpoint, successes=1)
        look()
        state = EndpointState.objects.get()
        assert (state.breaker, state.consecutive_trips, state.failure_rate) == (CLOSED, 0, 0)

    def test_trips_in_a_row_disable_the_endpoint(
        self, project: Project, make_endpoint: Callable[..., Endpoint]
    ) -> None:
        project.config["disable_endpoint"] = True
        project.save()
        endpoint = make_endpoint()
        EndpointState.objects.create(
            endpoint=endpoint, breaker=HALF_OPEN, consecutive_trips=9, last_failure_text="404 Not Found"
        )
        attempts(endpoint, failures=1)
        look()
        endpoint.refresh_from_db()
        assert endpoint.status == "inactive"
        assert endpoint.status_actor == {"kind": "circuit_breaker", "uid": "", "name": "", "owner_id": ""}
        assert endpoint.status_reason == "404 Not Found"

    def test_trips_in_a_row_disable_nothing_where_the_project_does_not_want_it(
        self, make_endpoint: Callable[..., Endpoint]
    ) -> None:
        endpoint = make_endpoint()
        EndpointState.objects.create(endpoint=endpoint, breaker=HALF_OPEN, consecutive_trips=9)
        attempts(endpoint, failures=1)
        look()
        endpoint.refresh_from_db()
        assert endpoint.status == "active"
        assert EndpointState.objects.get().breaker == OPEN

    def test_test_events_are_left_out(self, make_endpoint: Callable[..., Endpoint]) -> None:
        endpoint = make_endpoint()
        attempts(endpoint, failures=100, is_test=True)
        look()
        assert not EndpointState.objects.exists()
        attempts(endpoint, successes=9, failures=1)
        look()
        state = EndpointState.objects.get()
        assert (state.breaker, state.failure_rate) == (CLOSED, 10)

    def test_the_rate_goes_back_to_nothing(self, make_endpoint: Callable[..., Endpoint]) -> None:
        endpoint = make_endpoint()
        EndpointState.objects.create(endpoint=endpoint, breaker=CLOSED, failure_rate=40)
        look()
        assert EndpointState.objects.get().failure_rate == 0


def look() -> None:
    on_a_connection(breaker.look)


def attempts(
    endpoint: Endpoint, *, successes: int = 0, failures: int = 0, age: timedelta = timedelta(), is_test: bool = False
) -> None:
    """Store attempts that ended `age` ago."""
    [delivery] = queue_deliveries(endpoint, status="Success", due_at=None)
    moment = timezone.now() - age
    prefix = first_ulid_at(moment)[:10]
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            uid=prefix + new_ulid()[10:],
            delivery=delivery,
            project=endpoint.project,
            endpoint=endpoint,
            url=endpoint.url,
            status=succeeded,
            is_test=is_test,
            requested_at=moment,
            created_at=moment,
        )
        for succeeded in [True] * successes + [False] * failures
    )
