"""Send events by Nahook's operations below /api/ingest."""

import pytest

from endpoints.operations import create_endpoint
from events.models import Event
from projects.keys import SENDING_PREFIX
from projects.models import Project
from projects.operations import create_api_key
from subscriptions.operations import create_subscription
from tests.conftest import Role
from tests.portal_links.calls import call

PAYLOAD = rb'{"cut \udfff":"\ud83d","whole":"\ud83d\ude00","text":"\\ud83d"}'
STORED = r'{"cut \ufffd":"\ufffd","whole":"\ud83d\ude00","text":"\\ud83d"}'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("ENDPOINT", b'{"payload":PAYLOAD}'),
        ("event/order.paid", b'{"payload":PAYLOAD}'),
        ("batch", b'{"items":[{"endpointId":"ENDPOINT","payload":PAYLOAD}]}'),
        ("event/batch", b'{"items":[{"eventType":"order.paid","payload":PAYLOAD}]}'),
    ],
)
def test_half_a_surrogate_pair_is_no_character(project: Project, path: str, body: bytes) -> None:
    endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id="acme")
    create_subscription(project.uid, name="In", endpoint_id=endpoint.uid, filter_config={"event_types": ["order.paid"]})
    _, key = create_api_key(prefix=SENDING_PREFIX, name="nahook", role=Role.PROJECT_ADMIN, project=project)
    uid = f"ep_{endpoint.uid}"
    reply = call(
        "POST",
        f"/api/ingest/{path.replace('ENDPOINT', uid)}",
        body.replace(b"ENDPOINT", uid.encode()).replace(b"PAYLOAD", PAYLOAD),
        Authorization=f"Bearer {key}",
    )
    assert reply.status == 202, reply.json
    assert Event.objects.get().data == STORED
