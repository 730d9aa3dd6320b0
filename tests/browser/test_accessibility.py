"""axe-core on every page, light and dark, on a desk and on a phone: no fault that is serious."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Portal
from tests.waiting import PATIENCE_SECONDS, eventually

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"


def faults(page: Page) -> list[str]:
    """What axe finds, one line a fault."""
    # By way of the debugger: the page's own policy would not let the script in.
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{fault['impact']}: {fault['id']} at {node['target']}: {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.fixture(params=["light", "dark", "phone"])
def looking(request: pytest.FixtureRequest, portal: Portal, browser: Browser) -> Iterator[Portal]:
    """The portal as it looks in one of three ways, in a colour that is hard to read as it is."""
    size = {"width": 390, "height": 844} if request.param == "phone" else {"width": 1100, "height": 800}
    scheme = "dark" if request.param == "dark" else "light"
    portal.configure(portal_primary_color="#ffd400", portal_return_url="https://app.example.com/")
    first, portal.context = portal.context, browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    portal.context.set_default_timeout(1000 * PATIENCE_SECONDS)
    yield portal
    portal.context.close()
    portal.context = first


def test_no_page_has_a_serious_fault(looking: Portal) -> None:
    portal = looking
    portal.sql(
        "INSERT INTO endpoints_endpointhour (endpoint_id, hour, answer, delivered, failed) "
        "VALUES (%s, date_trunc('hour', now()), '404', 7, 5)",
        portal.billing,
    )
    link = portal.nahook()
    page = portal.open(link)
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        at_rest = "document.getAnimations().every((change) => change.playState !== 'running')"
        eventually(lambda: page.evaluate(at_rest), "colours, which change gradually, have changed")
        found[name] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"

    page.get_by_role("button", name="What this access allows").click()
    look("list")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("the first secret").wait_for()
    look("endpoint")
    page.get_by_text("Show as table").click()
    look("endpoint with its table")
    page.get_by_role("button", name="Rotate…", exact=True).click()
    look("rotate")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    look("paused")
    portal.send(portal.billing)
    page.get_by_role("button", name="Resume…").click()
    look("resume")
    page.keyboard.press("Escape")
    page.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Save changes").wait_for()
    page.get_by_role("button", name="Delete endpoint…").click()
    look("delete")
    page.keyboard.press("Escape")
    for group in page.locator("form details:not([open]) > summary").all()[::-1]:
        group.click()
    page.get_by_label("URL", exact=True).fill("nonsense")
    look("form")
    page.get_by_role("button", name="Save changes").click()
    page.locator("p.wrong").wait_for()
    look("form with errors")
    portal.end_sessions()
    page.get_by_role("button", name="Save changes").click()
    page.get_by_text("Your session has ended.").wait_for()
    look("ended")
    page = portal.open(link)
    look("used")
    page = portal.open(portal.home)
    look("no session")
    page = portal.open(portal.nahook(owner="newcomer"))
    look("no endpoints")
    page = portal.open(f"{portal.live.server.url}/portal?token=nope")
    look("not found")
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_pages_of_the_demo_have_none_either(looking: Portal) -> None:
    demo = looking.live.server.quickstart
    page = looking.context.new_page()
    found: dict[str, list[str]] = {}
    for url in (f"{demo['base_url']}/", f"{demo['receiver_url']}/"):
        page.goto(url)
        page.locator(".card").first.wait_for()
        found[url] = faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{url} is too wide"
        # The policy lets the style of the page in.
        assert page.locator(".card").first.evaluate("(card) => getComputedStyle(card).borderTopWidth") == "1px"
    assert {url: faults for url, faults in found.items() if faults} == {}
    page.goto(demo["base_url"])
    page.get_by_role("link", name="Portal").click()
    page.get_by_text("Newsletter").first.wait_for()
