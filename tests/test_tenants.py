"""Two projects, two owners: no operation reads, changes or reveals what is another's."""

from collections.abc import Iterator
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from onboarding.operations import accept
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import EventType, Project
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.conftest import API, Row
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.jobs.rows import make_job
from tests.meta_events.rows import make_meta_event
from tests.routes import OPERATIONS, Operation
from tests.statements import nothing_changes

pytestmark = pytest.mark.matrix

PROJECT = "/projects/{projectID}"
ENDPOINT = f"{PROJECT}/endpoints/{{endpointID}}"
LINK = f"{PROJECT}/portal-links/{{portalLinkID}}"
EVENT = f"{PROJECT}/events/{{eventID}}"
DELIVERY = f"{PROJECT}/eventdeliveries/{{eventDeliveryID}}"
SESSION = f"{PROJECT}/portal-sessions/{{sessionID}}"
JOB = f"{PROJECT}/jobs/{{jobID}}"
META_EVENT = f"{PROJECT}/meta-events/{{metaEventID}}"

EVENT_TYPE = f"{PROJECT}/event-types/{{eventTypeId}}"
SUBSCRIPTION = f"{PROJECT}/subscriptions/{{subscriptionID}}"
FILTER = f"{SUBSCRIPTION}/filters/{{filterID}}"

#: The answer of each operation on one row to the id of another project's row. A route that is new, and
#: takes an id, fails until it is named here.
NOT_FOUND = {
    f"GET {ENDPOINT}": (404, "Resource not found"),
    f"PUT {ENDPOINT}": (400, "endpoint not found"),
    f"DELETE {ENDPOINT}": (400, "endpoint not found"),
    f"PUT {ENDPOINT}/pause": (400, "failed to find endpoint"),
    f"POST {ENDPOINT}/activate": (400, "failed to find endpoint"),
    f"PUT {ENDPOINT}/expire_secret": (400, "endpoint not found"),
    f"POST {ENDPOINT}/test": (404, "endpoint not found"),
    f"GET {DELIVERY}": (404, "event delivery not found"),
    f"PUT {DELIVERY}/resend": (400, "event delivery not found"),
    f"POST {DELIVERY}/copy": (404, "event delivery not found"),
    f"GET {DELIVERY}/links": (404, "event delivery not found"),
    f"POST {DELIVERY}/links": (404, "event delivery not found"),
    f"PUT {DELIVERY}/links/{{linkID}}/revoke": (404, "delivery link not found"),
    f"GET {DELIVERY}/deliveryattempts": (400, "event delivery not found"),
    f"GET {DELIVERY}/deliveryattempts/": (400, "event delivery not found"),
    f"GET {DELIVERY}/deliveryattempts/{{deliveryAttemptID}}": (400, "event delivery not found"),
    f"GET {LINK}": (404, "Resource not found"),
    f"PUT {LINK}": (404, "Resource not found"),
    f"PUT {LINK}/revoke": (404, "Resource not found"),
    f"GET {LINK}/refresh_token": (400, "portal link not found"),
    f"GET {LINK}/scope": (404, "Resource not found"),
    f"PUT {SESSION}/revoke": (404, "Resource not found"),
    f"GET {SESSION}/scope": (404, "Resource not found"),
    f"PUT {EVENT_TYPE}": (400, "event type not found"),
    f"POST {EVENT_TYPE}/deprecate": (400, "event type not found"),
    f"GET {SUBSCRIPTION}": (404, "failed to find subscription"),
    f"PUT {SUBSCRIPTION}": (400, "failed to find subscription"),
    f"DELETE {SUBSCRIPTION}": (404, "failed to find subscription"),
    f"PUT {SUBSCRIPTION}/toggle_status": (404, "failed to find subscription"),
    f"GET {SUBSCRIPTION}/filters": (404, "subscription not found"),
    f"GET {SUBSCRIPTION}/filters/": (404, "subscription not found"),
    f"POST {SUBSCRIPTION}/filters": (404, "subscription not found"),
    f"POST {SUBSCRIPTION}/filters/": (404, "subscription not found"),
    f"POST {SUBSCRIPTION}/filters/bulk": (404, "subscription not found"),
    f"POST {SUBSCRIPTION}/filters/bulk_update": (404, "subscription not found"),
    f"PUT {SUBSCRIPTION}/filters/bulk_update": (404, "subscription not found"),
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}": (404, "subscription not found"),
    f"GET {FILTER}": (404, "subscription not found"),
    f"PUT {FILTER}": (404, "subscription not found"),
    f"DELETE {FILTER}": (404, "subscription not found"),
    f"GET {EVENT}": (404, "event not found"),
    f"PUT {EVENT}/replay": (400, "event not found"),
    f"GET {JOB}": (404, "job not found"),
    f"PUT {JOB}/pause": (404, "job not found"),
    f"PUT {JOB}/resume": (404, "job not found"),
    f"PUT {JOB}/cancel": (404, "job not found"),
    f"GET {META_EVENT}": (404, "meta event not found"),
    f"GET {PROJECT}/onboard/batches/{{batchID}}": (404, "onboard batch not found"),
    f"PUT {META_EVENT}/resend": (404, "meta event not found"),
}
IN_A_PROJECT = [operation for operation in OPERATIONS if operation.path.startswith(PROJECT)]
ON_ONE_ROW = [operation for operation in IN_A_PROJECT if operation.path.count("{") > 1]
LISTS = [
    operation
    for operation in IN_A_PROJECT
    if operation.method == "GET"
    and operation.path.removeprefix(PROJECT).rstrip("/")
    in (
        *("/endpoints", "/portal-links", "/portal-sessions", "/eventdeliveries", "/events", "/meta-events"),
        *("/subscriptions", "/onboard/batches", "/activity", "/jobs"),
    )
]

