"""Sending a test event, rehearsing a rotation, the signature debugger and the catalogue, in a browser."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from outbound.signatures import standard_headers
from tests.browser.conftest import OWNER, Portal
from tests.browser.test_accessibility import faults
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

SECRET = "the first secret"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "examples": [249.5, 12]}}}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def path(portal: Portal, receiver: Receiver) -> str:
    """The Test page of an endpoint that leads to the receiver."""
    live = portal.live
    for name in ("order.created", "order.paid", "invoice.paid"):
        body = {"name": name, "description": f"About {name}.", "json_schema": SCHEMA}
        live.client.post(f"{live.path}/event-types", json=body).raise_for_status()
    endpoint = live.make_endpoint(name="Orders ERP", owner_id=OWNER, url=receiver.url("/in"), secret=SECRET)
    config = {"event_types": ["order.created", "order.paid"]}
    subscription = {"name": "Orders", "endpoint_id": endpoint, "filter_config": config}
    live.client.post(f"{live.path}/subscriptions", json=subscription).raise_for_status()
    return f"endpoints/{endpoint}/test"


@pytest.fixture
def page(portal: Portal, path: str) -> Page:
    page = portal.open(portal.svix())
    page.goto(portal.home + path)
    page.get_by_role("heading", name="Send a test event").wait_for()
    return page


def test_delivered(page: Page, receiver: Receiver) -> None:
    receiver.answer("/in", body=b'{"accepted":true}', delay=1.5)
    expect(page.get_by_label("Payload")).to_have_value(re.compile("249.5"))
    page.get_by_role("button", name="Make another").click()
    expect(page.get_by_label("Payload")).to_have_value(re.compile("12"))
    page.get_by_label("Event type").select_option("order.paid")
    expect(page.get_by_label("Payload")).to_have_value(re.compile("249.5"))
    page.get_by_role("button", name="Send test event").click()
    result = page.locator("#result")
    expect(result.get_by_text("Waiting for the answer…")).to_be_visible()
    expect(result.get_by_text("Delivered")).to_be_visible()
    expect(result.get_by_text("200 OK")).to_be_visible()
    expect(result.locator("pre").first).to_contain_text('"accepted": true')
    [request] = receiver.wait_for(1)
    assert request.body == b'{"total":249.5}'
    assert page.url.endswith("/test")


def test_failed(page: Page, receiver: Receiver) -> None:
    receiver.answer("/in", status=404, body=b"no such path")
    page.get_by_label("Payload").fill("{")
    page.get_by_role("button", name="Send test event").click()
    expect(page.get_by_label("Payload")).to_be_focused()
    expect(page.get_by_label("Payload")).to_have_accessible_description(re.compile("not valid JSON"))
    page.get_by_label("Payload").fill("{}")
    page.get_by_role("button", name="Send test event").click()
    result = page.locator("#result")
    expect(result.get_by_text("Failed")).to_be_visible()
    expect(result.locator("dl")).to_contain_text("404")
    expect(result.get_by_text("no such path")).to_be_visible()


def test_signature_debugger(page: Page, receiver: Receiver) -> None:
    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#result").get_by_text("Delivered")).to_be_visible()
    [request] = receiver.wait_for(1)
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    page.get_by_label("Headers", exact=True).fill("\n".join(f"{name}: {request.header(name)}" for name in names))
    page.get_by_label("Body", exact=True).fill(request.body.decode())
    found = page.locator("#found")
    page.get_by_role("button", name="Check signature").click()
    expect(found.get_by_text("The signature is right.")).to_be_visible()
    page.get_by_label("Body", exact=True).fill(request.body.decode().replace(":", ": "))
    page.get_by_role("button", name="Check signature").click()
    expect(found.get_by_text("The body was changed before it was checked.")).to_be_visible()
    expect(found.get_by_text("Where they differ")).to_be_visible()
    secret = page.get_by_label("The secret that your server uses")
    expect(secret).to_be_hidden()
    page.get_by_label("The one my server uses").check()
    secret.fill(f" {SECRET}")
    page.get_by_label("Body", exact=True).fill(request.body.decode())
    page.get_by_role("button", name="Check signature").click()
    expect(found.get_by_text("The secret has a space or line break around it.")).to_be_visible()


def test_rehearsal(portal: Portal, page: Page, path: str, receiver: Receiver) -> None:
    overview = path.removesuffix("/test")
    portal.live.client.put(
        f"{portal.live.path}/{overview}/expire_secret", json={"secret": "the new one", "expiration": 24}
    ).raise_for_status()
    page.goto(portal.home + overview)
    page.get_by_role("button", name="Send a test signed with the new secret only").click()
    expect(page.get_by_text("The new secret is in place.").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
    [request] = receiver.wait_for(1)
    signed = standard_headers(
        request.body,
        message_id=str(request.header("webhook-id")),
        timestamp=int(str(request.header("webhook-timestamp"))),
        secrets=["the new one"],
    )
    assert request.header("webhook-signature") == signed["webhook-signature"]


def test_catalogue(portal: Portal, path: str) -> None:
    page = portal.open(portal.svix())
    page.get_by_role("link", name="Event catalogue", exact=True).click()
    page.get_by_role("heading", name="Invoice").wait_for()
    page.get_by_role("searchbox").press_sequentially("invoice")
    expect(page.get_by_role("link", name="order.paid")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert "q=invoice" in page.url
    page.reload()
    page.get_by_role("link", name="invoice.paid").click()
    expect(page.get_by_role("heading", name="invoice.paid", exact=True)).to_be_focused()
    page.get_by_role("button", name="Add to an endpoint").click()
    page.get_by_label("Orders ERP").check()
    page.get_by_role("button", name="Add event").click()
    expect(page.get_by_text("Orders ERP listens to invoice.paid now.").first).to_be_visible()
    expect(page.get_by_role("link", name="Orders ERP")).to_be_visible()
    page.go_back()
    page.get_by_role("heading", name="Event catalogue").wait_for()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_no_page_has_a_serious_fault(portal: Portal, page: Page, receiver: Receiver, look: str) -> None:
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 800})
    found: dict[str, Any] = {}

    def check(name: str) -> None:
        at_rest = "document.getAnimations().every((change) => change.playState !== 'running')"
        eventually(lambda: page.evaluate(at_rest), "colours, which change gradually, have changed")
        found[name] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"

    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#result").get_by_text("Delivered")).to_be_visible()
    page.get_by_role("button", name="Check signature").click()
    page.locator("#found .says").wait_for()
    check("test")
    for path in ("events", "events/invoice.paid"):
        page.goto(portal.home + path)
        page.locator("table").first.wait_for()
        check(path)
    page.get_by_role("button", name="Add to an endpoint").click()
    check("popover")
    assert {name: faults for name, faults in found.items() if faults} == {}
