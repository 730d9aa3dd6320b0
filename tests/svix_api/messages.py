"""Calls on the messages of Svix's API, in-process, and endpoints that listen."""

from typing import Any

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from projects.models import Project
from subscriptions.operations import create_subscription
from tests.portal_links.calls import Reply, call

GOOD: dict[str, Any] = {"eventType": "invoice.paid", "payload": {"invoice": 991}}


def send(method: str, path: str, key: str, body: Any = None, **headers: str) -> Reply:
    return call(method, f"/api/v1/app{path}", body, Authorization=f"Bearer {key}", **headers)


def post(key: str, app: str = "acme", **body: Any) -> Reply:
    reply = send("POST", f"/{app}/msg", key, GOOD | body)
    assert reply.status == 202, reply.json
    return reply


def make_endpoint(
    project: Project, owner_id: str, *, types: list[str] | None = None, channels: list[str] | None = None
) -> Endpoint:
    endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id=owner_id)
    config = {"event_types": types or ["*"]}
    subscription = create_subscription(project.uid, name="s", endpoint_id=endpoint.uid, filter_config=config)
    subscription.channels = channels or []
    subscription.save(update_fields=["channels"])
    return endpoint