#: A body that each operation that reads one takes.
BODY: dict[str, Any] = {
    "name": "Mine",
    "url": "https://mine.example.com/in",
    "owner_id": "shared",
    "secret": "mine",
    "type": "outgoing",
    "event_type": "order.paid",
    "spec": '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}',
    "data": "mine",
}


class Tenant:
    """A project with an endpoint, a static and a refresh link, a session of the latter, and its admin."""

    def __init__(self, project: Project, api: API, mark: str) -> None:
        self.project = project
        self.api = api
        fields: dict[str, Any] = {"name": f"{mark} endpoint", "url": f"https://{mark}.example.com/in", "secret": mark}
        self.endpoint = create_endpoint(project.uid, owner_id="shared", **fields)
        self.free = create_endpoint(project.uid, **fields)
        self.link = create_portal_link(project.uid, name=f"{mark} link", owner_id="shared").link
        self.refresh_link = create_portal_link(
            project.uid, name=f"{mark} link", owner_id="shared", auth_type="refresh_token"
        ).link
        self.subscription = create_subscription(
            project.uid,
            name=f"{mark} subscription",
            endpoint_id=self.endpoint.uid,
            filter_config={"event_types": [f"{mark}.created"], "filter": {"body": {"of": mark}}},
        )
        self.event_type = EventType.objects.get(project=project, name=f"{mark}.created")
        EventType.objects.create(project=project, name="order.paid")
        self.filter = Filter.objects.get(subscription=self.subscription)
        self.session = PortalSession.objects.get(portal_link=self.refresh_link)
        event = make_event(project.uid, endpoints=[self.endpoint.uid], data=f'{{"mark":"{mark}"}}')
        self.event = event
        self.delivery = make_delivery(self.endpoint, "Failure", event=event)
        self.attempt = make_attempt(self.delivery, response_data=mark)
        named = DeliveryNamed(project.uid, self.delivery.uid, "shared", self.endpoint.uid, event.event_type)
        self.shared = create_delivery_link(named, shows_payload=True).link
        #: Texts that no other tenant may ever see.
        self.marks = [mark, self.link.token, event.uid]
        self.meta_event = make_meta_event(project, {"name": mark})
        self.marks += [row.pk for row in (project, self.endpoint, self.free, self.link, self.session, self.delivery)]
        self.marks += [row.pk for row in (self.subscription, self.event_type, self.filter)]
        self.batch = accept(project, [{"name": mark, "url": f"https://{mark}.example.com/new"}])[0]
        self.job = make_job(project)
        self.marks += [self.meta_event.pk, self.batch.pk, self.job.pk]

    def path(self, operation: Operation, project: Project | None = None) -> str:
        link = self.refresh_link if operation.path.endswith("refresh_token") else self.link
        return operation.path.format(
            projectID=(project or self.project).uid,
            endpointID=self.endpoint.uid,
            portalLinkID=link.uid,
            sessionID=self.session.uid,
            eventTypeId=self.event_type.uid,
            subscriptionID=self.subscription.uid,
            filterID=self.filter.uid,
            eventType="order.paid",
            eventID=self.event.uid,
            metaEventID=self.meta_event.uid,
            batchID=self.batch.uid,
            jobID=self.job.uid,
            eventDeliveryID=self.delivery.uid,
            deliveryAttemptID=self.attempt.uid,
            linkID=self.shared.uid,
        )

    def body(self, operation: Operation) -> Any:
        """A body that the operation takes."""
        if operation.path.endswith("/filters/bulk"):
            return [BODY]
        if operation.path.endswith("/filters/bulk_update"):
            return [{"uid": self.filter.uid}]
        return BODY | ({"endpoint_id": self.free.uid} if operation.path.rstrip("/").endswith("/subscriptions") else {})


