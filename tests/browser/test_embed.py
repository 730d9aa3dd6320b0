"""The portal as one element of a company's page, <webhook-portal>, and the height that both kinds of hosts are told."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal, Site

Host = Callable[..., Page]


@pytest.fixture
def host(portal: Portal, site: Site) -> Host:
    """Opens a page of a company with the element. `links` are the URLs that its own server gives, one after another."""
    portal.configure(portal_allowed_origins=[site.origin])

    def show(*links: str, attributes: str = "") -> Page:
        site.page = f"""<!doctype html><title>Company</title><h1>Company</h1>
<webhook-portal {attributes}></webhook-portal>
<script type="module" src="{portal.live.server.url}/portal/embed.js"></script>
<script type="module">
  const links = {list(links)!r};
  const element = document.querySelector("webhook-portal");
  window.paths = [];
  window.errors = [];
  element.addEventListener("portal-path", ({{ detail }}) => paths.push(detail.path));
  element.addEventListener("portal-error", ({{ detail }}) => errors.push(String(detail.error)));
  element.session = async () => {{
    if (!links.length) throw new Error("no session today");
    return links.shift();
  }};
</script>"""
        page = portal.context.new_page()
        page.goto(site.origin)
        return page

    return show


@pytest.mark.parametrize("kind", ["nahook", "svix", "static", "refresh"])
def test_it_shows_the_portal_of_each_kind_of_link(portal: Portal, host: Host, kind: str) -> None:
    page = host(portal.link(kind))
    frame = page.frame_locator("webhook-portal iframe")
    frame.get_by_role("link", name="Billing").click()
    expect(frame.get_by_role("heading", name="Billing")).to_be_visible()
    page.wait_for_function("paths.length > 1")
    assert page.evaluate("paths.at(-1)").endswith(f"/endpoints/{portal.billing}")


def test_it_is_as_high_as_its_content(portal: Portal, host: Host) -> None:
    for number in range(20):
        portal.live.make_endpoint(name=f"Endpoint {number}", owner_id="acme", url=f"https://hooks.example.com/{number}")
    page = host(portal.svix())
    frame = page.frame_locator("webhook-portal iframe")
    frame.get_by_role("link", name="Endpoint 19").wait_for()
    page.wait_for_function("document.querySelector('webhook-portal iframe').offsetHeight > 700")
    inner = page.frames[1]
    # Nothing scrolls inside of the frame.
    inner.wait_for_function("document.documentElement.scrollHeight <= innerHeight")


def test_it_begins_at_a_filtered_list(portal: Portal, host: Host) -> None:
    page = host(portal.svix(), attributes='path="deliveries?status=failed&period=7d"')
    frame = page.frame_locator("webhook-portal iframe")
    expect(frame.get_by_role("heading", name="Failed deliveries", exact=True)).to_be_visible()
    page.wait_for_function("paths.length > 0")
    assert page.evaluate("paths.at(-1)").endswith("/deliveries?status=failed&period=7d")


def test_a_session_that_ends_is_followed_by_a_fresh_one(portal: Portal, host: Host) -> None:
    page = host(portal.svix(), portal.svix(), attributes='path="endpoints/new"')
    frame = page.frame_locator("webhook-portal iframe")
    name = frame.get_by_role("textbox", name="Name", exact=False).first
    name.fill("Typed before the end")
    portal.sql(
        "UPDATE portal_links_portalsession SET expires_at = now() - interval '1 second' WHERE uid = "
        "(SELECT min(uid) FROM portal_links_portalsession WHERE project_id = %s)",
        portal.live.uid,
    )
    frame.get_by_role("button", name="Add endpoint").click()
    expect(frame.get_by_text("Your session has ended.")).to_have_count(0)
    expect(name).to_have_value("Typed before the end")


def test_a_single_use_link_goes_on_at_the_same_page(portal: Portal, host: Host) -> None:
    page = host(portal.nahook(), portal.nahook())
    frame = page.frame_locator("webhook-portal iframe")
    frame.get_by_role("link", name="Billing").wait_for()
    portal.sql(
        "UPDATE portal_links_portalsession SET expires_at = now() - interval '1 second' "
        "WHERE project_id = %s AND opened_at IS NOT NULL",
        portal.live.uid,
    )
    frame.get_by_role("link", name="Billing").click()
    expect(frame.get_by_role("heading", name="Billing")).to_be_visible()


def test_a_company_without_a_session_is_told(portal: Portal, host: Host) -> None:
    page = host()
    page.wait_for_function("errors.length")
    assert page.evaluate("errors") == ["Error: no session today"]
    assert page.locator("iframe").count() == 0


def test_theme_and_menu(portal: Portal, host: Host) -> None:
    page = host(portal.svix(), attributes='theme="dark" nav="none" lang="en" primary-color="#ffb703"')
    frame = page.frame_locator("webhook-portal iframe")
    frame.get_by_role("link", name="Billing").wait_for()
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.locator("#nav")).to_be_hidden()
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    assert page.frames[1].evaluate(accent).strip() == "#ffb703"
    page.evaluate("document.querySelector('webhook-portal').setAttribute('theme', 'light')")
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")


def test_svix_component_is_told_the_height_and_its_parameters_count(portal: Portal, site: Site) -> None:
    """As svix-react's AppPortal does: it adds its parameters to the URL of the call and listens for the height."""
    portal.configure(portal_allowed_origins=[site.origin])
    url = portal.svix().replace("#", "?darkMode=true&primaryColor=ffb703&fontFamily=Fira+Sans#")
    site.page = f"""<!doctype html><title>x</title><iframe src="{url}" width="900" height="650"></iframe>
<script>addEventListener("message", ({{ data }}) => {{
  if (data?.type === "svix.iframe-resizer-height")
    document.querySelector("iframe").style.height = `${{data.payload.height}}px`;
}});</script>"""
    page = portal.context.new_page()
    page.goto(site.origin)
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Billing").wait_for()
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    page.wait_for_function("document.querySelector('iframe').style.height")


def test_the_look_of_the_address_stays_for_the_tab(portal: Portal) -> None:
    page = portal.open(portal.svix().replace("#", "?darkMode=true&primaryColor=ffb703#"))
    page.get_by_role("link", name="Billing").click()
    page.get_by_role("heading", name="Billing").wait_for()
    page.reload()
    page.get_by_role("heading", name="Billing").wait_for()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    page.wait_for_function(f"{accent} === '#ffb703'")
