"""Counts of a customer's deliveries. Contract: docs/contract/portal-sessions.md#counts"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from deliveries import counts as delivery_counts
from deliveries.exceptions import CountTooSlow
from endpoints.models import Endpoint
from events.models import EventDelivery
from portal import delivery_views
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.locks import locked
from tests.portal.api.customers import ROOT, Call, MakeEndpoint, RefusesStrangers, create_link, portal
from tests.statements import statements

TOTALS = "/eventdeliveries/statustotals"
COUNT = "/eventdeliveries/countbatchretryevents"
SUMMARY = "/dashboard/summary"
RATES = "/endpoints/period-failure-rates"


@pytest.fixture
def others(make_endpoint: MakeEndpoint, other_project: Project) -> Endpoint:
    """Another owner's endpoint with a delivery, and one of another project."""
    make_delivery(make_endpoint(project_id=other_project.uid, owner_id="acme"), "Success")
    other = make_endpoint(owner_id="globex")
    make_delivery(other, "Success")
    return other


@pytest.fixture
def rows(endpoint: Endpoint, others: Endpoint) -> Endpoint:
    """Acme's endpoint with two successes and a failure, and one more that is 30 days old."""
    for status in ("Success", "Success", "Failure"):
        make_delivery(endpoint, status)
    make_delivery(endpoint, "Retry", at=timezone.now() - timedelta(days=30))
    return endpoint


class TestTotals:
    def test_by_status(self, manager: API, rows: Endpoint, others: Endpoint) -> None:
        answer = manager.get(TOTALS)
        assert (answer.status, answer.message) == (200, "event delivery status totals fetched successfully")
        totals = {"totals": {"Success": 2, "Failure": 1}, "source": "live"}
        assert answer.data == totals
        # The list's other filters are not its.
        query = f"endpointId={rows.uid}&endpointId={others.uid}&status=Failure&eventId=x&idempotencyKey=x"
        assert manager.get(f"{TOTALS}?{query}").data == totals
        assert manager.get(f"{TOTALS}?endpointId={others.uid}").data == {"totals": {}, "source": "live"}
        assert manager.get(f"{TOTALS}?startDate=2020-01-01T00:00:00").data["totals"]["Retry"] == 1

    def test_of_a_whole_project(self, api: API, rows: Endpoint) -> None:
        api.root = ROOT
        assert api.get(TOTALS).data["totals"] == {"Success": 3, "Failure": 1}

    def test_dates_that_are_none(self, manager: API) -> None:
        message = "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all"
        assert manager.get(f"{TOTALS}?endDate=now").error == (400, message)


class TestCount:
    def test_it_is_the_lists(self, manager: API, rows: Endpoint, others: Endpoint) -> None:
        answer = manager.get(COUNT)
        assert (answer.status, answer.message, answer.data) == (200, "event deliveries count successful", {"num": 3})
        for query, number in (
            *(("status=Failure", 1), ("status=Failure&status=Success", 3), (f"endpointId={others.uid}", 0)),
            *(("eventId=x", 0), ("startDate=2020-01-01T00:00:00", 4), ("eventType=nope", 0)),
        ):
            assert manager.get(f"{COUNT}?{query}").data == {"num": number}, query


def buckets(answer: Any) -> list[tuple[int, str, int]]:
    return [(bucket["data"]["index"], bucket["data"]["date"], bucket["count"]) for bucket in answer.data["event_data"]]


