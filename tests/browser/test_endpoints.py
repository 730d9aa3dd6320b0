"""A customer manages endpoints in the portal, as far as the capabilities go."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OWNER, Portal
from tests.outbound.receivers import Receiver
from tests.waiting import eventually


def open_billing(portal: Portal, url: str) -> Page:
    page = portal.open(url)
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("heading", name="Billing").wait_for()
    return page


def open_settings(page: Page) -> None:
    page.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Save changes").wait_for()


def test_search(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("searchbox").press_sequentially("bill")
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Billing")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.locator("#status")).to_have_text("1 endpoint")
    expect(page.get_by_role("navigation", name="Filter by status").get_by_role("link").first).to_have_text("All 1")
    assert page.url == f"{portal.home}?q=bill"
    page.reload()
    expect(page.get_by_role("link", name="Billing")).to_be_visible()
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)


def test_chips(portal: Portal) -> None:
    portal.live.client.put(f"{portal.live.endpoints}/{portal.billing}/pause").raise_for_status()
    page = portal.open(portal.nahook())
    chips = page.get_by_role("navigation", name="Filter by status")
    expect(chips.get_by_role("link")).to_have_text(["All 2", "Active 1", "Paused 1"])
    chips.get_by_role("link", name="Paused").click()
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Billing")).to_be_visible()
    assert page.url == f"{portal.home}?status=paused"
    expect(chips.get_by_role("link", name="Paused")).to_be_focused()
    chips.get_by_role("link", name="All").click()
    expect(page.get_by_role("link", name="Orders", exact=True)).to_be_visible()
    assert page.url == portal.home


def test_a_status_changes_on_the_list_while_it_is_open(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    row = page.get_by_role("row").filter(has_text="Billing")
    expect(row).to_contain_text("Active")
    page.get_by_role("searchbox").focus()
    portal.live.client.put(f"{portal.live.endpoints}/{portal.billing}/pause").raise_for_status()
    expect(row).to_contain_text("Paused", timeout=15_000)
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("link", name="Paused 1")).to_be_visible()


def test_a_row_opens_its_endpoint(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("row").filter(has_text="Billing").get_by_text("All events").click()
    expect(page.get_by_role("heading", name="Billing")).to_be_focused()


def test_the_first_steps(portal: Portal) -> None:
    page = portal.open(portal.nahook("editor", "newcomer"))
    expect(page.get_by_role("heading", name=re.compile("Receive webhooks from"))).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_contain_text("Add an endpoint")
    uid = portal.live.make_endpoint(name="First", owner_id="newcomer", url="https://hooks.example.com/first")
    page.reload()
    expect(page.locator("[aria-current=step]")).to_contain_text("Choose your events")
    portal.subscribe(uid)
    page.reload()
    expect(page.locator("[aria-current=step]")).to_contain_text("Send a test event")
    expect(page.get_by_role("link", name="First")).to_be_visible()


def test_pause_and_resume(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#pill")).to_have_text("Paused")
    expect(page.locator("#says")).to_contain_text("Paused by you since")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#pill")).to_have_text("Active")
    assert page.url == f"{portal.home}endpoints/{portal.billing}"


def test_what_was_missed_is_sent_on_resuming(portal: Portal) -> None:
    with Receiver() as receiver:
        uid = portal.live.make_endpoint(name="Shop", owner_id=OWNER, url=receiver.url("/in"))
        portal.subscribe(uid)
        page = portal.open(portal.nahook("editor"))
        page.get_by_role("link", name="Shop").click()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#pill")).to_have_text("Paused")
        for _ in range(3):
            portal.send(uid)
        # The page asks every five seconds.
        expect(page.locator("#says")).to_contain_text("3 events have been missed so far.", timeout=20_000)
        assert receiver.requests() == []
        page.get_by_role("button", name="Resume…").click()
        dialog = page.get_by_role("dialog", name="Resume “Shop”")
        expect(dialog.get_by_label("Send what was missed: 3 events")).to_be_checked()
        dialog.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("3 events that were missed are being sent.").first).to_be_visible()
        expect(page.locator("#pill")).to_have_text("Active")
        eventually(lambda: len(receiver.requests()) == 3, "the three events arrive")


def test_an_endpoint_begins_to_fail_while_its_page_is_open(portal: Portal) -> None:
    with Receiver() as receiver:
        receiver.answer("/in", status=404)
        portal.sql(
            "UPDATE projects_project SET config = jsonb_set(config, '{strategy,retry_count}', '1') WHERE uid = %s",
            portal.live.uid,
        )
        uid = portal.live.make_endpoint(name="Shop", owner_id=OWNER, url=receiver.url("/in"))
        portal.subscribe(uid)
        page = portal.open(portal.nahook("editor"))
        page.get_by_role("link", name="Shop").click()
        expect(page.locator("#pill")).to_have_text("Active")
        for _ in range(3):
            portal.send(uid)
        eventually(lambda: len(receiver.requests()) == 3, "the three events arrive")
        expect(page.locator("#pill")).to_have_text("Failing", timeout=20_000)
        expect(page.locator("#says")).to_contain_text("404 Not Found. 3 of 3 deliveries in the last 24 hours")
        expect(page.locator("#says").get_by_role("link", name="Change URL")).to_be_visible()


def test_a_page_that_is_behind_says_so(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    portal.live.client.put(f"{portal.live.endpoints}/{portal.billing}/pause").raise_for_status()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("This cannot be done now").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_the_secret_is_shown_when_asked_for_and_rotated(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("editor"))
    assert "the first secret" not in page.content()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("the first secret")).to_be_visible()
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_role("button", name="Reveal")).to_be_focused()
    assert "the first secret" not in page.content()
    page.get_by_role("button", name="Rotate…").click()
    page.get_by_label("The old secret stays valid for").select_option("72")
    page.get_by_role("button", name="Rotate secret").click()
    expect(page.get_by_text("The previous one stays valid for 3 days.").first).to_be_visible()
    assert "the first secret" not in page.content()
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#secret code")).to_have_count(2)
    expect(page.locator("#secret code").last).to_have_text("the first secret")


def test_the_secret_is_hidden_again_after_a_minute(portal: Portal) -> None:
    page = portal.context.new_page()
    page.clock.install()
    page.goto(portal.nahook("editor"))
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("the first secret")).to_be_visible()
    page.get_by_role("link", name="Overview").focus()
    page.clock.fast_forward(59_000)
    expect(page.get_by_text("the first secret")).to_be_visible()
    page.clock.fast_forward(2_000)
    expect(page.get_by_text("the first secret")).to_have_count(0)
    expect(page.get_by_role("button", name="Reveal")).to_be_visible()
    expect(page.get_by_role("link", name="Overview")).to_be_focused()


def test_the_chart_has_periods_and_a_table(portal: Portal) -> None:
    portal.sql(
        "INSERT INTO endpoints_endpointhour (endpoint_id, hour, answer, delivered, failed) "
        "VALUES (%s, date_trunc('hour', now()), '200', 7, 0), (%s, date_trunc('hour', now()) - interval '3 days', "
        "'404', 0, 2)",
        portal.billing,
        portal.billing,
    )
    page = open_billing(portal, portal.nahook("viewer"))
    chart = page.get_by_role("img", name=re.compile("Deliveries over time"))
    expect(chart).to_have_accessible_name("Deliveries over time: 7 delivered, 0 failed")
    page.get_by_role("link", name="7 d").click()
    expect(page.get_by_role("link", name="7 d")).to_be_focused()
    expect(chart).to_have_accessible_name("Deliveries over time: 7 delivered, 2 failed")
    assert page.url == f"{portal.home}endpoints/{portal.billing}?period=7d"
    page.get_by_text("Show as table").click()
    expect(page.locator("table.hourly")).to_be_visible()
    page.reload()
    expect(chart).to_have_accessible_name("Deliveries over time: 7 delivered, 2 failed")


def test_code_in_four_languages(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("viewer"))
    expect(page.get_by_label("Python", exact=True).last).to_be_visible()
    page.get_by_role("radiogroup", name="Language").get_by_text("PHP").click()
    expect(page.locator("pre").filter(has_text="<?php")).to_be_visible()
    expect(page.locator("pre").filter(has_text="import hmac")).to_be_hidden()


def test_the_url_is_copied(portal: Portal) -> None:
    portal.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_billing(portal, portal.nahook("viewer"))
    page.get_by_role("button", name="Copy the URL").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "https://hooks.example.com/billing"


def test_delete(portal: Portal) -> None:
    page = open_billing(portal, portal.nahook("admin"))
    open_settings(page)
    page.get_by_role("button", name="Delete endpoint…").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete endpoint…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_text("The endpoint was deleted.").first).to_be_visible()
    expect(page.get_by_role("link", name="Billing")).to_have_count(0)
    assert page.url == portal.home


OFFERS = {"Settings": "link", "Change": "link", "Pause": "button", "Reveal": "button", "Rotate…": "button"}


@pytest.mark.parametrize(("role", "offered"), [("admin", set(OFFERS)), ("editor", set(OFFERS)), ("viewer", set())])
def test_what_is_not_allowed_is_not_offered(portal: Portal, role: str, offered: set[str]) -> None:
    page = open_billing(portal, portal.nahook(role))
    seen = {name for name, kind in OFFERS.items() if page.get_by_role(kind, name=name, exact=True).count()}  # type: ignore[arg-type]
    assert seen == offered


@pytest.mark.parametrize(("role", "offered"), [("admin", 1), ("editor", 0)])
def test_deleting_is_offered_to_who_may(portal: Portal, role: str, offered: int) -> None:
    page = open_billing(portal, portal.nahook(role))
    open_settings(page)
    expect(page.get_by_role("button", name="Delete endpoint…")).to_have_count(offered)


@pytest.mark.parametrize(
    ("role", "path", "verb"),
    [
        ("editor", "delete", "POST"),
        ("viewer", "settings", "GET"),
        ("viewer", "pause", "POST"),
        ("viewer", "secret", "POST"),
    ],
)
def test_what_is_not_allowed_is_refused_when_tried(portal: Portal, role: str, path: str, verb: str) -> None:
    page = open_billing(portal, portal.nahook(role))
    page.evaluate("([verb, path]) => htmx.ajax(verb, path, '#page')", [verb, f"{page.url}/{path}"])
    expect(page.get_by_text("Your access does not include this.").first).to_be_visible()


def test_all_of_it_works_with_the_keyboard(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("link", name="Add endpoint").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add endpoint")).to_be_focused()
    page.get_by_label("URL", exact=True).focus()
    page.keyboard.type("https://hooks.example.com/keys")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()


def test_the_list_and_the_overview_work_with_the_keyboard(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("searchbox").focus()
    page.keyboard.type("bill")
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Billing")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Billing")).to_be_focused()
    page.get_by_role("button", name="Rotate…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Rotate…")).to_be_focused()
    page.get_by_role("radio", name="Python").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("pre").filter(has_text="timingSafeEqual")).to_be_visible()
