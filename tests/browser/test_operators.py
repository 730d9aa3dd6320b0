"""The operators' pages in a browser: three clicks to the request that failed, and lists that fit the screen."""

import secrets
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OWNER, Portal
from tests.waiting import PATIENCE_SECONDS, eventually

#: Without a place to break it.
LONG = "productionbillingoftheeuropeansubsidiary" * 4
LISTS = (
    *("events/event", "events/eventdelivery", "events/deliveryattempt", "endpoints/endpoint"),
    *("portal_links/portallink", "portal_links/portalsession", "subscriptions/subscription", "activity/activity"),
    *("projects/apikey", "endpoints/notification"),
)


@pytest.fixture
def operator(browser: Browser, portal: Portal) -> Iterator[Page]:
    """The start page, in a window of 1280 pixels. The browser must have nothing to complain of."""
    name, password = secrets.token_hex(8), secrets.token_hex(8)
    portal.sql(
        "INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email, "
        "date_joined) VALUES (%s, %s, true, true, true, '', '', '', now())",
        name,
        PBKDF2PasswordHasher().encode(password, secrets.token_hex(8)),
    )
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    context.on("console", portal.hear)
    page = context.new_page()
    page.goto(f"{portal.live.server.url}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    yield page
    context.close()


def failing(portal: Portal, owner: str) -> None:
    """Have a delivery to an endpoint of the owner's fail: nothing listens at its URL."""
    uid = portal.live.make_endpoint(name=f"Closed {LONG}", owner_id=owner, url=f"http://127.0.0.1:9/{LONG}")
    portal.subscribe(uid)
    portal.send(uid, f"order.{LONG}")
    portal.convoy(name=f"Portal {LONG}", owner_id=owner)
    portal.nahook("admin", owner)
    tried = "SELECT count(*) FROM events_deliveryattempt WHERE endpoint_id = %s"
    eventually(lambda: portal.value(tried, uid) > 0, "it was tried")


def test_three_clicks_to_the_request_that_failed(portal: Portal, operator: Page) -> None:
    owner = f"customer-{secrets.token_hex(4)}"
    failing(portal, owner)
    operator.get_by_label("Find a customer, endpoint, event or delivery").fill(owner)
    operator.get_by_role("button", name="Search").click()
    expect(operator.get_by_role("heading", name=f"Customer {owner}")).to_be_visible()
    operator.get_by_role("region", name="Last failures").get_by_role("link").first.click()
    attempts = operator.get_by_role("region", name="Requests and answers")
    expect(attempts).to_contain_text("Connection refused")
    expect(attempts).to_contain_text("POST http://127.0.0.1:9/")
    expect(attempts).to_contain_text("webhook-id")
    expect(operator.get_by_role("button", name="Send now")).to_be_visible()


def test_what_is_grave_is_asked_first(portal: Portal, operator: Page) -> None:
    operator.goto(f"{portal.live.server.url}/admin/customers/{portal.live.uid}/{OWNER}/")
    row = operator.get_by_role("row", name="Billing")
    row.get_by_role("button", name="Pause").click()
    operator.get_by_role("button", name="Yes, I’m sure").click()
    expect(operator.get_by_text("Paused Billing.")).to_be_visible()
    expect(row.get_by_role("button", name="Activate")).to_be_visible()
    with operator.expect_popup() as opened:
        operator.get_by_role("button", name="Open their portal").click()
    expect(opened.value.get_by_role("link", name="Billing")).to_be_visible()


def test_the_figures_fit_the_screen(portal: Portal, operator: Page) -> None:
    failing(portal, f"customer-{secrets.token_hex(4)}")
    # It has waited for a day and a half: the longest text of the column.
    portal.sql(
        "UPDATE events_eventdelivery SET status = 'Retry', due_at = now() - interval '1 day 13 hours', "
        "next_send_time = now() - interval '1 day 13 hours', is_parked = true WHERE project_id = %s",
        portal.live.uid,
    )
    operator.goto(f"{portal.live.server.url}/admin/")
    queue = operator.get_by_role("region", name="Queue by project")
    expect(queue.get_by_role("columnheader", name="Failed")).to_be_visible()
    beyond = "parts => parts.map(part => part.scrollWidth - part.clientWidth)"
    assert set(operator.locator("#figures .scrolls").evaluate_all(beyond)) == {0}


def test_the_lists_fit_the_screen(portal: Portal, operator: Page) -> None:
    failing(portal, f"customer-{LONG}")
    used = "UPDATE portal_links_portalsession SET opened_at = now(), last_used_at = now(), last_used_from = %s"
    portal.sql(used, "2001:db8:85a3:1319:8a2e:8a2e:1370:7334")
    limited = "UPDATE projects_apikey SET name = %s, owner_id = %s, expires_at = '2100-01-01Z' WHERE project_id = %s"
    portal.sql(limited, LONG, LONG, portal.live.uid)
    portal.sql(
        "INSERT INTO endpoints_notification (uid, endpoint_id, channel, alert, subject, text, num_trials, error, "
        "created_at, sent_at, due_at) SELECT uid, uid, 'email', '', %s, '', 1, %s, now(), now(), NULL "
        "FROM endpoints_endpoint WHERE project_id = %s",
        *(LONG, LONG, portal.live.uid),
    )
    wide = []
    for path in LISTS:
        operator.goto(f"{portal.live.server.url}/admin/{path}/")
        expect(operator.locator("#result_list tbody tr").first).to_be_visible()
        table = operator.locator("#changelist .results")
        beyond = table.evaluate("shown => shown.scrollWidth - shown.clientWidth")
        if beyond or operator.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append((path, beyond))
    assert wide == []
