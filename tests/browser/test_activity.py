"""The page of who did what, in a browser: by keyboard, on a phone, in the dark, and without a fault that axe finds."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Portal
from tests.browser.test_accessibility import faults


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_page_has_no_serious_fault(portal: Portal, browser: Browser, look: str) -> None:
    size = {"width": 390, "height": 844} if look == "phone" else {"width": 1100, "height": 800}
    context = browser.new_context(color_scheme="dark" if look == "dark" else "light", viewport=size)  # type: ignore[arg-type]
    first, portal.context = portal.context, context
    try:
        page = portal.open(portal.nahook())
        page.get_by_role("link", name="Activity").click()
        page.get_by_role("heading", name="Activity").wait_for()
        # The code that the link holds was used just now.
        expect(page.get_by_text("Opened a session").first).to_be_visible()
        expect(page.get_by_text("This session")).to_be_visible()
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("What").select_option(label="Secrets")
        expect(page.get_by_role("heading", name="No action matches")).to_be_visible()
        assert "what=secrets" in page.url
        assert faults(page) == []
        page.reload()
        expect(page.get_by_label("What")).to_have_value("secrets")
    finally:
        portal.context = first
        context.close()
