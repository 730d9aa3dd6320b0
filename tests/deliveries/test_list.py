"""GET /api/v1/projects/{projectID}/eventdeliveries. Contract: docs/contract/deliveries.md#parameters"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.conftest import API, Answer
from tests.deliveries.rows import make_delivery, make_event
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.get(path)


def uids(answer: Answer) -> list[str]:
    return [row["uid"] for row in answer.data["content"]]


class TestWorks:
    def test_newest_first(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        first, second = (make_delivery(endpoint) for _ in range(2))
        answer = api.get(path)
        assert (answer.status, answer.message) == (200, "Event deliveries fetched successfully")
        assert answer.data == {
            "content": [api.get(f"{path}/{delivery.uid}").data for delivery in (second, first)],
            "pagination": {
                "per_page": 20,
                "has_next_page": False,
                "has_prev_page": False,
                "prev_page_cursor": second.uid,
                "next_page_cursor": first.uid,
            },
        }
        assert api.get(f"{path}/").data == answer.data

    def test_of_a_project_without_any(self, api: API, path: str) -> None:
        assert api.get(path).data["content"] == []

    @pytest.mark.parametrize("sort", ["DESC", "ASC", "asc"])
    def test_pages_in_both_directions_and_orders(
        self, api: API, path: str, make_endpoint: MakeEndpoint, sort: str
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint).uid for _ in range(5)]
        rows.sort(reverse=sort == "DESC")
        query = f"{path}?perPage=2&sort={sort}"
        first = api.get(query)
        assert (uids(first), first.data["pagination"]["has_prev_page"]) == (rows[:2], False)
        second = api.get(f"{query}&next_page_cursor={first.data['pagination']['next_page_cursor']}")
        assert (uids(second), second.data["pagination"]["has_prev_page"]) == (rows[2:4], True)
        third = api.get(f"{query}&next_page_cursor={second.data['pagination']['next_page_cursor']}")
        assert (uids(third), third.data["pagination"]["has_next_page"]) == (rows[4:], False)
        back = api.get(f"{query}&direction=prev&prev_page_cursor={third.data['pagination']['prev_page_cursor']}")
        assert (uids(back), back.data["pagination"]["has_prev_page"]) == (rows[2:4], True)


class TestFilters:
    """Each parameter leaves the one delivery that is the odd one out, or what the case says."""

    @pytest.fixture
    def odd(self, make_endpoint: MakeEndpoint) -> EventDelivery:
        endpoint, other = make_endpoint(), make_endpoint()
        for _ in range(2):
            make_delivery(other, "Success")
        event = make_event(
            endpoint.project_id,
            event_type="invoice.void",
            idempotency_key="inv 991",
            headers={"X-Broker-Message-Id": ["broker 1"]},
        )
        return make_delivery(endpoint, "Failure", event=event)

    @pytest.mark.parametrize(
        "query",
        [
            *("endpointId={endpoint}", "endpointId=nope&endpointId=%20{endpoint}%20&endpointId=", "eventId={event}"),
            *("subscriptionId={subscription}", "eventType=invoice.void", "event_type=invoice.void"),
            *("eventType=invoice.void&event_type=invoice.paid", "status=Failure", "status=Failure&status=Discarded"),
            *("status=nope&status=Failure", "idempotencyKey=inv%20991", "brokerMessageId=broker%201"),
            "idempotencyKey=inv%20991&eventId={event}&status=Failure&endpointId={endpoint}&eventType=invoice.void",
        ],
    )
    def test_the_odd_one(self, api: API, path: str, odd: EventDelivery, query: str) -> None:
        query = query.format(endpoint=odd.endpoint_id, event=odd.event_id, subscription=odd.subscription_id)
        assert uids(api.get(f"{path}?{query}")) == [odd.uid]

    @pytest.mark.parametrize(
        "query",
        [
            *("endpointId=nope", "eventId=nope", "subscriptionId=nope", "eventType=invoice", "status=nope"),
            *("status=failure", "brokerMessageId=broker", "idempotencyKey=inv%20991&eventId=nope"),
            *("endDate=2020-01-01T00:00:00&startDate=2019-01-01T00:00:00", "eventId=" + "x" * 5000),
        ],
    )
    def test_nothing(self, api: API, path: str, odd: EventDelivery, query: str) -> None:
        assert uids(api.get(f"{path}?{query}")) == []

    @pytest.mark.parametrize("query", ["endpointId=&endpointId=%20", "status=", "eventId=", "idempotencyKey=", "q=x"])
    def test_everything(self, api: API, path: str, odd: EventDelivery, query: str) -> None:
        assert len(uids(api.get(f"{path}?{query}"))) == 3

    @pytest.mark.parametrize("key", ["unknown", "INV%20991", "x" * 5000])
    def test_an_idempotency_key_of_no_event(self, api: API, path: str, odd: EventDelivery, key: str) -> None:
        assert api.get(f"{path}?idempotencyKey={key}").error == (400, "event not found")

    def test_an_idempotency_key_of_another_project(
        self, api: API, path: str, other_project: Project, odd: EventDelivery
    ) -> None:
        make_event(other_project.uid, idempotency_key="theirs")
        assert api.get(f"{path}?idempotencyKey=theirs").error == (400, "event not found")

    def test_of_a_key_that_a_customer_has_used_too_the_event_of_the_company(
        self, api: API, path: str, odd: EventDelivery, make_endpoint: MakeEndpoint
    ) -> None:
        events = [make_event(odd.project_id, idempotency_key="key", key_scope=scope) for scope in ("owner:acme", "")]
        rows = [make_delivery(make_endpoint(), event=event) for event in events]
        assert uids(api.get(f"{path}?idempotencyKey=key")) == [rows[1].uid]

    def test_a_duplicate_is_not_looked_up(self, api: API, path: str, odd: EventDelivery) -> None:
        make_event(odd.project_id, idempotency_key="again", is_duplicate_event=True)
        assert api.get(f"{path}?idempotencyKey=again").error == (400, "event not found")


class TestDates:
    def test_the_last_week_where_nothing_else_is_asked_for(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint, now = make_endpoint(), timezone.now()
        make_delivery(endpoint, at=now - timedelta(days=9))
        recent = make_delivery(endpoint, at=now - timedelta(days=6))
        assert uids(api.get(path)) == [recent.uid]

    def test_both_ends_are_in_it(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint, noon = make_endpoint(), timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
        noon -= timedelta(days=100)
        moments: list[Any] = [timedelta(seconds=-0.001), timedelta(0), timedelta(seconds=1.999), timedelta(seconds=2)]
        rows = [make_delivery(endpoint, at=noon + moment).uid for moment in moments]
        window = f"startDate={noon:%Y-%m-%dT%H:%M:%S}&endDate={noon + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
        assert uids(api.get(f"{path}?{window}")) == [rows[2], rows[1]]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("startDate=2026-01-02", "please specify a startDate in the format 2006-01-02T15:04:05"),
            (
                "endDate=2026-01-02T03:04:05Z",
                "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all",
            ),
            (
                "startDate=2026-01-02T00:00:00&endDate=2026-01-01T00:00:00",
                "startDate cannot be greater than endDate",
            ),
        ],
    )
    def test_what_is_no_window(self, api: API, path: str, query: str, message: str) -> None:
        assert api.get(f"{path}?{query}").error == (400, message)


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    def test_a_viewer_may(self, viewer: API, call: Call) -> None:
        assert call(viewer).status == 200


class TestAnotherTenant:
    def test_sees_its_own_alone(self, api: API, path: str, other_project: Project, make_endpoint: MakeEndpoint) -> None:
        own = make_delivery(make_endpoint())
        theirs = make_delivery(make_endpoint(project_id=other_project.uid))
        assert uids(api.get(path)) == [own.uid]
        for query in (f"endpointId={theirs.endpoint_id}", f"eventId={theirs.event_id}"):
            assert uids(api.get(f"{path}?{query}")) == []


@pytest.mark.parametrize("count", [1, 20])
def test_the_statements(api: API, path: str, make_endpoint: MakeEndpoint, count: int) -> None:
    for _ in range(count):
        make_delivery(make_endpoint())
    with statements() as found:
        assert len(uids(api.get(path))) == count
    # The key; the ids and sizes of the page, with their limit of time before and, inside a test's transaction, after
    # them; the rows of the page.
    page = ["SELECT", "SELECT events_eventdelivery", "SELECT"]
    assert found == ["SELECT projects_apikey", *page, "SELECT events_eventdelivery"]