@pytest.fixture
def mine(project: Project, api: API) -> Tenant:
    return Tenant(project, api, "mine")


@pytest.fixture
def theirs(other_project: Project, other_api: API) -> Iterator[Tenant]:
    """The other tenant, of whose rows a test changes none."""
    tenant = Tenant(other_project, other_api, "theirs")
    yield tenant
    assert Project.objects.get(pk=tenant.project.pk).deleted_at is None


def reveals_nothing(answer: Any, tenant: Tenant) -> None:
    text = answer.response.content.decode() + str(answer.headers)
    assert [mark for mark in tenant.marks if mark in text] == []


def test_the_route_table_is_known() -> None:
    """A new route has to be looked at here, and gets into all tests below."""
    assert len({operation.path for operation in LISTS}) == 19
    assert {str(operation) for operation in ON_ONE_ROW} == NOT_FOUND.keys()
    elsewhere = {str(operation) for operation in OPERATIONS} - {str(operation) for operation in IN_A_PROJECT}
    assert elsewhere == {"GET /projects", "POST /projects"}


class TestAnotherProject:
    def test_its_path_with_ones_own_key(self, mine: Tenant, theirs: Tenant, row: Row) -> None:
        for operation in IN_A_PROJECT:
            with row(operation):
                with nothing_changes():
                    answer = mine.api(operation.method, theirs.path(operation), theirs.body(operation))
                assert answer.error == (404, "project not found")
                reveals_nothing(answer, theirs)

    def test_a_project_that_never_was_looks_the_same(self, mine: Tenant, theirs: Tenant, row: Row) -> None:
        for operation in IN_A_PROJECT:
            with row(operation):
                foreign = mine.api(operation.method, theirs.path(operation), theirs.body(operation))
                path = theirs.path(operation).replace(theirs.project.uid, "01JZ8QK3V7M2N4P6R8T0W2Y4A6")
                unknown = mine.api(operation.method, path, theirs.body(operation))
                assert foreign.response.content == unknown.response.content
                assert foreign.headers.keys() == unknown.headers.keys()


class TestAnotherProjectsRow:
    def test_in_ones_own_project(self, mine: Tenant, theirs: Tenant, row: Row) -> None:
        for operation in ON_ONE_ROW:
            with row(operation):
                with nothing_changes():
                    answer = mine.api(operation.method, theirs.path(operation, mine.project), theirs.body(operation))
                assert answer.error == NOT_FOUND[str(operation)]
                reveals_nothing(answer, theirs)

    def test_in_ones_own_project_with_the_instances_key(
        self, mine: Tenant, theirs: Tenant, instance: API, row: Row
    ) -> None:
        for operation in ON_ONE_ROW:
            with row(operation):
                with nothing_changes():
                    answer = instance(operation.method, theirs.path(operation, mine.project), theirs.body(operation))
                assert answer.error == NOT_FOUND[str(operation)]

    def test_ones_own_row_is_found(self, mine: Tenant, row: Row) -> None:
        """Otherwise the tests above would pass where nothing is ever found."""
        for operation in ON_ONE_ROW:
            with row(operation):
                answer = mine.api(operation.method, mine.path(operation), mine.body(operation))
                if operation.path.endswith("/activate"):
                    assert answer.error == (400, "current endpoint status - active, does not support activation")
                else:
                    assert answer.status < 300, answer.json


class TestEveryOperation:
    def test_no_key(self, theirs: Tenant, nobody: API, row: Row) -> None:
        for operation in OPERATIONS:
            with row(operation), nothing_changes():
                answer = nobody(operation.method, theirs.path(operation), theirs.body(operation))
                assert answer.error == (401, "Authentication required")

    def test_a_portal_token(self, theirs: Tenant, row: Row) -> None:
        customer = API(theirs.link.token)
        for operation in OPERATIONS:
            with row(operation), nothing_changes():
                answer = customer(operation.method, theirs.path(operation), theirs.body(operation))
                assert answer.error == (401, "unauthorized")

    def test_a_viewer_changes_nothing_and_sees_no_secret(
        self, mine: Tenant, theirs: Tenant, viewer: API, row: Row
    ) -> None:
        for operation in OPERATIONS:
            with row(operation):
                with nothing_changes():
                    answer = viewer(operation.method, mine.path(operation), mine.body(operation))
                if operation.writes:
                    assert answer.error == (403, "Unauthorized")
                elif operation.path.endswith("/test_function"):
                    assert answer.status == 400
                else:
                    assert answer.status == 200
                assert mine.link.token not in answer.response.content.decode()
                assert '"value":"mine"' not in answer.response.content.decode()
                reveals_nothing(answer, theirs)


