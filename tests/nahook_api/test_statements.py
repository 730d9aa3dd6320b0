"""Count the statements of Nahook's calls: sending takes no more than Convoy's call, and lists as many for any rows."""

from typing import Any

import pytest

from endpoints.operations import create_endpoint
from projects.keys import MANAGE, MANAGEMENT_PREFIX, SENDING_PREFIX
from projects.models import EventType, Project
from projects.operations import create_api_key
from subscriptions.event_types import create_event_type, delete_event_type
from subscriptions.operations import create_subscription
from tests.conftest import API, Role
from tests.deliveries.rows import make_attempt, make_delivery
from tests.portal_links.calls import Reply, call
from tests.statements import statements


class Workspace:
    """A project with an endpoint that listens to order.paid, and its keys."""

    def __init__(self, project: Project) -> None:
        self.uid = project.uid
        self.endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id="acme")
        create_subscription(
            project.uid, name="In", endpoint_id=self.endpoint.uid, filter_config={"event_types": ["order.paid"]}
        )
        make: Any = {"name": "nahook", "role": Role.PROJECT_ADMIN, "project": project}
        self._make = make
        self.sender = create_api_key(prefix=SENDING_PREFIX, **make)[1]
        self.manager = create_api_key(prefix=MANAGEMENT_PREFIX, **make)[1]

    def send_as(self, owner_id: str) -> None:
        """Send with a key that is bound to an owner from now on."""
        self.sender = create_api_key(prefix=SENDING_PREFIX, owner_id=owner_id, scopes=[MANAGE], **self._make)[1]

    def send(self, path: str, body: Any) -> Reply:
        return call("POST", f"/api/ingest/{path}", body, Authorization=f"Bearer {self.sender}")

    def get(self, path: str) -> Reply:
        url = f"/management/v1/workspaces/{self.uid}/{path}"
        return call("GET", url, Authorization=f"Bearer {self.manager}")


@pytest.fixture
def workspace(project: Project) -> Workspace:
    return Workspace(project)


def test_sending_costs_what_convoys_calls_cost(workspace: Workspace, api: API) -> None:
    event: Any = {"event_type": "order.paid", "data": {}}
    path = f"/projects/{workspace.uid}/events"
    with statements() as direct:
        assert api.post(path, event | {"endpoint_id": workspace.endpoint.uid}).status == 201
    with statements() as broadcast:
        assert api.post(f"{path}/broadcast", event).status == 201
    with statements() as sent:
        assert workspace.send(f"ep_{workspace.endpoint.uid}", {"payload": {}}).status == 202
    with statements() as triggered:
        assert workspace.send("event/order.paid", {"payload": {}}).status == 202
    assert sent == ["SELECT projects_apikey", "WITH projects_project"]
    assert len(sent) <= len(direct)
    assert triggered == broadcast
    assert len(triggered) == 3
    with statements() as unknown:
        assert workspace.send("event/order.lost", {"payload": {}}).status == 202
    assert unknown == triggered


def test_a_repeated_key_has_the_first_delivery(workspace: Workspace) -> None:
    path = f"ep_{workspace.endpoint.uid}"
    first = workspace.send(path, {"payload": {"a": 1}, "idempotencyKey": "one"}).json
    assert workspace.send(path, {"payload": {"a": 2}, "idempotencyKey": "one"}).json == first
    other = create_endpoint(workspace.uid, name="Other", url="https://hooks.example.com/other")
    assert workspace.send(other.uid, {"payload": {"a": 1}, "idempotencyKey": "one"}).json != first


@pytest.mark.parametrize("owner_id", ["", "acme", "nobody"])
@pytest.mark.parametrize("name", ["order.paid", "order.lost"])
def test_a_trigger_names_the_event_type_that_there_is(
    workspace: Workspace, project: Project, owner_id: str, name: str
) -> None:
    if owner_id:
        workspace.send_as(owner_id)
    EventType.objects.filter(project=project, name=name).delete()
    for _ in range(2):
        assert workspace.send(f"event/{name}", {"payload": {}}).json["eventTypeId"] == ""
        made = create_event_type(project.uid, name=name)
        for _ in range(2):
            assert workspace.send(f"event/{name}", {"payload": {}}).json["eventTypeId"] == f"evt_{made.uid}"
        delete_event_type(project.uid, name)


@pytest.mark.parametrize(
    "name", ["applications", "endpoints", "event-types", "environments", "endpoints/{}/subscriptions"]
)
def test_a_list_costs_the_same_for_any_number_of_rows(workspace: Workspace, project: Project, name: str) -> None:
    path = name.format(f"ep_{workspace.endpoint.uid}")
    with statements() as few:
        assert workspace.get(path).status == 200
    for number in range(19):
        EventType.objects.create(project=project, name=f"type {number}")
        create_endpoint(project.uid, name="In", url="https://hooks.example.com/in")
    with statements() as many:
        assert workspace.get(path).status == 200
    assert few == many


@pytest.mark.slow
def test_a_page_of_deliveries_is_one_statement(workspace: Workspace) -> None:
    for _ in range(20):
        make_attempt(make_delivery(workspace.endpoint, "Success"))
    with statements() as ran:
        page = workspace.get(f"endpoints/ep_{workspace.endpoint.uid}/deliveries?limit=10").json
    assert ran == ["SELECT projects_apikey", "SELECT endpoints_endpoint", "SELECT events_eventdelivery"]
    assert len(page["deliveries"]) == 10
    rest = workspace.get(f"endpoints/{workspace.endpoint.uid}/deliveries?limit=10&cursor={page['nextCursor']}").json
    assert (len(rest["deliveries"]), rest["nextCursor"]) == (10, None)
    ids = [row["id"] for row in page["deliveries"] + rest["deliveries"]]
    assert ids == sorted(set(ids), reverse=True)
