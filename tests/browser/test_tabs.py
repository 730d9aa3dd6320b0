"""A second tab of the same portal, the language of the pages, and the end of a session by its holder."""

from playwright.sync_api import expect

from tests.browser.conftest import Portal

ENDED = "Your session has ended"


def test_ctrl_click_opens_a_tab_that_works(portal: Portal) -> None:
    first = portal.open(portal.nahook())
    with portal.context.expect_page() as opened:
        first.get_by_role("link", name="Billing").click(modifiers=["Control"])
    second = opened.value
    expect(second.get_by_role("heading", name="Billing")).to_be_visible()
    assert second.url == f"{portal.home}endpoints/{portal.billing}"
    # It has a credential of its own now: the first tab may go.
    first.close()
    second.reload()
    expect(second.get_by_role("heading", name="Billing")).to_be_visible()


def test_a_preview_is_for_its_own_tab(portal: Portal) -> None:
    link = portal.svix()
    made = "UPDATE portal_links_portalsession SET surface = 'preview', operator = 'ann' WHERE project_id = %s"
    portal.sql(made, portal.live.uid)
    portal.open(link).get_by_text("Opened by ann").wait_for()
    page = portal.open(f"{portal.home}endpoints/{portal.billing}")
    expect(page.get_by_role("heading", name=ENDED)).to_be_visible()


def test_an_address_without_another_tab_has_no_session(portal: Portal) -> None:
    page = portal.open(f"{portal.home}endpoints/{portal.billing}")
    expect(page.get_by_role("heading", name=ENDED)).to_be_visible()


def test_another_browser_is_not_given_the_session(portal: Portal) -> None:
    portal.open(portal.nahook()).get_by_role("link", name="Billing").wait_for()
    browser = portal.context.browser
    assert browser is not None
    context = browser.new_context()
    page = context.new_page()
    page.goto(portal.home)
    expect(page.get_by_role("heading", name=ENDED)).to_be_visible()
    context.close()


def test_the_holder_ends_the_session(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("link", name="Billing").wait_for()
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("heading", name=ENDED)).to_be_visible()
    expect(page.get_by_role("link", name="Endpoints")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name=ENDED)).to_be_visible()
    row = "SELECT revoked_at IS NOT NULL FROM portal_links_portalsession WHERE project_id = %s"
    assert portal.value(row, portal.live.uid) is True


def test_the_language_of_the_address_stays_for_the_tab(portal: Portal) -> None:
    page = portal.open(portal.svix().replace("#", "?lang=de#"))
    page.get_by_role("link", name="Billing").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("heading", name="Billing").wait_for()
    page.reload()
    page.get_by_role("heading", name="Billing").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", "de")
