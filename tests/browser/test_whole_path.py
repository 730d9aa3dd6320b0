"""The way of a customer from the first visit to a new secret that is in place, with the mouse and without one."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.outbound.receivers import Receiver, Request
from tests.waiting import eventually


def sent(receiver: Receiver) -> list[Request]:
    """The webhooks that have come. The URL is looked at before, with a HEAD."""
    return [request for request in receiver.requests("/in") if request.method == "POST"]


def test_from_the_first_visit_to_a_rotated_secret(portal: Portal) -> None:
    live = portal.live
    for name in ("order.created", "order.paid", "invoice.paid"):
        live.client.post(f"{live.path}/event-types", json={"name": name, "description": "A."}).raise_for_status()
    with Receiver() as receiver:
        page = portal.open(portal.nahook("admin", "newcomer"))
        page.get_by_role("link", name="Add endpoint").first.click()
        page.get_by_label("URL", exact=True).fill(receiver.url("/in"))
        page.get_by_label("Name", exact=True).fill("Shop")
        page.get_by_label("Only these").check()
        page.get_by_text("order.*").click()
        page.get_by_label("order.paid").check()
        page.get_by_role("button", name="Add endpoint").click()
        expect(page.get_by_role("heading", name="Shop")).to_be_focused()
        uid = page.url.rpartition("/")[2]
        expect(page.get_by_role("region", name="Listens to")).to_contain_text("order.paid")
        page.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Test").click()
        page.get_by_label("Event type").select_option("order.paid")
        page.get_by_role("button", name="Send test event").click()
        expect(page.locator("#result").get_by_text("Delivered")).to_be_visible()
        eventually(lambda: sent(receiver), "the test event has come")
        [test] = sent(receiver)
        assert test.header("webhook-test") == "1"

        # Events of the chosen type arrive, and others do not.
        for event_type in ("invoice.paid", "order.paid"):
            body = {"owner_id": "newcomer", "event_type": event_type, "data": {"total": 12}}
            live.client.post(f"{live.path}/events/fanout", json=body).raise_for_status()
        eventually(lambda: len(sent(receiver)) == 2, "the event has come")
        page.get_by_role("link", name="Deliveries").first.click()
        row = page.locator("#deliveries tbody tr").filter(has_not_text="Test")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("order.paid")
        expect(row).to_contain_text("Delivered")

        page.goto(f"{portal.home}endpoints/{uid}")
        page.get_by_role("button", name="Rotate…").click()
        page.get_by_role("button", name="Rotate secret").click()
        expect(page.get_by_text(re.compile("The previous one stays valid")).first).to_be_visible()
        page.get_by_role("button", name="Send a test signed with the new secret only").click()
        expect(page.get_by_text("The new secret is in place.").first).to_be_visible()
        assert len(sent(receiver)) == 3


def tab_to(page: Page, selector: str, *, backwards: bool = False) -> None:
    """Press Tab until the element has the focus. Every stop on the way must be visible, and outlined."""
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        where = page.evaluate(
            """selector => {
              const at = document.activeElement;
              const box = at.getBoundingClientRect();
              const { outlineStyle } = getComputedStyle(at);
              const inRow = at.closest("tr")?.matches(":focus-within") ?? false;
              const covered = at.closest("label, .search, .choose")?.matches(":focus-within") ?? false;
              return {
                isThere: at.matches(selector),
                isSeen: at === document.body || (box.width > 0 && (outlineStyle !== "none" || inRow || covered)),
                what: at.outerHTML.slice(0, 120),
              };
            }""",
            selector,
        )
        assert where["isSeen"], where["what"]
        if where["isThere"]:
            return
    raise AssertionError(f"80 times Tab did not come to {selector}")


def test_the_keyboard_alone_adds_sets_up_and_pauses(portal: Portal) -> None:
    page = portal.open(portal.nahook("editor"))
    page.get_by_role("link", name="Billing").wait_for()
    tab_to(page, "main a[href$='endpoints/new']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add endpoint")).to_be_focused()
    tab_to(page, "#id_url")
    page.keyboard.type("https://hooks.example.com/keys")
    tab_to(page, "#id_name")
    page.keyboard.type("Keys")
    tab_to(page, "button.primary[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()
    tab_to(page, "nav.tabs a[href$='/settings']")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save changes").wait_for()
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()
    tab_to(page, "#id_description")
    page.keyboard.type("Set up without a mouse")
    tab_to(page, "#delivery > summary")
    page.keyboard.press("Enter")
    tab_to(page, "#id_http_timeout")
    page.keyboard.type("7")
    tab_to(page, "button.primary[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your changes were saved.").first).to_be_visible()
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()
    expect(page.locator("#id_description")).to_have_value("Set up without a mouse")
    tab_to(page, "form[action$='/pause'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#pill")).to_have_text("Paused")
    tab_to(page, "form[action$='/activate'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#pill")).to_have_text("Active")