class TestSummary:
    @pytest.fixture
    def days(self, make_endpoint: MakeEndpoint, others: Endpoint) -> None:
        """Acme's deliveries of four days: a Sunday, the Monday after it, a day of spring, and of another year."""
        endpoint, _ = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        for year, month, day in ((2026, 2, 1), (2026, 2, 2), (2026, 2, 2), (2026, 5, 4), (2027, 1, 1)):
            make_delivery(endpoint, at=datetime(year, month, day, 23, 59, 59, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("period", "last", "before"),
        [
            (
                "daily",
                [(32, "2026-02-01", 1), (33, "2026-02-02", 2), (124, "2026-05-04", 1), (1, "2027-01-01", 1)],
                ["2026-01-30", "2026-01-31"],
            ),
            (
                "weekly",
                [(5, "2026-01-26", 1), (6, "2026-02-02", 2), (19, "2026-05-04", 1), (53, "2026-12-28", 1)],
                ["2026-01-12", "2026-01-19"],
            ),
            ("monthly", [(2, "2026-02", 3), (5, "2026-05", 1), (1, "2027-01", 1)], ["2025-12", "2026-01"]),
            ("yearly", [(2026, "2026", 4), (2027, "2027", 1)], ["2024", "2025"]),
        ],
    )
    def test_by_period(
        self, manager: API, days: None, period: str, last: list[tuple[int, str, int]], before: list[str]
    ) -> None:
        answer = manager.get(f"{SUMMARY}?startDate=2026-01-01T00:00:00&endDate=2027-12-31T23:59:59&type={period}")
        assert (answer.status, answer.message) == (200, "Dashboard summary fetched successfully")
        assert {name: value for name, value in answer.data.items() if name != "event_data"} == {
            "events_sent": 5,
            "apps": 2,
            "period": period,
        }
        found = buckets(answer)
        assert len(found) == 30
        assert found[-len(last) :] == last
        padding = found[: -len(last)]
        assert {(index, count) for index, _, count in padding} == {(0, 0)}
        assert [date for _, date, _ in padding][-2:] == before

    def test_without_an_end_it_is_the_day(self, manager: API, days: None) -> None:
        answer = manager.get(f"{SUMMARY}?startDate=2026-02-02T00:00:00&type=daily")
        assert answer.data["events_sent"] == 2

    def test_nothing_was_sent(self, manager: API, days: None) -> None:
        found = buckets(manager.get(f"{SUMMARY}?startDate=2025-02-02T00:00:00&type=daily"))
        assert (found[0], found[-1], len(found)) == ((0, "2025-01-04", 0), (0, "2025-02-02", 0), 30)

    @pytest.mark.parametrize("period", ["daily", "weekly", "monthly", "yearly"])
    def test_at_the_ends_of_time(self, manager: API, days: None, period: str) -> None:
        assert manager.get(f"{SUMMARY}?startDate=0001-01-01T00:00:00&type={period}").status == 200
        window = "startDate=0001-01-01T00:00:00&endDate=9999-12-31T23:59:59"
        assert manager.get(f"{SUMMARY}?{window}&type={period}").data["events_sent"] == 5

    @pytest.mark.slow
    def test_more_than_thirty_are_not_padded(self, manager: API, endpoint: Endpoint) -> None:
        for day in range(35):
            make_delivery(endpoint, at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day))
        found = buckets(manager.get(f"{SUMMARY}?startDate=2026-01-01T00:00:00&endDate=2026-12-31T00:00:00&type=daily"))
        assert len(found) == 35
        assert found[0] == (60, "2026-03-01", 1)

    def test_no_endpoints(self, project: Project, days: None) -> None:
        caller = portal(create_link(project, owner_id="nobody").token)
        answer = caller.get(f"{SUMMARY}?startDate=2026-02-02T00:00:00&type=weekly")
        assert answer.message == "Dashboard summary fetched successfully"
        assert answer.data == {"events_sent": 0, "apps": 0, "period": "weekly", "event_data": []}

    def test_of_a_whole_project(self, api: API, project: Project, days: None) -> None:
        api.root = ROOT
        answer = api.get(f"{SUMMARY}?startDate=2026-01-01T00:00:00&endDate=9999-12-31T23:59:59&type=yearly")
        assert (answer.data["events_sent"], answer.data["apps"]) == (6, 3)

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("", "please specify a startDate query"),
            ("type=daily", "please specify a startDate query"),
            ("startDate=now&type=daily", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("startDate=2026-01-01T00:00:00", "please specify a type query"),
            (
                "startDate=2026-01-01T00:00:00&type=Daily",
                "please specify a type query in (daily, weekly, monthly, yearly)",
            ),
            (
                "startDate=2026-01-01T00:00:00&type=daily&endDate=now",
                "please specify an endDate in the format 2006-01-02T15:04:05 or none at all",
            ),
            (
                "startDate=2026-01-01T00:00:00&type=daily&endDate=2025-01-01T00:00:00",
                "invalid period 'daily': startDate cannot be greater than endDate",
            ),
        ],
    )
    def test_queries_that_are_none(self, manager: API, query: str, message: str) -> None:
        assert manager.get(f"{SUMMARY}?{query}").error == (400, message)


class TestRates:
    def test_ids_of_others_are_dropped(self, manager: API, rows: Endpoint, others: Endpoint) -> None:
        query = "&".join(f"endpointId={uid}" for uid in (others.uid, rows.uid, "nope"))
        [rate] = manager.get(f"{RATES}?{query}").data
        assert rate.pop("period_failure_rate") == pytest.approx(1 / 3)
        assert rate == {"uid": rows.uid, "success_count": 2, "failure_count": 1, "retry_count": 0}
        assert manager.get(f"{RATES}?endpointId={others.uid}").data == []

    def test_a_key_asks_for_its_project(self, api: API, rows: Endpoint, others: Endpoint) -> None:
        api.root = ROOT
        found = api.get(f"{RATES}?endpointId={others.uid}&endpointId=nope").data
        assert [(rate["uid"], rate["success_count"]) for rate in found] == [(others.uid, 1), ("nope", None)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [TOTALS, COUNT, f"{SUMMARY}?startDate=2026-01-01T00:00:00&type=daily"])
def test_what_takes_too_long(
    project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A lock on the table stands for rows that take long to count."""
    make_endpoint(owner_id="acme")
    caller = portal(create_link(project).token)
    for module in (delivery_counts, delivery_views):
        monkeypatch.setattr(module, "BUDGET_SECONDS", 0.2)
    with locked(EventDelivery):
        assert caller.get(path).error == (504, CountTooSlow.message)


class TestAuthentication(RefusesStrangers):
    @pytest.fixture(params=[TOTALS, COUNT, SUMMARY, RATES])
    def call(self, request: pytest.FixtureRequest) -> Call:
        return lambda api: api.get(request.param)


@pytest.mark.parametrize("count", [1, 20])
def test_the_statements(project: Project, make_endpoint: MakeEndpoint, count: int) -> None:
    for _ in range(count):
        make_delivery(make_endpoint(owner_id="acme"))
    caller = portal(create_link(project).token)
    for path in (TOTALS, f"{SUMMARY}?startDate=2026-01-01T00:00:00&type=daily"):
        with statements() as found:
            assert caller.get(path).status == 200
        assert found == [
            *("SELECT portal_links_portallink", "SELECT endpoints_endpoint"),
            *("SELECT", "SELECT events_eventdelivery", "SELECT"),
        ]
