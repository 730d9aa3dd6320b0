"""How endpoints are, as the portal's pages say it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.actors import Actor, ActorKind, acting_as
from deliveries import health
from deliveries.health import EndpointHealth, endpoint_health, endpoint_page, status_counts
from endpoints.models import Endpoint, EndpointHour, EndpointState
from endpoints.operations import activate_endpoint, delete_endpoint, pause_endpoint
from projects.models import Project
from subscriptions.models import Filter, Subscription
from subscriptions.operations import create_subscription
from tests.conftest import Row
from tests.deliveries.rows import make_delivery
from tests.statements import statements

Make = Callable[..., Endpoint]
NOW = timezone.now()
ANNA = Actor(ActorKind.PORTAL_SESSION, "01K4T0ZA7Q3X9W5V1T7R3P9N5M", "anna@birch.example")


@pytest.fixture
def make(make_endpoint: Make) -> Make:
    """Creates an endpoint that listens to all events."""

    def make(**fields: Any) -> Endpoint:
        endpoint = make_endpoint(**fields)
        create_subscription(endpoint.project_id, name="All", endpoint_id=endpoint.uid)
        return endpoint

    return make


def health_of(endpoint: Endpoint) -> Any:
    return endpoint_health([endpoint.uid], NOW)[endpoint.uid]


def state(endpoint: Endpoint, **fields: Any) -> None:
    given: dict[str, Any] = {"last_failure": "404", "last_failure_text": "404 Not Found", "last_failure_at": NOW}
    EndpointState.objects.create(endpoint=endpoint, **given | fields)


def hour(endpoint: Endpoint, delivered: int = 0, failed: int = 0, *, ago: int = 0, answer: str = "200") -> None:
    beginning = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=ago)
    EndpointHour.objects.create(endpoint=endpoint, hour=beginning, answer=answer, delivered=delivered, failed=failed)


def switch(endpoint: Endpoint, status: str, since: datetime | None = NOW) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(status=status, status_since=since)


class TestStatuses:
    def test_a_new_one_is_active(self, make: Make) -> None:
        found = health_of(make())
        assert (found.status, found.since, found.actor, found.reason) == ("active", None, None, "")
        assert (found.delivered, found.failed, found.waiting, found.missed) == (0, 0, 0, 0)
        assert found.hours == [(0, 0)] * 24
        assert (found.last_failure, found.last_failure_text, found.last_delivered_at) == ("", "", None)

    def test_without_an_enabled_filter_it_is_not_subscribed(self, make_endpoint: Make, make: Make, row: Row) -> None:
        bare, subscribed = make_endpoint(), make()
        assert (health_of(bare).status, health_of(bare).listens) == ("not_subscribed", [])
        with row("a filter that is disabled"):
            Filter.objects.update(enabled_at=None)
            assert (health_of(subscribed).status, health_of(subscribed).listens) == ("not_subscribed", [])
        with row("a subscription that is deleted"):
            Subscription.objects.update(deleted_at=NOW)
            assert health_of(subscribed).status == "not_subscribed"

    def test_failing(self, make: Make, row: Row) -> None:
        endpoint = make()
        long_ago, begun = NOW - timedelta(hours=24, minutes=1), NOW - timedelta(hours=2)
        cases: list[tuple[str, dict[str, Any], tuple[int, int], str]] = [
            ("three in a row", {"failed_in_a_row": 3, "failing_since": begun}, (0, 3), "failing"),
            ("two in a row", {"failed_in_a_row": 2, "failing_since": begun}, (0, 2), "active"),
            ("three in a row, long ago", {"failed_in_a_row": 3, "last_failure_at": long_ago}, (0, 0), "active"),
            ("half of six", {"failed_in_a_row": 1, "failing_since": begun}, (3, 3), "failing"),
            ("less than half", {"failed_in_a_row": 1, "failing_since": begun}, (4, 3), "active"),
            ("half of four", {"failed_in_a_row": 2, "failing_since": begun}, (2, 2), "active"),
            ("half, and two delivered since", {"delivered_in_a_row": 2}, (5, 5), "failing"),
            ("half, and three delivered since", {"delivered_in_a_row": 3}, (5, 5), "active"),
        ]
        for name, course, hours, status in cases:
            with row(name):
                state(endpoint, **course)
                hour(endpoint, *hours)
                found = health_of(endpoint)
                assert found.status == status
                since = course.get("failing_since", NOW)
                assert found.since == (since if status == "failing" else None)
                assert (found.last_failure, found.last_failure_text) == ("404", "404 Not Found")

    def test_retrying(self, make: Make) -> None:
        endpoint = make()
        first = make_delivery(endpoint, "Retry", at=NOW - timedelta(minutes=9))
        make_delivery(endpoint, "Retry", at=NOW - timedelta(minutes=3))
        make_delivery(endpoint, "Scheduled")
        found = health_of(endpoint)
        assert (found.status, found.waiting) == ("retrying", 2)
        assert found.since == found.retrying_since == first.created_at
        state(endpoint, failing_since=NOW - timedelta(minutes=1))
        assert health_of(endpoint).retrying_since == NOW - timedelta(minutes=1)

    def test_paused(self, make: Make) -> None:
        endpoint = make()
        with acting_as(ANNA):
            pause_endpoint(endpoint.project_id, endpoint.uid)
        endpoint.refresh_from_db()
        found = health_of(endpoint)
        assert (found.status, found.actor, found.reason) == ("paused", ANNA, "")
        assert found.since == endpoint.status_since == endpoint.updated_at

    def test_disabled(self, make: Make, row: Row) -> None:
        endpoint = make()
        for status in ("inactive", "pending"):
            with row(status):
                actor = asdict(Actor(ActorKind.CIRCUIT_BREAKER))
                switch(endpoint, status)
                Endpoint.objects.update(status_actor=actor, status_reason="503 Service Unavailable")
                found = health_of(endpoint)
                assert (found.status, found.since) == ("disabled", NOW)
                assert (found.actor, found.reason) == (Actor(ActorKind.CIRCUIT_BREAKER), "503 Service Unavailable")
        with row("before the server kept who had done it"):
            switch(endpoint, "inactive", None)
            make_delivery(endpoint, "Discarded")
            found = health_of(endpoint)
            assert (found.status, found.since, found.actor, found.missed) == ("disabled", None, None, 0)

    def test_the_first_that_holds(self, make: Make, row: Row) -> None:
        """Each step takes away the reason for the status before."""
        endpoint = make()
        state(endpoint, failed_in_a_row=9, failing_since=NOW)
        make_delivery(endpoint, "Retry")
        Filter.objects.update(enabled_at=None)
        switch(endpoint, "inactive")
        assert health_of(endpoint).status == "disabled"
        switch(endpoint, "paused")
        assert health_of(endpoint).status == "paused"
        switch(endpoint, "active")
        assert health_of(endpoint).status == "not_subscribed"
        Filter.objects.update(enabled_at=NOW)
        assert health_of(endpoint).status == "failing"
        EndpointState.objects.update(failed_in_a_row=0, failing_since=None)
        assert health_of(endpoint).status == "retrying"

    def test_activating_starts_afresh(self, make: Make) -> None:
        endpoint = make()
        state(endpoint, failed_in_a_row=9, failing_since=NOW)
        hour(endpoint, 0, 61, answer="404")
        pause_endpoint(endpoint.project_id, endpoint.uid)
        activate_endpoint(endpoint.project_id, endpoint.uid)
        found = health_of(endpoint)
        assert (found.status, found.failed) == ("active", 61)
        EndpointState.objects.update(failed_in_a_row=1, last_failure_at=timezone.now())
        assert health_of(endpoint).status == "failing"


class TestFigures:
    def test_the_last_24_hours(self, make: Make) -> None:
        endpoint, other = make(), make()
        hour(endpoint, 5, ago=0)
        hour(endpoint, 0, 2, ago=0, answer="404")
        hour(endpoint, 7, ago=1)
        hour(endpoint, 1, ago=23)
        hour(endpoint, 100, ago=24)
        hour(other, 1000)
        found = health_of(endpoint)
        assert found.hours == [(1, 0), *[(0, 0)] * 21, (7, 0), (5, 2)]
        assert (found.delivered, found.failed) == (13, 2)

    def test_a_database_whose_clock_is_ahead(self, make: Make) -> None:
        endpoint = make()
        hour(endpoint, 5, ago=-1)
        assert health_of(endpoint).hours == [(0, 0)] * 24

    def test_what_was_missed(self, make: Make) -> None:
        endpoint, other = make(), make()
        switch(endpoint, "paused")
        later, before = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
        make_delivery(endpoint, "Discarded", at=later)
        # It waited when the endpoint was paused, and was discarded when it was due.
        make_delivery(endpoint, "Discarded", at=before, updated_at=later)
        make_delivery(endpoint, "Discarded", at=before)
        make_delivery(endpoint, "Discarded", at=later, test="test")
        make_delivery(endpoint, "Failure", at=later)
        make_delivery(other, "Discarded", at=later)
        assert health_of(endpoint).missed == 2
        switch(endpoint, "active")
        assert health_of(endpoint).missed == 0

    def test_what_it_listens_to(self, make_endpoint: Make, project: Project) -> None:
        endpoint = make_endpoint()
        create_subscription(
            project.uid, name="Some", endpoint_id=endpoint.uid, filter_config={"event_types": ["order.paid", "b"]}
        )
        found = health_of(endpoint)
        assert (found.listens, found.has_conditions) == (["b", "order.paid"], False)
        Filter.objects.filter(event_type="b").update(conditions={"body": {"amount": {"$gt": 5}}})
        assert health_of(endpoint).has_conditions is True
        Filter.objects.filter(event_type="b").update(enabled_at=None)
        found = health_of(endpoint)
        assert (found.listens, found.has_conditions) == (["order.paid"], False)


class TestList:
    @pytest.fixture
    def six(self, make: Make, make_endpoint: Make) -> dict[str, str]:
        """An endpoint of each status, by status, with names against the order; returns ids."""
        made = {
            "failing": make(name="f"),
            "retrying": make(name="e"),
            "not_subscribed": make_endpoint(name="d"),
            "active": make(name="c"),
            "paused": make(name="b"),
            "disabled": make(name="a"),
        }
        state(made["failing"], failed_in_a_row=3)
        make_delivery(made["retrying"], "Retry")
        switch(made["paused"], "paused")
        switch(made["disabled"], "inactive")
        return {status: endpoint.uid for status, endpoint in made.items()}

    @pytest.mark.slow
    def test_what_needs_the_customer_comes_first(self, project: Project, six: dict[str, str]) -> None:
        page = endpoint_page(Endpoint.objects.for_project(project.uid), now=NOW)
        assert [(each.health.status.value, each.uid) for each in page.endpoints] == list(six.items())
        assert page.after == ""
        first = page.endpoints[0]
        assert (first.name, first.url) == ("f", "https://hooks.example.com/in")
        assert {each.uid: each.health for each in page.endpoints} == endpoint_health(list(six.values()), NOW)

    @pytest.mark.slow
    def test_a_list_counts_no_further_than_it_shows(
        self, project: Project, six: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "COUNTED_IN_LIST", 2)
        paused = Endpoint.objects.get(pk=six["paused"])
        for _ in range(3):
            make_delivery(paused, "Discarded", updated_at=NOW + timedelta(seconds=1))
        scope = Endpoint.objects.for_project(project.uid)
        [listed] = endpoint_page(scope, status=EndpointHealth.PAUSED).endpoints
        assert (listed.health.missed, health_of(paused).missed) == (2, 3)

    @pytest.mark.slow
    def test_one_status(self, project: Project, six: dict[str, str]) -> None:
        for status in EndpointHealth:
            page = endpoint_page(Endpoint.objects.for_project(project.uid), status=status)
            assert [each.uid for each in page.endpoints] == [six[status]]

    def test_the_numbers_of_statuses(self, project: Project, other_project: Project, six: dict[str, str]) -> None:
        assert status_counts(Endpoint.objects.for_project(project.uid)) == dict.fromkeys(six, 1)
        assert status_counts(Endpoint.objects.for_project(other_project.uid)) == dict.fromkeys(six, 0)

    def test_a_scope(self, project: Project, make_endpoint: Make, six: dict[str, str]) -> None:
        own = make_endpoint(owner_id="acme", name="100 % ok")
        scope = Endpoint.objects.for_project(project.uid).order_by("-pk").filter(owner_id="acme")
        for narrowed in (scope, scope.filter(name__icontains="0 %"), scope.filter(pk__in=[own.uid, six["paused"]])):
            assert [each.uid for each in endpoint_page(narrowed).endpoints] == [own.uid]
            assert sum(status_counts(narrowed).values()) == 1
        for empty in (scope.none(), scope.filter(pk__in=[])):
            assert endpoint_page(empty).endpoints == []
            assert sum(status_counts(empty).values()) == 0

    def test_a_deleted_one_is_nowhere(self, project: Project, six: dict[str, str]) -> None:
        delete_endpoint(project.uid, six["failing"])
        assert endpoint_health([six["failing"]]) == {}
        assert status_counts(Endpoint.objects.filter(project=project))[EndpointHealth.FAILING] == 0

    @pytest.mark.slow
    @pytest.mark.parametrize("limit", [1, 2, 3, 5])
    def test_pages(self, project: Project, make: Make, six: dict[str, str], limit: int) -> None:
        for name in ("B", "a", "C", "a"):
            make(name=name)
        scope = Endpoint.objects.for_project(project.uid)
        whole = [each.uid for each in endpoint_page(scope).endpoints]
        names = [each.name for each in endpoint_page(scope, status=EndpointHealth.ACTIVE).endpoints]
        assert names == ["a", "a", "B", "c", "C"]
        found, after = [], ""
        for _ in range(len(whole)):
            page = endpoint_page(scope, after=after, limit=limit)
            found += [each.uid for each in page.endpoints]
            after = page.after
            if not after:
                break
        assert (found, after) == (whole, "")


@pytest.mark.parametrize("number", [1, 50])
def test_statements(project: Project, make: Make, number: int) -> None:
    made = [make(name=f"{each}") for each in range(number)]
    for endpoint in made:
        hour(endpoint, 5)
        make_delivery(endpoint, "Retry")
    scope = Endpoint.objects.for_project(project.uid)
    with statements() as found:
        assert len(endpoint_page(scope).endpoints) == number
        assert status_counts(scope)[EndpointHealth.RETRYING] == number
        assert len(endpoint_health([endpoint.uid for endpoint in made])) == number
    # The page, the numbers, and the health of endpoints that are known.
    assert found == ["WITH endpoints_endpoint"] * 3


def test_without_endpoints_nothing_is_read(db: None) -> None:
    with statements() as found:
        assert endpoint_health([]) == {}
    assert found == []
