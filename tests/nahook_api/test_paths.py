"""Names of event types in the paths of Nahook's calls that send: /api/ingest/event/{eventType}."""

import pytest

from events.models import Event
from projects.keys import SENDING_PREFIX
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.portal_links.calls import Reply, call
from tests.statements import nothing_changes


@pytest.fixture
def key(project: Project) -> str:
    """A key that sends."""
    return create_api_key(name="nahook", role=Role.PROJECT_ADMIN, project=project, prefix=SENDING_PREFIX)[1]


def trigger(key: str, path: str) -> Reply:
    return call("POST", f"/api/ingest/event/{path}", {"payload": {}}, Authorization=f"Bearer {key}")


@pytest.mark.parametrize("name", ["order/paid", "order//paid", "order///paid//", "order.paid/"])
@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_each_slash_of_a_name_is_its_own(key: str, name: str, slash: str) -> None:
    assert trigger(key, name.replace("/", slash)).status == 202
    assert Event.objects.get().event_type == name


@pytest.mark.parametrize("path", ["/order", "/batch", "%2Fbatch", "//"])
def test_a_name_that_begins_with_a_slash_is_refused(key: str, path: str) -> None:
    with nothing_changes():
        reply = trigger(key, path)
    assert (reply.status, reply.json["error"]["code"]) == (400, "validation_error")
