"""A session ends while its page is open."""

from playwright.sync_api import expect

from tests.browser.conftest import OWNER, Portal

ENDED = "Your session has ended."


def test_a_session_that_expires(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.get_by_role("link", name="Add endpoint").click()
    page.get_by_label("Name", exact=True).fill("Half typed")
    portal.end_sessions()
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half typed")
    page.reload()
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()


def test_the_page_notices_the_end_by_itself(portal: Portal) -> None:
    url = portal.svix()
    portal.sql(
        "UPDATE portal_links_portalsession SET expires_at = now() + interval '3 seconds' WHERE project_id = %s",
        portal.live.uid,
    )
    page = portal.open(url)
    page.get_by_role("link", name="Billing").wait_for()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)


def test_a_revoked_link_ends_with_the_next_click(portal: Portal) -> None:
    link = portal.convoy()
    page = portal.open(link["url"])
    portal.live.client.put(f"{portal.live.links}/{link['uid']}/revoke").raise_for_status()
    page.get_by_role("link", name="Billing").click()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)


def test_sessions_that_are_expired_from_outside(portal: Portal) -> None:
    page = portal.open(portal.svix())
    page.get_by_role("link", name="Billing").wait_for()
    answer = portal.live.client.post(f"/auth/app/{OWNER}/expire-all", json={})
    assert answer.status_code == 204
    page.get_by_role("link", name="Billing").click()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)


def test_a_right_that_is_taken_away_is_gone_with_the_next_click(portal: Portal) -> None:
    link = portal.convoy()
    page = portal.open(link["url"])
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("button", name="Pause").wait_for()
    body = {"name": "Acme portal", "owner_id": OWNER, "can_manage_endpoint": False}
    portal.live.client.put(f"{portal.live.links}/{link['uid']}", json=body).raise_for_status()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Your access does not include this.").first).to_be_visible()


def test_a_server_that_does_not_answer(portal: Portal) -> None:
    page = portal.open(portal.nahook())
    page.route("**/endpoints/**", lambda route: route.abort())
    page.get_by_role("link", name="Billing").click()
    expect(page.get_by_role("alert")).to_contain_text("That did not work.")
    page.unroute("**/endpoints/**")
    page.get_by_role("link", name="Billing").click()
    expect(page.get_by_role("heading", name="Billing")).to_be_visible()
    portal.said.clear()  # htmx says on the console what the alert has said
