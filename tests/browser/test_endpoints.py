"""What a customer does with endpoints in the portal, and what they may not."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal


def open_billing(portal: Portal, url: str) -> Page:
    page = portal.open(url)
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("heading", name="Billing").wait_for()
    return page


def test_create(portal: Portal) -> None:
    page = portal.open(portal.nahook("editor", "newcomer"))
    page.get_by_role("link", name="Add your first endpoint").click()
    page.get_by_label("URL (required)").fill("ftp://example.com")
    page.get_by_label("Name (required)").fill("Shipping")
    page.get_by_role("button", name="Add endpoint").click()
    # What is wrong stands at its field, which has the focus; what was typed is still there.
    expect(page.get_by_label("URL (required)")).to_be_focused()
    expect(page.get_by_label("URL (required)")).to_have_accessible_description(re.compile("Invalid endpoint scheme"))
    expect(page.get_by_label("Name (required)")).to_have_value("Shipping")
    page.get_by_label("URL (required)").fill("https://hooks.example.com/shipping")
    page.get_by_text("Authentication", exact=True).click()
    page.get_by_label("Authentication method").select_option("api_key")
    page.get_by_label("Header", exact=True).fill("X-Key")
    page.get_by_label("Value", exact=True).fill("the key")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("heading", name="Shipping")).to_be_focused()
    expect(
        page.get_by_text("The endpoint was created. It receives all events that are sent to you.").first
    ).to_be_visible()
    expect(page.get_by_text("The header X-Key")).to_be_visible()
    assert re.fullmatch(re.escape(portal.home) + r"endpoints/[0-9A-Z]{26}", page.url)


def test_search(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("searchbox").press_sequentially("bill")
    expect(page.get_by_role("link", name="Orders")).to_have_count(0)
    expect(page.get_by_role("link", name="Billing")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("1 endpoint found")
    page.reload()
    expect(page.get_by_role("link", name="Billing")).to_be_visible()
    expect(page.get_by_role("link", name="Orders")).to_have_count(0)


def test_edit(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name (required)").fill("Invoices")
    page.get_by_role("button", name="Save changes").click()
    page.get_by_role("heading", name="Invoices").wait_for()
    page.get_by_role("link", name="All endpoints").click()
    expect(page.get_by_role("link", name="Invoices")).to_be_visible()


def test_pause_and_resume(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("span.status")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("span.status")).to_have_text("Active")
    assert page.url == f"{portal.home}endpoints/{portal.billing}"


def test_a_page_that_is_behind_says_so(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    portal.live.client.put(f"{portal.live.endpoints}/{portal.billing}/pause").raise_for_status()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("This cannot be done now").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_the_secret_is_shown_when_asked_for_and_replaced(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    assert "the first secret" not in page.content()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("the first secret")).to_be_visible()
    page.get_by_role("button", name="Replace").click()
    page.get_by_label("The old secret stays valid for").select_option("72")
    page.get_by_role("button", name="Replace secret").click()
    expect(page.get_by_text("The previous secret stays valid for 3 days.").first).to_be_visible()
    assert "the first secret" not in page.content()
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#secret code")).to_have_count(2)
    expect(page.locator("#secret code").last).to_have_text("the first secret")


def test_the_url_is_copied(portal: Portal) -> None:
    portal.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_billing(portal, portal.nahook("viewer"))
    page.get_by_role("button", name="Copy the URL").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "https://hooks.example.com/billing"


def test_delete(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("admin"))
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_text("The endpoint was deleted.").first).to_be_visible()
    expect(page.get_by_role("link", name="Billing")).to_have_count(0)
    assert page.url == portal.home


OFFERS = {
    "Edit": "link",
    "Pause": "button",
    "Reveal": "button",
    "Replace …": "button",
    "Delete": "button",
}


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        ("admin", {"Edit", "Pause", "Reveal", "Replace …", "Delete"}),
        ("editor", {"Edit", "Pause", "Reveal", "Replace …"}),
        ("viewer", set()),
    ],
)
def test_what_is_not_allowed_is_not_offered(portal: Portal, role: str, offered: set[str]) -> None:
    page = open_billing(portal, portal.nahook(role))
    seen = {name for name, kind in OFFERS.items() if page.get_by_role(kind, name=name, exact=True).count()}  # type: ignore[arg-type]
    assert seen == offered


@pytest.mark.parametrize(
    ("role", "path", "verb"),
    [
        ("editor", "delete", "POST"),
        ("viewer", "edit", "GET"),
        ("viewer", "pause", "POST"),
        ("viewer", "secret", "POST"),
    ],
)
def test_what_is_not_allowed_is_refused_when_tried(portal: Portal, role: str, path: str, verb: str) -> None:
    page = open_billing(portal, portal.nahook(role))
    page.evaluate("([verb, path]) => htmx.ajax(verb, path, '#page')", [verb, f"{page.url}/{path}"])
    expect(page.get_by_text("Your access does not include this.")).to_be_visible()


def test_all_of_it_works_with_the_keyboard(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("link", name="Add endpoint").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add an endpoint")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("https://hooks.example.com/keys")
    page.keyboard.press("Tab")
    page.keyboard.type("Keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()
