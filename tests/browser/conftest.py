"""A running server, Debian's Chromium, and a project with a customer's endpoints for each test."""

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from psycopg.sql import SQL, Composed, Identifier

from tests.live.conftest import LiveProject, instance, project, server  # noqa: F401
from tests.waiting import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-quic", "--disable-background-networking"]
OWNER = "acme"
#: The console's message about an answer that is a refusal: the pages show it, and the browser notes it too.
EXPECTED = ("Failed to load resource", "Response Status Error Code")

expect.set_options(timeout=1000 * PATIENCE_SECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser these tests are skipped; tests/conftest.py has that fail in CI."""
    missing = pytest.mark.skip(reason="Chromium is missing; on Debian: apt-get install chromium")
    for item in items:
        if "/tests/browser/" in item.path.as_posix() and CHROMIUM is None:
            item.add_marker(missing)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the operating system has it, with third-party cookies blocked.

    It ends with its file: while Playwright runs, Django refuses the database to the tests of other
    files in the same process, because Playwright's event loop does.
    """
    with sync_playwright() as playwright:
        # Nothing of the tests leaves this machine, so no proxy is asked.
        flags = [*FLAGS, "--test-third-party-cookie-phaseout", "--no-proxy-server"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield running
        running.close()


class Portal:
    """A project and its links. `said` is what the browser complains of on any of its pages."""

    def __init__(self, live: LiveProject, context: BrowserContext) -> None:
        self.live = live
        self.context = context
        self.said: list[str] = []
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        self.home = f"{live.server.url}/portal/{live.uid}/"
        self.orders = live.make_endpoint(name="Orders", owner_id=OWNER, url="https://hooks.example.com/orders")
        self.billing = live.make_endpoint(
            name="Billing", owner_id=OWNER, url="https://hooks.example.com/billing", secret="the first secret"
        )
        for uid in (self.orders, self.billing):
            self.subscribe(uid)
        # Something was delivered before, so the list comes without the steps of a first visit.
        self.sql(
            "INSERT INTO endpoints_endpointstate (endpoint_id, events, failure_rate, consecutive_trips, "
            "last_delivered_at) VALUES (%s, 1, 0, 0, now() - interval '2 days')",
            self.orders,
        )

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the console complains of, an answer that is a refusal apart."""
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.said.append(message.text)

    def subscribe(self, endpoint_id: str, *event_types: str) -> None:
        """Have an endpoint listen to event types, by default to all."""
        body = {"name": "Events", "endpoint_id": endpoint_id, "filter_config": {"event_types": list(event_types)}}
        self.live.client.post(f"{self.live.path}/subscriptions", json=body).raise_for_status()

    def send(self, endpoint_id: str, event_type: str = "order.paid") -> None:
        """Send an event to one endpoint."""
        body = {"endpoint_id": endpoint_id, "event_type": event_type, "data": {"total": 12}}
        self.live.client.post(f"{self.live.path}/events", json=body).raise_for_status()

    def post(self, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The answer of a request with the project's key, on any surface."""
        sent = {"Authorization": f"Bearer {self.live.key}"} | headers
        url = self.live.server.url + path
        answer = httpx.post(url, json=body or {}, headers=sent, timeout=60, trust_env=False)
        return dict(answer.raise_for_status().json())

    def nahook(self, role: str = "admin", owner: str = OWNER) -> str:
        """A link that opens once."""
        path = f"/management/v1/workspaces/{self.live.uid}/applications/{owner}/portal"
        return str(self.post(path, {"role": role})["url"])

    def svix(self, *capabilities: str) -> str:
        """A link that opens until it expires."""
        body = {"capabilities": list(capabilities)} if capabilities else {}
        return str(self.post(f"/api/v1/auth/app-portal-access/{OWNER}", body)["url"])

    def convoy(self, **fields: Any) -> dict[str, Any]:
        """A portal link."""
        body = {"name": "Acme portal", "owner_id": OWNER, "can_manage_endpoint": True} | fields
        return dict(self.live.client.post(self.live.links, json=body).raise_for_status().json()["data"])

    def link(self, kind: str) -> str:
        """A link of any kind, with every right."""
        match kind:
            case "nahook":
                return self.nahook()
            case "svix":
                return self.svix()
            case "static":
                return str(self.convoy()["url"])
        return str(self.convoy(auth_type="refresh_token")["url"])

    def sql(self, statement: LiteralString | Composed, *parameters: Any) -> None:
        """Change rows behind the server's back."""
        with psycopg.connect(self.live.server.database_url, autocommit=True) as connection:
            connection.execute(statement, parameters)

    def value(self, statement: LiteralString | Composed, *parameters: Any) -> Any:
        """The first column of a statement's only row."""
        with psycopg.connect(self.live.server.database_url, autocommit=True) as connection:
            row = connection.execute(statement, parameters).fetchone()
        assert row is not None
        return row[0]

    def configure(self, **settings: Any) -> None:
        """Change the project's settings."""
        for name, value in settings.items():
            update = SQL("UPDATE projects_project SET {} = %s WHERE uid = %s").format(Identifier(name))
            self.sql(update, value, self.live.uid)

    def end_sessions(self) -> None:
        """Have all sessions of the project expire a second ago."""
        expired = "UPDATE portal_links_portalsession SET expires_at = now() - interval '1 second' WHERE project_id = %s"
        self.sql(expired, self.live.uid)

    def open(self, url: str) -> Page:
        """A new tab, in which the link is open."""
        page = self.context.new_page()
        page.goto(url)
        page.wait_for_selector("h1")
        return page


@pytest.fixture
def portal(browser: Browser, project: LiveProject) -> Iterator[Portal]:  # noqa: F811
    """A portal. The browser must have nothing to complain of, the policy's refusals included."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    made = Portal(project, context)
    yield made
    context.close()
    assert made.said == []


class Site:
    """Another site, whose page shows the portal in a frame and keeps what the frame says in `heard`."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.page = ""


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on `localhost`, which to a browser is another one than `127.0.0.1`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(made.page.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Site(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield made
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def embed(portal: Portal, site: Site) -> Callable[[str], Page]:
    """Opens the site with a link in its frame."""

    def show(url: str) -> Page:
        nonce = secrets.token_hex(4)
        site.page = f"""<!doctype html><title>{nonce}</title><iframe src="{url}" width="900" height="700"></iframe>
<script>
window.heard = [];
addEventListener("message", (event) => heard.push({{ ...event.data, origin: event.origin }}));
window.answer = (token) => document.querySelector("iframe").contentWindow
  .postMessage({{ type: "portal-session", token }}, "{portal.live.server.url}");
</script>"""
        page = portal.context.new_page()
        page.goto(site.origin)
        return page

    return show
