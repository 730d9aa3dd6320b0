"""GET /api/v1/projects/{projectID}/endpoints/period-failure-rates.

Contract: docs/contract/endpoints.md#failure-rates.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from deliveries import counts as delivery_counts
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.locks import locked
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

MakeEndpoint = Callable[..., Endpoint]
NAMES = ("period_failure_rate", "success_count", "failure_count", "retry_count")


@pytest.fixture
def path(collection: str) -> str:
    return f"{collection}/period-failure-rates"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.get(path)


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    """An endpoint with deliveries of each status: 6 successes, a failure and a retry among them."""
    endpoint = make_endpoint()
    for status in [*["Success"] * 6, "Failure", "Retry", "Scheduled", "Processing", "Discarded"]:
        make_delivery(endpoint, status)
    return endpoint


def nothing(uid: str) -> dict[str, object]:
    return {"uid": uid, **dict.fromkeys(NAMES)}


class TestWorks:
    def test_in_the_order_of_the_ids(
        self, api: API, path: str, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        unused = make_endpoint().uid
        answer = api.get(f"{path}?endpointId={unused}&endpointId=%20{endpoint.uid}&endpointId=&endpointId={unused}")
        assert (answer.status, answer.message) == (200, "Endpoint period failure rates fetched successfully")
        counted = {"uid": endpoint.uid, "period_failure_rate": 0.25, "success_count": 6}
        assert answer.data == [nothing(unused), counted | {"failure_count": 1, "retry_count": 1}]

    def test_of_the_window(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint, past = make_endpoint(), timezone.now() - timedelta(days=30)
        make_delivery(endpoint, "Failure", at=past)
        assert api.get(f"{path}?endpointId={endpoint.uid}").data == [nothing(endpoint.uid)]
        window = f"startDate={past:%Y-%m-%dT%H:%M:%S}&endDate={past:%Y-%m-%dT%H:%M:%S}"
        [rate] = api.get(f"{path}?endpointId={endpoint.uid}&{window}").data
        assert (rate["period_failure_rate"], rate["failure_count"]) == (1, 1)

    @pytest.mark.parametrize("query", ["", "?endpointId=", "?endpointId=%20&startDate=now"])
    def test_no_ids(self, api: API, path: str, endpoint: Endpoint, query: str) -> None:
        assert api.get(path + query).data == []

    def test_a_hundred_at_most(self, api: API, path: str) -> None:
        ids = "&".join(f"endpointId=e{number}" for number in range(150))
        assert [rate["uid"] for rate in api.get(f"{path}?{ids}").data] == [f"e{number}" for number in range(100)]

    def test_of_others_nothing_is_known(
        self, api: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_endpoint(project_id=other_project.uid)
        make_delivery(foreign, "Failure")
        for uid in (foreign.uid, "nope"):
            assert api.get(f"{path}?endpointId={uid}").data == [nothing(uid)]

    @pytest.mark.django_db(transaction=True)
    def test_what_takes_too_long_is_null(
        self, api: API, path: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock on the table stands for rows that take long to count."""
        monkeypatch.setattr(delivery_counts, "RATES_BUDGET_SECONDS", 0.2)
        with locked(EventDelivery):
            answer = api.get(f"{path}?endpointId={endpoint.uid}")
        assert (answer.status, answer.data) == (200, [nothing(endpoint.uid)])


class TestRefused:
    def test_dates_that_are_none(self, api: API, path: str) -> None:
        message = "please specify a startDate in the format 2006-01-02T15:04:05"
        assert api.get(f"{path}?endpointId=x&startDate=now").error == (400, message)


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    def test_a_viewer_may(self, viewer: API, call: Call) -> None:
        assert call(viewer).status == 200


@pytest.mark.parametrize("count", [1, 20])
def test_the_statements(api: API, path: str, make_endpoint: MakeEndpoint, count: int) -> None:
    ids = "&".join(f"endpointId={make_delivery(make_endpoint(), 'Success').endpoint_id}" for _ in range(count))
    with statements() as found:
        assert len(api.get(f"{path}?{ids}").data) == count
    assert found == ["SELECT projects_apikey", "SELECT", "SELECT events_eventdelivery", "SELECT"]
