"""axe-core on every page, light, dark and on a phone: no fault. The keyboard alone, large text and narrow windows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Portal
from tests.browser.world import Texts, World, follow
from tests.outbound.receivers import Receiver
from tests.waiting import PATIENCE_SECONDS, eventually

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
#: The rules that a dark page may break where the same page in light does not.
COLORS = ("color-contrast", "link-in-text-block")
#: No page scrolls sideways in windows of these widths: 640 px are 1280 at 200 %, and 320 at 400 %.
NARROW = (320, 390, 640, 768, 1024, 1280)


def faults(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Return the faults that axe finds by its rules, all or some, one line a fault."""
    if not page.evaluate("'axe' in window"):
        # By way of the debugger: the page's own policy would not let the script in.
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(rules.length ? { runOnly: rules } : {})", list(rules))
    return [
        f"{fault['impact']}: {fault['id']} at {node['target']}: {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def settle(page: Page) -> None:
    """Return once no colour is changing gradually."""
    at_rest = "document.getAnimations().every((change) => change.playState !== 'running')"
    eventually(lambda: page.evaluate(at_rest), "colours, which change gradually, have changed")


def is_too_wide(page: Page) -> bool:
    """Whether the page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


class Eyes:
    """Looks at a page in several ways without loading it again, and keeps what is wrong."""

    def __init__(self) -> None:
        self.wrong: dict[str, list[str]] = {}

    def look(self, page: Page, name: str, *, is_dialog: bool = False) -> None:
        """Look at a page: light and dark on a desk, on a phone, and in windows of each width."""
        for way, size, scheme in (("light", DESK, "light"), ("dark", DESK, "dark"), ("phone", PHONE, "light")):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            settle(page)
            self.note(f"{name}, {way}", faults(page, COLORS if way == "dark" else ()))
        if is_dialog:
            return
        for width in NARROW:
            page.set_viewport_size({"width": width, "height": 800})
            self.note(f"{name}, {width} px", ["scrolls sideways"] if is_too_wide(page) else [])

    def note(self, name: str, found: list[str]) -> None:
        if found:
            self.wrong[name] = found


@pytest.fixture
def world(portal: Portal) -> Iterator[World]:
    """A customer with something on every page, in a colour that is hard to read as it is."""
    portal.configure(portal_primary_color="#ffd400", portal_return_url="https://app.example.com/")
    with Receiver() as receiver:
        yield World(portal, receiver, Texts())


#: The dialogs and parts that a page shows when asked to: the name of the button, for each page.
OPENED = {
    "overview, working": ["Rotate…"],
    "overview, paused": ["Resume…"],
    "settings": ["Delete endpoint…"],
    "settings without a filter": ["Add filter"],
    "failed deliveries": ["Retry 9 failed deliveries…"],
    "deliveries": ["Custom…"],
    "delivery, failed": ["Share…"],
    "delivery, delivered": ["Send again…"],
}


def test_no_page_has_a_fault(world: World) -> None:
    eyes, portal = Eyes(), world.portal
    page = portal.open(portal.svix())
    page.get_by_role("button", name="What this access allows").click()
    eyes.look(page, "what the access allows", is_dialog=True)
    page.keyboard.press("Escape")
    pages = world.pages() | {
        "settings without a filter": f"endpoints/{portal.billing}/settings",
        "filter": f"endpoints/{world.failing}/settings/filters/{world.event_type}",
        "type": f"events/{world.event_type}",
    }
    for name, path in pages.items():
        follow(page, portal.home, path)
        if name in ("add", "settings"):
            for group in page.locator("form details:not([open]) > summary").all()[::-1]:
                if group.is_visible():
                    group.click()
        eyes.look(page, name)
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        for button in OPENED.get(name, []):
            page.get_by_role("button", name=button, exact=True).click()
            eyes.look(page, f"{name}, {button}", is_dialog=True)
            page.keyboard.press("Escape")
    assert eyes.wrong == {}


def test_what_happens_on_pages_has_no_fault(world: World) -> None:
    eyes, portal = Eyes(), world.portal
    page = portal.open(portal.svix())
    working = f"endpoints/{world.working}"
    follow(page, portal.home, working)
    page.get_by_role("button", name="Reveal").click()
    page.get_by_role("button", name="Hide").first.wait_for()
    page.get_by_role("button", name="Send a test signed with the new secret only").click()
    expect(page.locator("#rehearsal")).not_to_be_empty()
    page.get_by_text("Show as table").click()
    eyes.look(page, "overview with its secrets, a rehearsal and the figures")
    follow(page, portal.home, f"{working}/test")
    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#result").get_by_text("Delivered")).to_be_visible()
    page.get_by_role("button", name="Check signature").click()
    page.locator("#found .says").wait_for()
    eyes.look(page, "test and debugger with their results")
    follow(page, portal.home, "events/ping")
    page.get_by_role("button", name="Add to an endpoint").click()
    eyes.look(page, "endpoints to add a type to", is_dialog=True)
    page.keyboard.press("Escape")
    follow(page, portal.home, f"deliveries/{world.delivery(world.failing)}")
    page.get_by_role("button", name="Share…").click()
    page.get_by_role("button", name="Make a link").click()
    shared = page.locator("#shared code").inner_text()
    eyes.look(page, "a link to a delivery", is_dialog=True)
    page.keyboard.press("Escape")
    follow(page, portal.home, "endpoints/new")
    page.get_by_label("URL", exact=True).fill("nonsense")
    page.get_by_role("button", name="Add endpoint").click()
    page.locator("p.wrong").first.wait_for()
    eyes.look(page, "add, with errors")
    portal.end_sessions()
    page.get_by_role("button", name="Add endpoint").click()
    page.get_by_text("Your session has ended.").wait_for()
    eyes.look(page, "session ended")
    page.close()
    eyes.look(portal.open(shared), "shared delivery")
    assert eyes.wrong == {}


def test_the_pages_outside_of_a_session_have_no_fault(world: World) -> None:
    eyes, portal = Eyes(), world.portal
    link = portal.nahook(owner="newcomer")
    page = portal.open(link)
    eyes.look(page, "first steps")
    page.close()  # its credential must not help the next one
    eyes.look(portal.open(link), "used")
    eyes.look(portal.open(portal.home), "no session")
    eyes.look(portal.open(f"{portal.live.server.url}/portal?token=nope"), "not found")
    page = portal.open(portal.svix())
    follow(page, portal.home, "endpoints/no-such")
    eyes.look(page, "no such endpoint")
    assert eyes.wrong == {}


@pytest.fixture(params=["light", "dark", "phone"])
def looking(request: pytest.FixtureRequest, portal: Portal, browser: Browser) -> Iterator[Portal]:
    """The portal as it looks in one of three ways."""
    scheme = "dark" if request.param == "dark" else "light"
    size = PHONE if request.param == "phone" else DESK
    first, portal.context = portal.context, browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    portal.context.set_default_timeout(1000 * PATIENCE_SECONDS)
    yield portal
    portal.context.close()
    portal.context = first


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
