"""Adding an endpoint and choosing its events, its settings, and the filter that is tried while it is written."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OWNER, Portal
from tests.browser.test_accessibility import faults
from tests.waiting import eventually

TYPES = ["invoice.created", "invoice.paid", "order.cancelled", "order.created", "order.paid", "ping"]


@pytest.fixture
def typed(portal: Portal) -> Portal:
    """A portal of a project with event types."""
    for name in TYPES:
        body = {"name": name, "description": f"What {name} tells."}
        portal.live.client.post(f"{portal.live.path}/event-types", json=body).raise_for_status()
    return portal


def settings(portal: Portal, page: Page, endpoint: str) -> None:
    page.goto(f"{portal.home}endpoints/{endpoint}/settings")
    page.get_by_role("button", name="Save changes").wait_for()


def test_add_with_errors_first_and_then_with_chosen_events(typed: Portal) -> None:
    page = typed.open(typed.nahook("editor", "newcomer"))
    page.get_by_role("link", name="Add endpoint").click()
    page.get_by_label("URL", exact=True).fill("ftp://example.com")
    page.get_by_label("Name", exact=True).fill("Shipping")
    page.get_by_label("Only these").check()
    page.get_by_role("button", name="Add endpoint").click()
    # Each error stands at its field, the first of which has the focus; the typed values are still there.
    expect(page.get_by_label("URL", exact=True)).to_be_focused()
    expect(page.get_by_label("URL", exact=True)).to_have_accessible_description(re.compile("Begin with https://"))
    expect(page.get_by_text("Choose at least one event type, or all events.")).to_be_visible()
    # Fields have a red edge, and their messages have none.
    expect(page.get_by_label("URL", exact=True)).not_to_have_css("box-shadow", "none")
    expect(page.locator("#events-wrong")).to_have_css("box-shadow", "none")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Shipping")
    page.get_by_label("URL", exact=True).fill("https://hooks.example.com/shipping")

    # A group chooses its types, and shows whether some or all are chosen.
    orders = page.get_by_label("All order events")
    orders.check()
    page.get_by_text("order.*").click()
    page.get_by_label("order.cancelled").uncheck()
    assert orders.evaluate("(box) => box.indeterminate")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    expect(page.locator(".branch", has_text="order.*").locator("b")).to_have_text("2 of 3")

    # A search keeps what it hides; Enter in it does not send the form.
    search = page.get_by_role("searchbox", name="Search 6 event types")
    search.press_sequentially("tells")
    search.fill("ping")
    expect(page.get_by_label("order.created")).to_have_count(0)
    search.press("Enter")
    page.get_by_label("ping").check()
    expect(page.locator("#chosen")).to_have_text("3 chosen")
    search.fill("")
    expect(page.get_by_label("All invoice events")).to_be_visible()

    page.locator("#authentication summary").click()
    page.get_by_role("radio", name=re.compile("^Header")).check()
    page.get_by_label("Header", exact=True).fill("X-Key")
    page.get_by_label("Value", exact=True).fill("the key")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("heading", name="Shipping")).to_be_focused()
    expect(page.get_by_text("It receives the events that you have chosen.").first).to_be_visible()
    assert re.fullmatch(re.escape(typed.home) + r"endpoints/[0-9A-Z]{26}", page.url)
    chosen = typed.value(
        "SELECT array_agg(f.event_type ORDER BY 1) FROM subscriptions_filter f JOIN subscriptions_subscription s "
        "ON s.uid = f.subscription_id JOIN endpoints_endpoint e ON e.uid = s.endpoint_id WHERE e.owner_id = 'newcomer' "
        "AND e.project_id = %s",
        typed.live.uid,
    )
    assert chosen == ["order.created", "order.paid", "ping"]


def test_settings_ask_before_what_was_typed_is_lost(typed: Portal) -> None:
    page = typed.open(typed.nahook("editor"))
    settings(typed, page, typed.billing)
    page.get_by_label("Name", exact=True).fill("Invoices")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.message)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.once("dialog", stay)
    page.get_by_role("link", name="Overview").click()
    eventually(lambda: asked, "the page asks")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Invoices")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Invoices")).to_be_visible()
    expect(page.get_by_text("Your changes were saved.").first).to_be_visible()
    # A saved form can be left without a question.
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    assert len(asked) == 1


def test_a_session_that_ends_in_the_middle_keeps_what_was_typed(typed: Portal) -> None:
    page = typed.open(typed.nahook())
    page.goto(f"{typed.home}endpoints/new")
    page.get_by_label("Name", exact=True).fill("Half typed")
    page.get_by_label("Only these").check()
    page.get_by_text("order.*").click()
    page.get_by_label("order.paid").check()
    typed.end_sessions()
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("alert").filter(has_text="Your session has ended.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half typed")
    expect(page.get_by_label("order.paid")).to_be_checked()


def test_a_filter_is_tried_on_real_events_while_it_is_written(typed: Portal) -> None:
    for total in (249, 38):
        body = {"owner_id": OWNER, "event_type": "order.created", "data": {"id": f"ord_{total}", "total": total}}
        typed.live.client.post(f"{typed.live.path}/events/fanout", json=body).raise_for_status()
    page = typed.open(typed.nahook("editor"))
    settings(typed, page, typed.billing)
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("For which events?").select_option("order.created")
    page.get_by_role("dialog").get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("heading", name="Filter for order.created")).to_be_visible()
    tried = page.locator("#tried li")
    expect(tried).to_have_count(2)

    condition = page.get_by_role("group", name="Condition").first
    condition.get_by_label("Field").fill("total")
    condition.get_by_label("Comparison").select_option("is at least")
    condition.get_by_label("Value").fill("100")
    expect(tried.filter(has_text="ord_38")).to_contain_text("total is 38, not at least 100")
    expect(tried.filter(has_text="ord_38")).to_contain_text("Not sent")
    expect(tried.filter(has_text="ord_249")).to_contain_text("Sent")
    expect(page.locator("#tried-count")).to_have_text("1 of the last 2 would be sent")
    expect(page.locator(".words")).to_contain_text("an order.created is sent if total is at least 100.")

    page.get_by_role("button", name="Add condition").first.click()
    expect(page.get_by_label("Field").nth(1)).to_be_focused()
    page.get_by_label("Field").nth(1).fill("currency")
    expect(tried.filter(has_text="ord_249")).to_contain_text("currency is not there")
    page.get_by_role("button", name="Remove the condition").nth(1).click()
    expect(tried.filter(has_text="ord_249")).to_contain_text("total is 249")

    # The same as JSON, changed there, and back in rows.
    page.get_by_text("JSON", exact=True).click()
    expect(page.get_by_label("Conditions as JSON")).to_have_value(re.compile(r'"\$gte": 100'))
    page.get_by_label("Conditions as JSON").fill('{"total": {"$lt": 50}}')
    expect(tried.filter(has_text="ord_38")).to_contain_text("total is 38")
    page.get_by_text("Conditions", exact=True).click()
    expect(page.get_by_label("Comparison").first).to_have_value("less_than")
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_text("The filter was saved.").first).to_be_visible()
    expect(page.get_by_text("if total < 50")).to_be_visible()
    stored = typed.value(
        "SELECT f.conditions FROM subscriptions_filter f "
        "JOIN subscriptions_subscription s ON s.uid = f.subscription_id "
        "WHERE f.event_type = 'order.created' AND s.endpoint_id = %s",
        typed.billing,
    )
    assert stored == {"body": {"total": {"$lt": 50}}}


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_forms_have_no_serious_fault(typed: Portal, browser: Browser, look: str) -> None:
    size = {"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 800}
    scheme = "dark" if look == "dark" else "light"
    context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(typed.nahook())
    page.wait_for_selector("h1")
    found: dict[str, list[str]] = {}
    filter_path = f"endpoints/{typed.billing}/settings/filters/order.created"
    for path in ("endpoints/new", f"endpoints/{typed.billing}/settings", filter_path):
        page.goto(typed.home + path)
        page.locator("form[data-dirty]").wait_for()
        for group in page.locator("form details:not([open]) > summary").all()[::-1]:
            if group.is_visible():
                group.click()
        if page.get_by_label("Only these").count():
            page.get_by_label("Only these").check()
        eventually(
            lambda: page.evaluate("document.getAnimations().every((change) => change.playState !== 'running')"),
            "colours, which change gradually, have changed",
        )
        found[path] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        page.evaluate("for (const form of document.forms) delete form.dataset.dirty")
    context.close()
    assert {path: faults for path, faults in found.items() if faults} == {}
