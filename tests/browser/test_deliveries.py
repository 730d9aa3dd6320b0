"""A customer finds, watches, resends and shares deliveries in the portal."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OWNER, Portal
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

FAST = """
UPDATE projects_project
SET config = jsonb_set(config, '{strategy}', '{"type": "linear", "duration": 1, "retry_count": 1}') WHERE uid = %s
"""


@pytest.fixture
def receiver(portal: Portal) -> Iterator[Receiver]:
    """A receiver that answers 404 at /old. A project that tries once."""
    portal.sql(FAST, portal.live.uid)
    with Receiver() as made:
        made.answer("/old", status=404)
        yield made


@pytest.fixture
def shop(portal: Portal, receiver: Receiver) -> str:
    """An endpoint that three events could not be delivered to."""
    uid = portal.live.make_endpoint(name="Shop", owner_id=OWNER, url=receiver.url("/old"))
    portal.subscribe(uid)
    for _ in range(3):
        portal.send(uid)
    receiver.wait_for(3)
    eventually(lambda: failed(portal) == 3, "the three deliveries have failed")
    return uid


def failed(portal: Portal) -> int:
    counted = "SELECT count(*) FROM events_eventdelivery WHERE project_id = %s AND status = 'Failure'"
    return int(portal.value(counted, portal.live.uid))


def posted(receiver: Receiver, path: str) -> int:
    return len([request for request in receiver.requests(path) if request.method == "POST"])


def rows(page: Page) -> int:
    return page.locator("#deliveries tbody tr").count()


def test_from_404_to_delivered(portal: Portal, receiver: Receiver, shop: str) -> None:
    page = portal.open(portal.nahook("admin"))
    expect(page.get_by_role("row", name="Shop")).to_contain_text("Failing")
    page.get_by_role("link", name="Shop").click()
    page.get_by_role("link", name="Change URL").click()
    page.locator("input[name=url]").fill(receiver.url("/new"))
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".address")).to_contain_text("/new")
    page.get_by_role("link", name="Deliveries").first.click()
    page.get_by_role("link", name=re.compile("^Failed 3")).click()
    expect(page.get_by_role("heading", name="Failed deliveries")).to_be_visible()
    assert page.url == f"{portal.home}deliveries?status=failed"
    page.get_by_role("button", name="Retry 3 failed deliveries…").click()
    dialog = page.get_by_role("dialog", name="Retry 3 failed deliveries?")
    expect(dialog).to_contain_text("Shop")
    dialog.get_by_role("button", name="Retry 3 deliveries").click()
    expect(page.locator("#bulk")).to_be_focused()
    expect(page.get_by_text("3 deliveries are sent again.").first).to_be_visible()
    # The form has looked at the URL too, by a HEAD.
    eventually(lambda: posted(receiver, "/new") == 3, "the three events arrive")
    # The rows change in their places.
    expect(page.locator("#deliveries").get_by_text("Delivered")).to_have_count(3)
    page.get_by_role("link", name="Show all statuses").click()
    expect(page.get_by_role("link", name="Delivered 3")).to_be_visible()


def test_new_ones_are_announced_and_come_when_asked_for(portal: Portal, receiver: Receiver, shop: str) -> None:
    page = portal.open(portal.nahook("viewer"))
    page.get_by_role("link", name="Deliveries").click()
    expect(page.locator("#deliveries tbody tr")).to_have_count(3)
    portal.send(shop)
    portal.send(shop)
    fresh = page.get_by_role("button", name="Show 2 new deliveries")
    fresh.or_(page.get_by_role("button", name="Show 1 new delivery")).wait_for()
    expect(page.locator("#status")).to_have_text(re.compile("Show [12] new deliver"))
    assert rows(page) == 3
    expect(fresh).to_be_visible()
    fresh.click()
    expect(page.locator("#deliveries tbody tr")).to_have_count(5)
    expect(fresh).to_have_count(0)
    # The numbers around the list count what is shown now.
    expect(page.get_by_role("link", name="All 5")).to_be_visible()
    expect(page.get_by_text("1 to 5 of 5")).to_be_visible()
    # Paused, nothing is asked for.
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")


def test_filters_stay_in_the_address(portal: Portal, shop: str) -> None:
    page = portal.open(portal.nahook("viewer"))
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_label("Endpoint", exact=True).focus()
    page.get_by_label("Endpoint", exact=True).select_option("Billing")
    expect(page.get_by_role("heading", name="No deliveries in this period")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/deliveries\?.*endpoint={portal.billing}"))
    expect(page.get_by_label("Endpoint", exact=True)).to_be_focused()
    page.get_by_label("Endpoint", exact=True).select_option("Shop")
    expect(page.locator("#deliveries tbody tr")).to_have_count(3)
    page.get_by_role("link", name=re.compile("^Delivered")).click()
    expect(page.get_by_role("heading", name="No delivered deliveries in this period")).to_be_visible()
    expect(page.get_by_label("Endpoint", exact=True)).to_have_value(shop)
    page.reload()
    expect(page.get_by_role("heading", name="No delivered deliveries in this period")).to_be_visible()
    uid = portal.value("SELECT uid FROM events_eventdelivery WHERE endpoint_id = %s LIMIT 1", shop)
    page.get_by_role("link", name=re.compile(r"^All \d")).click()
    page.get_by_role("searchbox").press_sequentially(uid)
    expect(page.locator("#deliveries tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_period_of_ones_own_is_in_ones_own_time(portal: Portal, shop: str) -> None:
    page = portal.open(portal.nahook("viewer"))
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_role("button", name="Custom…").click()
    page.get_by_label("From").fill("2020-01-02T03:04")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#deliveries tbody tr")).to_have_count(3)
    expect(page).to_have_url(f"{portal.home}deliveries?from=2020-01-02T03%3A04%3A00Z")
    page.get_by_role("button", name="Custom…").click()
    expect(page.get_by_label("From")).to_have_value("2020-01-02T03:04")


def test_one_delivery(portal: Portal, receiver: Receiver, shop: str) -> None:
    page = portal.open(portal.nahook("editor"))
    page.get_by_role("link", name="Deliveries").click()
    page.locator("#deliveries tbody tr td").first.click()  # a row leads where its link does
    expect(page.get_by_role("heading", name="order.paid")).to_be_focused()
    expect(page.locator("#says")).to_contain_text("404 Not Found")
    expect(page.locator("#payload")).to_have_text('{\n  "total": 12\n}')
    receiver.answer("/old", status=200)
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator("#says")).to_be_focused()
    # The page follows by itself.
    expect(page.locator("#says")).to_contain_text("Delivered at the first attempt.")
    page.get_by_text("Request and response").last.click()
    expect(page.get_by_text("Request headers")).to_have_count(2)
    page.get_by_role("button", name="Send again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    assert len(receiver.wait_for(5)) == 5


def test_a_link_to_one_delivery(portal: Portal, shop: str) -> None:
    page = portal.open(portal.nahook("editor"))
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_role("link", name="order.paid").first.click()
    page.get_by_role("button", name="Share…").click()
    page.get_by_role("button", name="Make a link").click()
    url = page.locator("#shared code").inner_text()
    assert url.startswith(f"{portal.home}shared#token=PDL.")
    shown = portal.open(url)
    expect(shown.get_by_role("heading", name="order.paid")).to_be_visible()
    assert "PDL." not in shown.url
    expect(shown.get_by_text("This link shows one delivery, until")).to_be_visible()
    expect(shown.get_by_role("link", name="Endpoints")).to_have_count(0)
    expect(shown.get_by_role("button", name="Retry now")).to_have_count(0)
    shown.reload()
    expect(shown.get_by_role("heading", name="order.paid")).to_be_visible()
    page.get_by_role("button", name="End link").click()
    expect(page.get_by_role("button", name="End link")).to_have_count(0)
    shown.reload()
    expect(shown.get_by_role("heading", name="This link has ended")).to_be_visible()
