"""Texts of customers, companies and receivers that try to run or to break the layout, on every page of the portal."""

from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import Dialog, Page

from tests.browser.conftest import Portal
from tests.browser.test_accessibility import is_too_wide
from tests.browser.world import Texts, World, follow
from tests.outbound.receivers import Receiver

#: Ends a text, an attribute, an element of code and a comment, and then asks the browser or htmx to do something.
MARKUP = (
    "\"'></code></pre></title>--><script>evil=1</script><img src=x onerror=evil=1><b hx-get=/evil hx-trigger=load></b>"
)
#: Cannot be broken between words, and reads from the right to the left from its middle on.
LONG = "W" * 40 + "\u202e" + "V" * 40 + "{{ 7|add:7 }}"
NAME = MARKUP + LONG
TEXTS = Texts(
    name=NAME,
    description=NAME * 3,
    path="/" + quote("<script>evil=1</script>", safe="/") + "x" * 300,
    event_type="order.<img/src=x/onerror=evil=1>'\"?#%2f." + "W" * 80,
    type_description=NAME * 2,
    schema={
        "type": "object",
        "description": NAME,
        "required": [MARKUP],
        "properties": {
            MARKUP: {"type": "string", "description": NAME, "enum": [NAME, LONG * 5], "examples": [NAME]},
            LONG * 3: {"type": "object", "properties": {NAME: {"type": "number", "title": NAME}}},
        },
    },
    data={
        MARKUP: NAME,
        "long": "W" * 5000,
        "__proto__": {"evil": 1},
        "separators": "\u2028\u2029</script>",
        LONG: [NAME],
    },
    answer=f"<!doctype html>{MARKUP}<meta http-equiv=refresh content=0;url=/evil>{'W' * 3000}\x00\x1b[31m".encode(),
    headers=[
        ("Content-Type", 'text/html; charset="><script>evil=1</script>'),
        ("X-Evil", MARKUP),
        ("X-Long", "W" * 3000),
        ("Set-Cookie", "evil=1; Path=/"),
        ("Refresh", "0; url=/evil"),
    ],
)
#: Elements that only a text which is taken for markup makes.
MADE = "[onerror], [onmouseover], img[src=x], script:not([src]), [hx-get^='/evil'], meta[http-equiv]"


def check(page: Page, name: str, wrong: list[str]) -> None:
    """Note what a page does that it must not do."""
    if made := page.locator(MADE).count():
        wrong.append(f"{name}: {made} elements are made")
    if page.evaluate("'evil' in window || 'evil' in Object.prototype"):
        wrong.append(f"{name}: a script has run")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        if is_too_wide(page):
            wrong.append(f"{name}: scrolls sideways at {width} px")


def test_nothing_runs_and_the_layout_holds(portal: Portal) -> None:
    wrong: list[str] = []
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        wrong.append(f"a dialog says {dialog.message}")
        dialog.dismiss()

    def open_page(url: str) -> Page:
        page = portal.open(url)
        page.on("dialog", refuse)
        return page

    portal.context.on("request", lambda request: asked.append(request.url))
    portal.configure(
        name=NAME[:255],
        portal_return_url='https://app.example.com/"><script>evil=1</script>',
        logo_url="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='evil=1'/>\">" + MARKUP,
    )
    with Receiver() as receiver:
        world = World(portal, receiver, TEXTS)
        page = open_page(portal.svix())
        kind = quote(TEXTS.event_type, safe="")
        pages = world.pages() | {
            "filter": f"endpoints/{world.failing}/settings/filters/{kind}",
            "type": f"events/{kind}",
            "group": "events?q=" + quote(MARKUP),
            "search": "?q=" + quote(NAME),
            "deliveries of the type": f"deliveries?type={kind}&endpoint={world.failing}&q=" + quote(MARKUP),
            "example": f"endpoints/{world.failing}/test?type={kind}",
        }
        for name, path in pages.items():
            page.set_viewport_size({"width": 1280, "height": 800})
            follow(page, portal.home, path)
            for more in page.locator("main details:not([open]) > summary").all():
                if more.is_visible():
                    more.click()
            check(page, name, wrong)
            for dialog in page.locator("dialog").all():
                dialog.evaluate("(dialog) => dialog.showModal()")
                check(page, f"{name}, {dialog.get_attribute('id')}", wrong)
                inside = "(part) => part.scrollWidth <= part.clientWidth"
                if not dialog.evaluate(inside):
                    wrong.append(f"{name}, {dialog.get_attribute('id')}: scrolls sideways inside")
                dialog.evaluate("(dialog) => dialog.close()")

        # A test event comes with the same body, and its answer is shown on the page.
        follow(page, portal.home, f"endpoints/{world.failing}/test")
        page.get_by_role("button", name="Send test event").click()
        page.locator("#result dl").wait_for()
        page.get_by_label("Headers", exact=True).fill(f"webhook-id: {MARKUP}\nwebhook-signature: {NAME}")
        page.get_by_label("Body", exact=True).fill(NAME)
        page.get_by_role("button", name="Check signature").click()
        page.locator("#found .says").wait_for()
        check(page, "test, with its answer", wrong)

        # The typed values come back with the errors.
        follow(page, portal.home, "endpoints/new")
        page.get_by_label("URL", exact=True).fill(f"javascript:{MARKUP}")
        page.get_by_label("Name", exact=True).fill(NAME)
        page.get_by_role("button", name="Add endpoint").click()
        page.locator("p.wrong").first.wait_for()
        check(page, "add, with errors", wrong)
        page.close()

        # Pages that are loaded whole: by an address, and without the script.
        page = open_page(portal.svix() + quote(MARKUP))
        check(page, "a link that opens nothing", wrong)
        page.goto(portal.convoy()["url"])
        page.locator("table").wait_for()
        check(page, "Convoy's link", wrong)
    assert wrong == []
    assert [url for url in asked if urlsplit(url).path == "/evil"] == []
    cookies: list[Any] = portal.context.cookies()
    assert cookies == []
