"""Opening each kind of link, once and again, and what of it stays behind."""

import httpx
import pytest

from tests.browser.conftest import Portal

HEADING = "Endpoints"


@pytest.mark.parametrize("kind", ["nahook", "svix", "static", "refresh"])
def test_a_link_opens_and_leaves_the_address_bar(portal: Portal, kind: str) -> None:
    page = portal.open(portal.link(kind))
    page.get_by_role("link", name="Billing").wait_for()
    assert page.url == portal.home
    assert page.evaluate("document.cookie") == ""
    page.reload()
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("heading", name="Billing").wait_for()
    assert page.url == f"{portal.home}endpoints/{portal.billing}"
    assert portal.context.cookies() == []


def test_a_single_use_link_opens_once(portal: Portal) -> None:
    portal.configure(portal_return_url="https://app.example.com/")
    url = portal.nahook()
    portal.open(url)
    page = portal.open(url)
    page.get_by_role("heading", name="This link has already been used").wait_for()
    assert page.get_by_role("link", name="Back to").last.get_attribute("href") == "https://app.example.com/"


def test_looking_at_a_single_use_link_does_not_use_it_up(portal: Portal) -> None:
    url = portal.nahook()
    for method in ("HEAD", "GET"):
        assert httpx.request(method, url, trust_env=False).status_code == 200
    portal.open(url).get_by_role("heading", name=HEADING).wait_for()


def test_a_link_that_was_not_opened_in_time(portal: Portal) -> None:
    url = portal.nahook()
    portal.end_sessions()
    portal.open(url).get_by_role("heading", name="This link has expired").wait_for()


@pytest.mark.parametrize("path", ["#code=nope", "#token=PST.nope", ""])
def test_what_opens_nothing(portal: Portal, path: str) -> None:
    page = portal.open(portal.home + path)
    assert page.get_by_role("link", name="Billing").count() == 0
    assert page.url == portal.home


def test_a_second_link_in_the_same_tab(portal: Portal) -> None:
    page = portal.open(portal.nahook("viewer"))
    page.get_by_role("heading", name=HEADING).wait_for()
    assert page.get_by_role("link", name="Add endpoint").count() == 0
    page.goto(portal.nahook("admin"))  # only the fragment differs: the page is not loaded again
    page.get_by_role("link", name="Add endpoint").wait_for()


def test_a_reload_and_the_back_button_keep_the_place(portal: Portal) -> None:
    page = portal.open(portal.svix())
    page.get_by_role("link", name="Orders").click()
    page.get_by_role("navigation", name="Endpoint", exact=True).get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Save changes").wait_for()
    page.go_back()
    page.get_by_role("button", name="Pause").wait_for()
    page.reload()
    page.get_by_role("heading", name="Orders").wait_for()
    page.go_back()
    page.get_by_role("heading", name=HEADING).wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Orders").wait_for()


def test_it_works_where_there_is_no_storage(portal: Portal) -> None:
    portal.context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('denied') } })"
    )
    page = portal.open(portal.nahook())
    page.get_by_role("link", name="Orders").click()
    page.get_by_role("heading", name="Orders").wait_for()
    page.go_back()
    page.get_by_role("heading", name=HEADING).wait_for()


def test_without_javascript_a_convoy_link_shows_the_endpoints(portal: Portal) -> None:
    browser = portal.context.browser
    assert browser is not None
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(portal.convoy()["url"])
    assert page.get_by_role("heading", name=HEADING).is_visible()
    assert page.get_by_text("hooks.example.com/orders").is_visible()


def test_the_pages_of_two_projects_do_not_share_a_session(portal: Portal) -> None:
    portal.open(portal.nahook()).get_by_role("link", name="Billing").wait_for()
    page = portal.open(f"{portal.live.server.url}/portal/{portal.live.server.quickstart['project_id']}/")
    page.get_by_role("heading", name="Your session has ended").wait_for()
