"""The portal in a frame on another site, with third-party cookies blocked, and what the two say to each other."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal, Site
from tests.waiting import eventually

Embed = Callable[[str], Page]


@pytest.fixture
def allowed(portal: Portal, site: Site) -> None:
    portal.configure(portal_allowed_origins=["https://elsewhere.example.com", site.origin])


def token_of(url: str) -> str:
    return url.partition("#token=")[2]


def ends(page: Page) -> list[dict[str, str]]:
    """The messages in which the frame has told the site of the end of its session, once there is one."""
    page.wait_for_function("heard.some(({ type }) => type === 'portal-session-expired')")
    found: list[dict[str, str]] = page.evaluate("heard.filter(({ type }) => type === 'portal-session-expired')")
    return found


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("kind", ["nahook", "svix", "static", "refresh"])
def test_a_site_that_is_allowed_can_embed_it(portal: Portal, embed: Embed, kind: str) -> None:
    frame = embed(portal.link(kind)).frame_locator("iframe")
    frame.get_by_role("link", name="Billing").click()
    frame.get_by_role("button", name="Pause").click()
    expect(frame.locator("#pill")).to_have_text("Paused")


@pytest.mark.usefixtures("allowed")
def test_it_does_not_take_the_focus_from_the_page_around_it(portal: Portal, embed: Embed) -> None:
    page = embed(portal.nahook())
    page.frame_locator("iframe").get_by_role("link", name="Billing").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.parametrize("kind", ["nahook", "static"])
def test_a_site_that_is_not_allowed_cannot(portal: Portal, embed: Embed, kind: str) -> None:
    page = embed(portal.link(kind))

    def is_refused() -> bool:
        page.wait_for_timeout(50)  # what the console says arrives meanwhile
        return any("frame-ancestors" in text for text in portal.said)

    eventually(is_refused, "the browser refuses to show the portal in the frame")
    assert page.frame_locator("iframe").get_by_role("heading").count() == 0
    portal.said.clear()


@pytest.mark.usefixtures("allowed")
def test_the_site_is_told_of_the_end_and_gives_a_new_session(portal: Portal, site: Site, embed: Embed) -> None:
    page = embed(portal.svix())
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Billing").click()
    frame.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Settings").click()
    frame.get_by_label("Name", exact=True).fill("Typed before the end")
    portal.end_sessions()
    frame.get_by_role("button", name="Save changes").click()
    expect(frame.get_by_text("Your session has ended.")).to_be_visible()
    path = f"/portal/{portal.live.uid}/endpoints/{portal.billing}/settings"
    assert ends(page) == [
        {
            "type": "portal-session-expired",
            "projectId": portal.live.uid,
            "path": path,
            "origin": portal.live.server.url,
        }
    ]
    page.evaluate("token => answer(token)", token_of(portal.svix()))
    expect(frame.get_by_text("Your session has ended.")).to_have_count(0)
    expect(frame.get_by_label("Name", exact=True)).to_have_value("Typed before the end")
    frame.get_by_role("button", name="Save changes").click()
    expect(frame.get_by_role("heading", name="Typed before the end")).to_be_visible()


@pytest.mark.usefixtures("allowed")
def test_a_new_link_in_the_frame_goes_on_where_the_last_one_ended(portal: Portal, embed: Embed) -> None:
    page = embed(portal.svix())
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Billing").click()
    frame.get_by_role("heading", name="Billing").wait_for()
    portal.end_sessions()
    frame.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Settings").click()
    expect(frame.get_by_text("Your session has ended.")).to_be_visible()
    # As docs/portal.md has it: the new link's secret, at the path where the session has ended.
    page.evaluate(
        """([path, link]) => {
          const url = new URL(path, link);
          url.hash = new URL(link).hash;
          document.querySelector("iframe").src = url;
        }""",
        [ends(page)[0]["path"], portal.svix()],
    )
    expect(frame.get_by_role("button", name="Save changes")).to_be_visible()


@pytest.mark.usefixtures("allowed")
def test_a_frame_without_a_session_asks_for_one(portal: Portal, embed: Embed) -> None:
    page = embed(portal.home)
    assert len(ends(page)) == 1
    page.evaluate("token => answer(token)", token_of(portal.svix()))
    expect(page.frame_locator("iframe").get_by_role("link", name="Billing")).to_be_visible()


def test_nobody_else_is_listened_to(portal: Portal) -> None:
    """A window that opened the portal, or the portal itself, gives it no session."""
    page = portal.open(portal.home)
    # Messages arrive in order, and the portal's listener is called before the one that is added here. Whoever adopts
    # a session remembers it at once.
    page.evaluate(
        """token => new Promise(heard => {
          addEventListener("message", ({ data }) => data === "last" && heard());
          postMessage({ type: "portal-session", token }, "*");
          postMessage("last", "*");
        })""",
        token_of(portal.svix()),
    )
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.endsWith(':token'))") == []
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
