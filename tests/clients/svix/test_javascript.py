"""npm's svix 2.5.0 and svix-react 1.13.9 against the running server: run by script/check-svix."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal, Site
from tests.live.conftest import LiveProject
from tests.waiting import PATIENCE_SECONDS, eventually

HERE = Path(__file__).parent
#: The longest that a program may take, which waits for several things; pytest's own limit is longer.
PATIENCE = 4 * PATIENCE_SECONDS
TOOLS = Path(os.environ.get("SVIX_CLIENTS", ".")).resolve()


def test_the_quick_start(project: LiveProject, tmp_path: Path) -> None:
    # Node looks for packages from the folder of the script on.
    (tmp_path / "node_modules").symlink_to(TOOLS / "svix-2.5.0" / "node_modules")
    script = shutil.copy(HERE / "quick_start.mjs", tmp_path)
    environment = os.environ | {"SVIX_TOKEN": project.key, "SVIX_URL": project.server.url}
    ran = subprocess.run(["node", script], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["verified"] == said["again"] == {"id": 991}
    assert said["tampered"]
    assert (said["tenant"], said["attempts"], said["refused"]) == ("acme", [200], "404 not_found")
    assert said["url"].startswith(f"{project.server.url}/portal/{project.uid}/#token=PST.")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page's script, with svix-react and React in it."""
    folder = tmp_path_factory.mktemp("page")
    modules = TOOLS / "svix-react-1.13.9" / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    source = shutil.copy(HERE / "page.jsx", folder)
    out = folder / "page.js"
    command = [str(modules / ".bin/esbuild"), source, "--bundle", "--format=iife", f"--outfile={out}"]
    command += ["--define:process.env.NODE_ENV='production'", "--log-level=error"]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return out.read_text("utf-8")


class Company:
    """A company's page, which a customer has opened."""

    def __init__(self, portal: Portal, site: Site, bundle: str, *capabilities: str) -> None:
        portal.configure(portal_allowed_origins=[site.origin])
        url = portal.svix(*capabilities)
        token = url.partition("#token=")[2]
        settings = {"token": token, "appId": "acme", "serverUrl": portal.live.server.url, "url": url}
        site.page = f"""<!doctype html><meta charset="utf-8"><title>Company</title><div id="root"></div>
<script>window.process = {{}}; window.settings = {json.dumps(settings)};</script>
<script>{bundle.replace("</script", "<" + chr(92) + "/script")}</script>"""
        self.page: Page = portal.context.new_page()
        self.page.goto(site.origin)

    def told(self, name: str) -> Any:
        """Return the data of a hook as soon as it has some."""
        place = self.page.locator(f"#{name}")
        expect(place).not_to_be_empty()
        text = place.inner_text()
        return text if text.startswith("refused") else json.loads(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def sent(portal: Portal) -> str:
    """A message to all of the customer's endpoints."""
    path = "/api/v1/app/acme/msg"
    portal.post("/api/v1/event-type", {"name": "order.paid", "description": ""})
    return str(portal.post(path, {"eventType": "order.paid", "payload": {"total": 12}})["id"])


def test_the_hooks_and_the_portal(portal: Portal, site: Site, bundle: str, sent: str) -> None:
    company = Company(portal, site, bundle)
    endpoints = company.told("endpoints")
    assert [one["id"] for one in endpoints] == [f"ep_{portal.orders}", f"ep_{portal.billing}"]
    assert [one["name"] for one in company.told("types")] == ["order.paid"]
    assert [one["id"] for one in company.told("messages")] == [sent]
    assert company.told("endpoint")["url"] == endpoints[0]["url"]
    assert company.told("secret")["key"].startswith("whsec_")
    assert company.told("headers") == {"headers": {}, "sensitive": []}
    assert set(company.told("stats")) == {"success", "pending", "sending", "fail", "canceled"}
    assert company.told("message")["payload"] == {"total": 12}
    for name in ("attempts", "message-attempts", "message-endpoints"):
        assert isinstance(company.told(name), list)
    before = company.told("secret")
    company.press("Rotate")
    eventually(lambda: company.told("secret") != before, "another secret")
    company.press("Fill in")
    company.press("Create")
    assert company.told("outcome")["endpoint"]["url"] == "https://hooks.example.com/made"
    company.press("Change")
    company.press("Resend")

    def urls() -> list[str]:
        company.press("Reload")
        return [one["url"] for one in company.told("endpoints") or []]

    eventually(lambda: "https://hooks.example.com/changed" in urls(), "the new URL")
    eventually(lambda: len(urls()) == 3, "the new endpoint")
    company.press("Open")
    # The portal in the AppPortal's frame shows the same endpoints.
    frame = company.page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Billing")).to_be_visible()


def test_the_hooks_have_the_rights_of_the_session_and_no_more(
    portal: Portal, site: Site, bundle: str, sent: str
) -> None:
    company = Company(portal, site, bundle, "ViewBase")
    assert len(company.told("endpoints")) == 2
    assert company.told("secret") == "refused: 403"
    company.press("Fill in")
    company.press("Create")
    assert company.told("outcome")["error"]["code"] == 403
