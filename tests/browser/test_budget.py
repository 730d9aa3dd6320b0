"""The budget of the first page: its bytes when they are compressed, its requests, and a layout that does not move."""

import gzip
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import OWNER, Portal
from tests.browser.world import Texts, World, follow
from tests.outbound.receivers import Receiver

KB = 1024
FIRST_PAGE_BYTES = 80 * KB
FIRST_PAGE_REQUESTS = 6
LIST_BYTES = 12 * KB
ROWS = 50
#: Sums up what moves without anybody having done something, from the first frame on.
MOVES = """
window.moved = [];
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    const what = sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? String(node?.nodeName));
    moved.push(`${value}: ${what.join(" | ")}`);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
#: Shifts are reported with the frame after the one in which they happen.
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def fill(portal: Portal) -> None:
    """Have the customer own ROWS endpoints, with deliveries in every hour of the last day."""
    for number in range(ROWS - 2):
        uid = portal.live.make_endpoint(
            name=f"Endpoint {number}", owner_id=OWNER, url=f"https://hooks.example.com/tenants/{number}/in"
        )
        portal.subscribe(uid)
    portal.sql(
        "INSERT INTO endpoints_endpointhour (endpoint_id, hour, answer, delivered, failed) "
        "SELECT e.uid, date_trunc('hour', now()) - n * interval '1 hour', '200', (random() * 900)::int, "
        "(random() * 9)::int FROM endpoints_endpoint e, generate_series(0, 23) n WHERE e.project_id = %s",
        portal.live.uid,
    )


def moved(page: Page) -> list[str]:
    """Return the elements of the page that have moved so far."""
    page.evaluate(FRAMES)
    found: list[str] = page.evaluate("moved")
    return found


def test_the_first_page_is_small(portal: Portal) -> None:
    page = portal.context.new_page()
    came: list[Response] = []
    page.on("response", lambda answer: came.append(answer))
    page.goto(portal.svix())
    page.get_by_role("link", name="Billing").wait_for()
    page.wait_for_load_state("networkidle")
    sizes = {
        f"{number} {urlsplit(answer.url).path}": len(gzip.compress(answer.body())) for number, answer in enumerate(came)
    }
    assert len(came) <= FIRST_PAGE_REQUESTS, [answer.url for answer in came]
    assert sum(sizes.values()) <= FIRST_PAGE_BYTES, sizes
    # All of it is measured: the address has given the shell, and then the list.
    assert len(came) == FIRST_PAGE_REQUESTS
    assert [answer.url for answer in came].count(portal.home) == 2


def test_a_list_of_fifty_is_small(portal: Portal) -> None:
    fill(portal)
    page = portal.open(portal.svix())
    expect(page.locator("#endpoints tbody tr")).to_have_count(ROWS)
    token = page.evaluate(f"sessionStorage.getItem('portal:{portal.live.uid}:token')")
    headers = {"HX-Request": "true", "Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    answer = httpx.get(portal.home, headers=headers, trust_env=False).raise_for_status()
    assert answer.text.count("<svg") >= ROWS
    assert len(gzip.compress(answer.content)) <= LIST_BYTES


def test_nothing_moves_while_a_list_loads(portal: Portal) -> None:
    portal.context.add_init_script(MOVES)
    with Receiver() as receiver:
        World(portal, receiver, Texts())
        page = portal.context.new_page()
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(portal.svix())
        page.locator("#endpoints tbody tr").first.wait_for()
        assert moved(page) == []
        page.goto(f"{portal.home}deliveries")
        page.locator("#deliveries tbody tr").first.wait_for()
        assert moved(page) == []
        # The same, from page to page.
        for path, row in (("", "#endpoints"), ("deliveries", "#deliveries")):
            follow(page, portal.home, path)
            page.locator(f"{row} tbody tr").first.wait_for()
            assert moved(page) == []
