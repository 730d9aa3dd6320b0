"""The API reference in a browser: under its policy, with one key for the tab."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.live.conftest import LiveProject


class Reference:
    """The page, what the browser complains of, and what it has requested."""

    def __init__(self, project: LiveProject, context: BrowserContext) -> None:
        self.url = project.server.url
        self.context = context
        self.said: list[str] = []
        self.requests: list[Request] = []
        context.on("console", lambda message: self.said.append(message.text) if message.type != "info" else None)
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        context.on("request", lambda request: self.requests.append(request))

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(f"{self.url}/api/docs")
        expect(page.get_by_role("heading", name="ConvoyClone API")).to_be_visible()
        return page


@pytest.fixture
def reference(project: LiveProject, browser: Browser) -> Iterator[Reference]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        shown = Reference(project, context)
        yield shown
        assert shown.said == []
        addresses = {request.url for request in shown.requests if not request.url.startswith("data:")}
        assert {address for address in addresses if not address.startswith(f"{shown.url}/")} == set()


def test_a_key_lasts_for_the_tab_and_opens_what_is_tried(reference: Reference, project: LiveProject) -> None:
    page = reference.open()
    page.get_by_label("Key").fill(project.key)
    page.reload()
    expect(page.get_by_label("Key")).to_have_value(project.key)
    assert page.evaluate("Object.values(localStorage).join()").find(project.key) == -1
    expect(reference.open().get_by_label("Key")).to_have_value("")

    page.get_by_text("Projects", exact=True).first.click()
    page.get_by_role("button", name="Test Request").first.click()
    # The bar has the one field for a key.
    expect(page.get_by_text("Bearer Token")).to_be_hidden()
    with page.expect_response("**/api/v1/projects") as found:
        page.get_by_role("button", name=re.compile(r"^\s*Send\b")).first.click()
    assert found.value.status == 200
    headers = found.value.request.all_headers()
    assert headers["authorization"] == f"Bearer {project.key}"
    assert headers.keys() & {"x-csrftoken", "cookie"} == set()


def test_an_operation_is_found_by_its_words(reference: Reference) -> None:
    page = reference.open()
    page.keyboard.press("Control+k")
    page.keyboard.type("revoke a portal link")
    expect(page.get_by_role("option").first).to_contain_text("Revoke a portal link")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_page(reference: Reference, width: int) -> None:
    page = reference.open()
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
