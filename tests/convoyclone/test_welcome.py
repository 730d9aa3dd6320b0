"""The demo's page of links at `/`, and the short addresses of the admin and the docs."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from tests.server import ROOT

DEMO = {
    "portal_url": "http://127.0.0.1:8000/portal?token=abc",
    "receiver_url": "http://127.0.0.1:21000",
    "owner_id": "<acme>",
    "api_key": "CO.secret",
}


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Client:
    """A browser at a server with a demo."""
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    (tmp_path / "quickstart.json").write_text(json.dumps(DEMO))
    return Client()


class TestDemo:
    def test_four_links_and_the_receiver(self, demo: Client) -> None:
        text = demo.get("/").content.decode()
        for target in (DEMO["portal_url"], "/api/docs", "/admin/", "/README.md", f"{DEMO['receiver_url']}/"):
            assert f'href="{target}"' in text
        assert "&lt;acme&gt;" in text
        assert "CO.secret" not in text

    def test_the_mark_of_the_product(self, demo: Client) -> None:
        mark = b64encode((ROOT / "core/static/core/mark.svg").read_bytes()).decode()
        answer = demo.get("/")
        assert answer.content.decode().count(f'"data:image/svg+xml;base64,{mark}"') == 2
        assert "img-src data:" in answer["Content-Security-Policy"].split("; ")

    def test_the_policy_admits_the_style_of_the_page_and_nothing_else(self, demo: Client) -> None:
        answer = demo.get("/")
        style = answer.content.decode().partition("<style>")[2].partition("</style>")[0]
        digest = b64encode(sha256(style.encode()).digest()).decode()
        policy = answer["Content-Security-Policy"].split("; ")
        assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize(
        "client",
        [Client(REMOTE_ADDR="203.0.113.7"), Client(HTTP_X_FORWARDED_FOR="203.0.113.7")],
        ids=["remote", "proxy"],
    )
    def test_strangers_get_no_link_to_the_portal(self, demo: Client, client: Client) -> None:
        answer = client.get("/")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert 'href="/api/docs"' in text
        assert "token=" not in text
        assert DEMO["receiver_url"] not in text

    def test_the_readme(self, demo: Client) -> None:
        answer = demo.get("/README.md")
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert b"".join(answer).startswith(b"# ConvoyClone\n")

    def test_only_reading(self, demo: Client) -> None:
        assert demo.head("/").status_code == 200
        assert demo.post("/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/README.md"])
class TestNoDemo:
    def test_production_answers_as_to_an_unknown_path(self, path: str, settings: Settings, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path
        (tmp_path / "quickstart.json").write_text(json.dumps(DEMO))
        self.is_unknown(path)

    def test_a_server_without_a_demo_too(self, path: str, settings: Settings, tmp_path: Path) -> None:
        settings.DEMO, settings.DATA_DIR = True, tmp_path
        self.is_unknown(path)

    @staticmethod
    def is_unknown(path: str) -> None:
        answer, unknown = Client().get(path), Client().get("/unknown")
        assert answer.status_code == unknown.status_code == 404
        assert answer.content == unknown.content.replace(b"/unknown", path.encode())


@pytest.mark.parametrize(
    ("path", "target"),
    [("/admin", "/admin/"), ("/docs", "/api/docs"), ("/docs/", "/api/docs"), ("/api/docs/", "/api/docs")],
    ids=str,
)
def test_a_short_address_leads_to_its_page(path: str, target: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, target)
