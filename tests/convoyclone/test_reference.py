"""GET /api/docs: the page of the API reference, all of whose files are this server's."""

import hashlib
import re
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

#: The file of @scalar/api-reference as npm has it: dist/browser/standalone.js
VENDORED = "reference/vendor/scalar-api-reference-1.76.0.min.js"
SHA256 = "dcb027152bf20bf2f6dcd66e8f9fb073c1a9e274cf0b94b939a7d99ab8947060"


def page() -> str:
    return Client().get("/api/docs").content.decode()


@pytest.mark.slow  # it makes the document
def test_it_needs_nothing_from_elsewhere(db: None) -> None:
    addresses = re.findall(r'(?:src|href|data-url)="([^"]+)"', page())
    assert len(addresses) >= 6
    for address in addresses:
        assert address.startswith(("/static/reference/", "/static/core/mark.", "/api/"))
        with closing(Client().get(address)) as answer:
            assert answer.status_code == 200


@pytest.mark.slow
def test_its_policy_allows_scripts_of_this_server_only() -> None:
    policy = Client().get("/api/docs")["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= {*policy}
    assert "unsafe-eval" not in str(policy)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page(), re.DOTALL)
    assert len(scripts) == 2
    for attributes, text in scripts:
        assert ("src=" in attributes, text) == (True, "")


@pytest.mark.slow
def test_the_vendored_file_is_that_of_the_package() -> None:
    path = finders.find(VENDORED)
    assert isinstance(path, str)
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == SHA256
    assert f"/static/{VENDORED.removesuffix('.js')}." in page()


def test_a_browser_gets_it_compressed_and_keeps_it() -> None:
    [address] = re.findall(r'src="([^"]+scalar-api-reference[^"]+)"', page())
    answer = Client().get(address, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert "immutable" in answer["Cache-Control"]
    assert int(answer["Content-Length"]) < 1_500_000


def test_only_reads_are_answered() -> None:
    assert Client().post("/api/docs").status_code == 405