class TestLists:
    #: The queries of a list, each of which names rows of the other tenant.
    QUERIES = (
        *("", "ownerId=shared", "q=e", "endpointId={endpoint}", "endpointId={endpoint}&endpointId={mine}"),
        *("next_page_cursor=~", "direction=prev", "direction=prev&prev_page_cursor={endpoint}"),
        *("next_page_cursor={link}", "projectID={project}", "perPage=1000"),
        *("eventId={event}", "status=Failure", "eventType=invoice.paid", "subscriptionId={subscription}", "sort=ASC"),
        *("portalLinkId={link}", "active=true", "active=false"),
    )

    def test_the_projects(self, mine: Tenant, theirs: Tenant) -> None:
        answer = mine.api.get("/projects")
        assert [project["uid"] for project in answer.data] == [mine.project.uid]
        reveals_nothing(answer, theirs)

    def test_a_project_key_creates_no_project(self, mine: Tenant) -> None:
        with nothing_changes():
            assert mine.api.post("/projects", BODY).error == (403, "Unauthorized")

    def test_rows_of_one_project(self, mine: Tenant, theirs: Tenant, row: Row) -> None:
        ids = {
            "endpoint": theirs.endpoint.uid,
            "link": theirs.link.uid,
            "project": theirs.project.uid,
            "mine": mine.endpoint.uid,
            "event": theirs.delivery.event_id,
            "subscription": theirs.delivery.subscription_id,
        }
        for operation in LISTS:
            for query in self.QUERIES:
                with row(f"{operation}?{query}"):
                    answer = mine.api.get(f"{mine.path(operation)}?{query.format(**ids)}")
                    assert {found["project_id"] for found in answer.data["content"]} <= {mine.project.uid}
                    reveals_nothing(answer, theirs)


class TestPortalLinks:
    """Two owners, and one name that two projects give an owner."""

    def test_another_projects_endpoint_cannot_be_adopted(self, mine: Tenant, theirs: Tenant) -> None:
        for uid in (theirs.free.uid, theirs.endpoint.uid):
            for owner in ({"owner_id": "shared"}, {}):
                body = {"name": "Mine", "endpoints": [mine.free.uid, uid]} | owner
                for method, path in (("POST", ""), ("PUT", f"/{mine.link.uid}")):
                    with nothing_changes():
                        answer = mine.api(method, f"/projects/{mine.project.uid}/portal-links{path}", body)
                    assert answer.error == (400, f"failed to find endpoint {uid}")

    def test_an_owner_is_one_projects(self, mine: Tenant, theirs: Tenant) -> None:
        answer = mine.api.post(f"/projects/{mine.project.uid}/portal-links", {"name": "Mine", "owner_id": "shared"})
        assert [endpoint["uid"] for endpoint in answer.data["endpoints_metadata"]] == [mine.endpoint.uid]
        reveals_nothing(answer, theirs)

    def test_another_owners_endpoint_is_neither_shown_nor_adopted(self, mine: Tenant) -> None:
        other = create_endpoint(mine.project.uid, name="Globex", url="https://globex.example.com/in", owner_id="globex")
        path = f"/projects/{mine.project.uid}/portal-links"
        body = {"name": "Mine", "owner_id": "shared", "endpoints": [mine.free.uid, other.uid]}
        with nothing_changes():
            assert mine.api.post(path, body).error == (400, f"endpoint {other.uid} already has owner_id globex")
            assert mine.api.put(f"{path}/{mine.link.uid}", body).error[0] == 400
        answer = mine.api.get(f"{path}/{mine.link.uid}")
        assert other.uid not in answer.response.content.decode()
        globex = mine.api.post(path, {"name": "Globex", "owner_id": "globex"})
        assert [endpoint["uid"] for endpoint in globex.data["endpoints_metadata"]] == [other.uid]

    def test_the_customers_page_shows_one_owners_endpoints(self, mine: Tenant, theirs: Tenant) -> None:
        Endpoint.objects.filter(pk=mine.free.pk).update(owner_id="globex", name="Globex endpoint")
        page = mine.api.client.get("/portal", {"token": mine.link.token}).content.decode()
        assert "mine endpoint" in page
        assert "Globex endpoint" not in page
        assert "theirs" not in page
