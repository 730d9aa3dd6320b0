"""Every operation of the package nahook 0.2.0: a good call, a bad one, and its row in docs/compatibility.md.

`python -m tests.nahook_api.operations` writes the table into the page; test_operations.py checks that it is current.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nahook import NahookClient, NahookManagement, resources

PAGE = Path(__file__).parent.parent.parent / "docs/compatibility.md"
START, END = "<!-- nahook: operations -->\n", "<!-- nahook: end -->\n"
PAYLOAD = {"orderId": "123"}
NOBODY = "01JZ8QK3V7M2N4P6R8T0W2Y4A6"
INVALID, MISSING, FORBIDDEN = (400, "validation_error"), (404, "not_found"), (403, "forbidden")


@dataclass
class Workspace:
    """The objects that the calls act on."""

    uid: str
    mgmt: NahookManagement
    client: NahookClient
    application: str
    endpoint: str
    event_type: str
    delivery: str


Call = Callable[[Workspace], Any]


class Row(NamedTuple):
    """An operation. `reason` says why its good call is refused too, with 403."""

    name: str
    good: Call
    bad: Call
    refusal: tuple[int, str]
    reason: str = ""
    note: str = ""


ONE_ENVIRONMENT = "each workspace has one environment, `env_default`: use a project for each"
ROWS = [
    Row(
        "send",
        lambda w: w.client.send(w.endpoint, PAYLOAD, idempotency_key="order-123"),
        lambda w: w.client.send(f"ep_{NOBODY}", PAYLOAD),
        MISSING,
    ),
    Row(
        "trigger",
        lambda w: w.client.trigger("order.paid", PAYLOAD, metadata={"region": "us-east-1"}),
        lambda w: w.client.trigger("INVALID NAME!!", PAYLOAD),
        INVALID,
        note="`metadata` reaches receivers in the header `X-Webhook-Metadata`",
    ),
    Row(
        "send_batch",
        lambda w: w.client.send_batch([{"endpointId": w.endpoint, "payload": PAYLOAD}]),
        lambda w: w.client.send_batch([]),
        INVALID,
    ),
    Row(
        "trigger_batch",
        lambda w: w.client.trigger_batch([{"eventType": "order.paid", "payload": PAYLOAD}]),
        lambda w: w.client.trigger_batch([{"eventType": "order.paid", "payload": PAYLOAD}] * 21),
        INVALID,
    ),
    Row(
        "applications.list",
        lambda w: w.mgmt.applications.list(w.uid, limit=50, offset=0),
        lambda w: w.mgmt.applications.list(w.uid, limit=101),
        INVALID,
    ),
    Row(
        "applications.create",
        lambda w: w.mgmt.applications.create(w.uid, name="Acme", external_id="acme-123", metadata={"tier": "pro"}),
        lambda w: w.mgmt.applications.create(w.uid, name=" "),
        INVALID,
        note="`max_endpoints` and `show_event_types=False` are 400: the project limits the endpoints of an owner",
    ),
    Row(
        "applications.get",
        lambda w: w.mgmt.applications.get(w.uid, w.application),
        lambda w: w.mgmt.applications.get(w.uid, "nobody"),
        MISSING,
    ),
    Row(
        "applications.update",
        lambda w: w.mgmt.applications.update(w.uid, w.application, name="Acme Inc", max_endpoints=None),
        lambda w: w.mgmt.applications.update(w.uid, w.application, max_endpoints=3),
        INVALID,
    ),
    Row(
        "applications.list_endpoints",
        lambda w: w.mgmt.applications.list_endpoints(w.uid, w.application),
        lambda w: w.mgmt.applications.list_endpoints(w.uid, "nobody"),
        MISSING,
    ),
    Row(
        "applications.create_endpoint",
        lambda w: w.mgmt.applications.create_endpoint(w.uid, w.application, url="https://acme.example.com/webhooks"),
        lambda w: w.mgmt.applications.create_endpoint(w.uid, "nobody", url="https://acme.example.com/webhooks"),
        MISSING,
    ),
    Row(
        "endpoints.list",
        lambda w: w.mgmt.endpoints.list(w.uid),
        lambda w: w.mgmt.endpoints.list("ws_nobody"),
        MISSING,
        note="the newest 1,000, without secrets; `limit` and `offset` reach the others",
    ),
    Row(
        "endpoints.create",
        lambda w: w.mgmt.endpoints.create(
            w.uid, url="https://hooks.example.com/in", description="Ours", auth_username="ada", auth_password="pw"
        ),
        lambda w: w.mgmt.endpoints.create(w.uid, url="https://hooks.example.com/in", type_="slack"),
        INVALID,
        note="`type_` is `webhook`, `config` empty, `environment_id` `env_default`",
    ),
    Row(
        "endpoints.get",
        lambda w: w.mgmt.endpoints.get(w.uid, w.endpoint),
        lambda w: w.mgmt.endpoints.get(w.uid, f"ep_{NOBODY}"),
        MISSING,
    ),
    Row(
        "endpoints.update",
        lambda w: w.mgmt.endpoints.update(w.uid, w.endpoint, description="Updated", metadata={"a": "b"}),
        lambda w: w.mgmt.endpoints.update(w.uid, w.endpoint, url="nowhere"),
        INVALID,
    ),
    Row(
        "event_types.list",
        lambda w: w.mgmt.event_types.list(w.uid),
        lambda w: w.mgmt.event_types.list("ws_nobody"),
        MISSING,
        note="the newest 1,000",
    ),
    Row(
        "event_types.create",
        lambda w: w.mgmt.event_types.create(w.uid, name="order.shipped", description="Shipped"),
        lambda w: w.mgmt.event_types.create(w.uid, name="order shipped"),
        INVALID,
    ),
    Row(
        "event_types.get",
        lambda w: w.mgmt.event_types.get(w.uid, w.event_type),
        lambda w: w.mgmt.event_types.get(w.uid, f"evt_{NOBODY}"),
        MISSING,
    ),
    Row(
        "event_types.update",
        lambda w: w.mgmt.event_types.update(w.uid, w.event_type, description="Updated"),
        lambda w: w.mgmt.event_types.update(w.uid, w.event_type, description="x" * 4097),
        INVALID,
    ),
    Row(
        "subscriptions.list",
        lambda w: w.mgmt.subscriptions.list(w.uid, w.endpoint),
        lambda w: w.mgmt.subscriptions.list(w.uid, f"ep_{NOBODY}"),
        MISSING,
    ),
    Row(
        "subscriptions.create",
        lambda w: w.mgmt.subscriptions.create(w.uid, w.endpoint, event_type_ids=[w.event_type]),
        lambda w: w.mgmt.subscriptions.create(w.uid, w.endpoint, event_type_ids=[f"evt_{NOBODY}"]),
        MISSING,
    ),
    Row(
        "environments.list",
        lambda w: w.mgmt.environments.list(w.uid),
        lambda w: w.mgmt.environments.list("ws_nobody"),
        MISSING,
        note="one environment",
    ),
    Row(
        "environments.create",
        lambda w: w.mgmt.environments.create(w.uid, name="Staging", slug="staging"),
        lambda w: w.mgmt.environments.create("ws_nobody", name="Staging", slug="staging"),
        MISSING,
        reason=ONE_ENVIRONMENT,
    ),
    Row(
        "environments.get",
        lambda w: w.mgmt.environments.get(w.uid, "env_default"),
        lambda w: w.mgmt.environments.get(w.uid, "env_123"),
        MISSING,
    ),
    Row(
        "environments.update",
        lambda w: w.mgmt.environments.update(w.uid, "env_default", name="Pre-production"),
        lambda w: w.mgmt.environments.update(w.uid, "env_123", name="Pre-production"),
        MISSING,
        reason=ONE_ENVIRONMENT,
    ),
    Row(
        "environments.delete",
        lambda w: w.mgmt.environments.delete(w.uid, "env_default"),
        lambda w: w.mgmt.environments.delete(w.uid, "env_123"),
        MISSING,
        reason=ONE_ENVIRONMENT,
    ),
    Row(
        "environments.list_event_type_visibility",
        lambda w: w.mgmt.environments.list_event_type_visibility(w.uid, "env_default"),
        lambda w: w.mgmt.environments.list_event_type_visibility(w.uid, "env_123"),
        MISSING,
    ),
    Row(
        "environments.set_event_type_visibility",
        lambda w: w.mgmt.environments.set_event_type_visibility(w.uid, "env_default", w.event_type, published=True),
        lambda w: w.mgmt.environments.set_event_type_visibility(w.uid, "env_default", w.event_type, published=False),
        FORBIDDEN,
        note="every event type is published: `published=False` is 403",
    ),
    Row(
        "deliveries.list",
        lambda w: w.mgmt.deliveries.list(w.uid, w.endpoint, limit=50, status="pending"),
        lambda w: w.mgmt.deliveries.list(w.uid, w.endpoint, cursor="next"),
        INVALID,
    ),
    Row(
        "deliveries.get",
        lambda w: w.mgmt.deliveries.get(w.uid, w.delivery, include_payload=True),
        lambda w: w.mgmt.deliveries.get(w.uid, f"del_{NOBODY}"),
        MISSING,
        note="the payload is always `available`",
    ),
    Row(
        "deliveries.get_attempts",
        lambda w: w.mgmt.deliveries.get_attempts(w.uid, w.delivery),
        lambda w: w.mgmt.deliveries.get_attempts(w.uid, f"del_{NOBODY}"),
        MISSING,
        note="the first 100",
    ),
    Row(
        "portal_sessions.create",
        lambda w: w.mgmt.portal_sessions.create(w.uid, w.application, metadata={"userId": "user-456"}),
        lambda w: w.mgmt.portal_sessions.create(w.uid, w.application, role="owner"),
        INVALID,
    ),
    # These delete rows that the operations above need.
    Row(
        "subscriptions.delete",
        lambda w: w.mgmt.subscriptions.delete(w.uid, w.endpoint, w.event_type),
        lambda w: w.mgmt.subscriptions.delete(w.uid, w.endpoint, f"evt_{NOBODY}"),
        MISSING,
    ),
    Row(
        "event_types.delete",
        lambda w: w.mgmt.event_types.delete(w.uid, w.event_type),
        lambda w: w.mgmt.event_types.delete(w.uid, f"evt_{NOBODY}"),
        MISSING,
        note="deprecates it",
    ),
    Row(
        "endpoints.delete",
        lambda w: w.mgmt.endpoints.delete(w.uid, w.endpoint),
        lambda w: w.mgmt.endpoints.delete(w.uid, f"ep_{NOBODY}"),
        MISSING,
    ),
    Row(
        "applications.delete",
        lambda w: w.mgmt.applications.delete(w.uid, w.application),
        lambda w: w.mgmt.applications.delete(w.uid, "nobody"),
        MISSING,
    ),
]


def every_operation() -> Iterator[str]:
    """The names of all operations of the package, read from its classes."""

    def calls(owner: type) -> list[str]:
        return [name for name, _ in inspect.getmembers(owner, inspect.isfunction) if not name.startswith("_")]

    yield from (name for name in calls(NahookClient) if name != "close")
    for name in resources.__all__:
        noun = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        noun = noun.removeprefix("_").removesuffix("_resource")
        yield from (f"{noun}.{call}" for call in calls(getattr(resources, name)))


def table() -> str:
    """The table of the page."""
    lines = ["| operation of `nahook` 0.2.0 | here |", "|---|---|"]
    for row in sorted(ROWS, key=lambda row: row.name):
        said = f"refused (403): {row.reason}" if row.reason else "works" + (f"; {row.note}" if row.note else "")
        lines.append(f"| `{row.name}` | {said} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
