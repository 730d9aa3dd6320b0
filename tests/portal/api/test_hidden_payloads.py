"""A caller without the right to see payloads reads everything but payloads, headers and answers."""

from collections.abc import Callable

import pytest

from events.models import EventDelivery
from portal_links.capabilities import CREATE_ATTEMPTS, READ_ONLY, VIEW, VIEW_DELIVERIES, VIEW_PAYLOADS
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.api.customers import MakeEndpoint, create_link, create_session, portal
from tests.statements import nothing_changes

BLIND = frozenset({VIEW, VIEW_DELIVERIES, CREATE_ATTEMPTS})
HEADERS = {"X-Tenant": ["acme"], "X-Broker-Message-Id": ["b-1"]}


@pytest.fixture
def blind(project: Project) -> API:
    return portal(create_session(project, capabilities=BLIND).secret)


@pytest.fixture
def delivery(project: Project, make_endpoint: MakeEndpoint) -> EventDelivery:
    endpoint = make_endpoint(owner_id="acme")
    event = make_event(project.uid, endpoints=[endpoint.uid], data='{"hidden":1}', headers=HEADERS)
    row = make_delivery(endpoint, "Failure", event=event)
    make_attempt(row, status=False, response_data="hidden answer")
    return row


def test_deliveries(blind: API, delivery: EventDelivery) -> None:
    one = blind.get(f"/eventdeliveries/{delivery.uid}").data
    assert [one] == blind.get("/eventdeliveries").data["content"]
    assert (one["headers"], one["metadata"]["data"], one["metadata"]["raw"]) == ({}, None, "")
    assert (one["status"], one["event_type"]) == ("Failure", "invoice.paid")


def test_attempts(blind: API, delivery: EventDelivery) -> None:
    [attempt] = blind.get(f"/eventdeliveries/{delivery.uid}/deliveryattempts").data
    assert attempt == blind.get(f"/eventdeliveries/{delivery.uid}/deliveryattempts/{attempt['uid']}").data
    assert attempt.keys().isdisjoint({"request_http_header", "response_http_header", "response_data"})
    assert attempt["http_status"] == "503 Service Unavailable"


def test_events(blind: API, delivery: EventDelivery) -> None:
    one = blind.get(f"/events/{delivery.event_id}").data
    assert [one] == blind.get("/events").data["content"]
    assert (one["headers"], one["data"]) == ({}, None)


def test_sending_again_works_and_shows_nothing(blind: API, delivery: EventDelivery) -> None:
    answer = blind.put(f"/eventdeliveries/{delivery.uid}/resend")
    assert (answer.data["status"], answer.data["metadata"]["raw"]) == ("Scheduled", "")
    assert blind.put(f"/events/{delivery.event_id}/replay").data["data"] is None


SEARCHES: dict[str, Callable[[API], object]] = {
    "events by body": lambda api: api.get('/events?body={"hidden":1}').error,
    "events by query": lambda api: api.get('/events?query=invoice {"hidden":1}').error,
    "events by header": lambda api: api.get("/events?brokerMessageId=b-1").error,
    "count of events": lambda api: api.get("/events/countbatchreplayevents?brokerMessageId=b-1").error,
    "batch replay": lambda api: api.post("/events/batchreplay?brokerMessageId=b-1").error,
    "deliveries by header": lambda api: api.get("/eventdeliveries?brokerMessageId=b-1").error,
    "count of deliveries": lambda api: api.get("/eventdeliveries/countbatchretryevents?brokerMessageId=b-1").error,
    "batch retry": lambda api: api.post("/eventdeliveries/batchretry?brokerMessageId=b-1").error,
}


@pytest.mark.parametrize("search", SEARCHES)
def test_no_search_tells_what_is_in_them(blind: API, delivery: EventDelivery, search: str) -> None:
    blind.get("/eventdeliveries")  # its use is noted
    with nothing_changes():
        assert SEARCHES[search](blind) == (403, "Unauthorized")


def test_other_searches_work(blind: API, delivery: EventDelivery) -> None:
    assert len(blind.get("/events?query=invoice").data["content"]) == 1
    assert len(blind.get("/eventdeliveries?event_type=invoice.paid").data["content"]) == 1


class TestTheProjectHidesThem:
    @pytest.fixture(autouse=True)
    def hides(self, project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(portal_hides_payloads=True)

    def test_from_viewers(self, project: Project, delivery: EventDelivery) -> None:
        viewer = portal(create_session(project, capabilities=READ_ONLY).secret)
        assert viewer.get(f"/eventdeliveries/{delivery.uid}").data["metadata"]["raw"] == ""

    def test_not_from_who_may_do_more(self, project: Project, delivery: EventDelivery) -> None:
        sender = portal(create_session(project, capabilities=BLIND | {VIEW_PAYLOADS}).secret)
        for caller in (sender, portal(create_link(project).token)):
            assert caller.get(f"/eventdeliveries/{delivery.uid}").data["metadata"]["raw"] == '{"hidden":1}'


@pytest.mark.parametrize(
    "path",
    [
        *("/eventdeliveries", "/eventdeliveries/{uid}", "/eventdeliveries/{uid}/deliveryattempts"),
        *("/eventdeliveries/countbatchretryevents", "/eventdeliveries/statustotals", "/dashboard/summary"),
        "/endpoints/period-failure-rates",
    ],
)
def test_who_may_not_see_deliveries(project: Project, delivery: EventDelivery, path: str) -> None:
    caller = portal(create_session(project, capabilities=frozenset({VIEW})).secret)
    assert caller.get(path.format(uid=delivery.uid)).error == (403, "Unauthorized")
