"""A customer with something on every page of the portal, and the list of those pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from playwright.sync_api import Page, expect

from tests.browser.conftest import OWNER, Portal
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

#: Have a project give up after one attempt.
ONE_ATTEMPT: LiteralString = """
UPDATE projects_project
SET config = jsonb_set(config, '{strategy}', '{"type": "linear", "duration": 1, "retry_count": 1}') WHERE uid = %s
"""


@dataclass(frozen=True)
class Texts:
    """The texts of customers, companies and receivers in a world."""

    name: str = "Shop"
    description: str = "All that the shop has to know"
    path: str = "/in"
    event_type: str = "order.paid"
    type_description: str = "When an order has been paid."
    schema: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "required": ["total"],
            "properties": {"total": {"type": "number", "description": "With taxes", "examples": [12]}},
        }
    )
    data: dict[str, Any] = field(default_factory=lambda: {"total": 12})
    answer: bytes = b'{"error": "unknown path"}'
    headers: Sequence[tuple[str, str]] = (("Content-Type", "application/json"),)


class World:
    """Endpoints that work, fail and are paused; deliveries of each outcome; a type, a filter and a second secret."""

    def __init__(self, portal: Portal, receiver: Receiver, texts: Texts) -> None:
        self.portal = portal
        self.receiver = receiver
        live = portal.live
        portal.sql(ONE_ATTEMPT, live.uid)
        for name in (texts.event_type, "order.created", "ping"):
            body = {"name": name, "description": texts.type_description, "json_schema": texts.schema}
            live.client.post(f"{live.path}/event-types", json=body).raise_for_status()
        receiver.answer(texts.path, status=404, body=texts.answer, headers=texts.headers)
        receiver.answer("/works", body=texts.answer, headers=texts.headers)
        about = {"name": texts.name, "description": texts.description, "owner_id": OWNER}
        self.failing = live.make_endpoint(url=receiver.url(texts.path), **about)
        self.working = live.make_endpoint(url=receiver.url("/works"), **about)
        self.paused = live.make_endpoint(url=receiver.url("/works"), **about)
        condition = {"body": next(iter({name: {"$exist": True}} for name in texts.data))}
        for uid in (self.failing, self.working, self.paused):
            config = {"event_types": [texts.event_type], "filter": condition}
            body = {"name": texts.name, "endpoint_id": uid, "filter_config": config}
            live.client.post(f"{live.path}/subscriptions", json=body).raise_for_status()
        live.client.put(f"{live.endpoints}/{self.paused}/pause").raise_for_status()
        live.client.put(f"{live.endpoints}/{self.working}/expire_secret", json={"secret": "new", "expiration": 24})
        for _ in range(3):
            body = {"owner_id": OWNER, "event_type": texts.event_type, "data": texts.data}
            live.client.post(f"{live.path}/events/fanout", json=body).raise_for_status()
        settled = (
            "SELECT count(*) FROM events_eventdelivery WHERE project_id = %s "
            "AND status IN ('Success', 'Failure', 'Discarded')"
        )
        eventually(lambda: portal.value(settled, live.uid) == 15, "the three events have come to the five endpoints")
        self.event_type = texts.event_type

    def delivery(self, endpoint: str) -> str:
        """The id of a delivery to an endpoint."""
        return str(self.portal.value("SELECT max(uid) FROM events_eventdelivery WHERE endpoint_id = %s", endpoint))

    def pages(self) -> dict[str, str]:
        """The address of every page of the page map, below the portal's home, by its name."""
        failing = f"endpoints/{self.failing}"
        return {
            "list": "",
            "nothing found": "?q=nothing-like-this",
            "add": "endpoints/new",
            "overview, failing": failing,
            "overview, working": f"endpoints/{self.working}",
            "overview, paused": f"endpoints/{self.paused}",
            "its deliveries": f"{failing}/deliveries",
            "test": f"{failing}/test",
            "settings": f"{failing}/settings",
            "deliveries": "deliveries",
            "failed deliveries": "deliveries?status=failed",
            "no deliveries": f"deliveries?endpoint={self.portal.billing}",
            "delivery, failed": f"deliveries/{self.delivery(self.failing)}",
            "delivery, delivered": f"deliveries/{self.delivery(self.working)}",
            "delivery, not sent": f"deliveries/{self.delivery(self.paused)}",
            "catalogue": "events",
            "activity": "activity",
        }


def follow(page: Page, home: str, path: str) -> None:
    """Show a page of the portal as a link to it does, without loading the shell again."""
    heading = page.locator("h1").element_handle()
    page.evaluate("for (const form of document.forms) delete form.dataset.dirty")
    page.evaluate("path => htmx.ajax('GET', path, '#page')", home + path)
    assert heading is not None
    eventually(lambda: not heading.evaluate("(shown) => shown.isConnected"), f"{path!r} is shown")
    expect(page.locator("h1")).to_be_visible()
