"""script/conformance, on servers that know no path."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conformance import client
from tests.conformance.__main__ import main
from tests.conformance.test_conformance import RECORDED

pytestmark = pytest.mark.slow  # it starts servers

ANSWER = b'{"status": false, "message": "<no> such path"}'


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(ANSWER)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _answer  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        return


@pytest.fixture
def url() -> Iterator[str]:
    """A server that answers 404 to everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0)


def test_two_servers(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    arguments = ["--key", "CO.a.b", "--project", "P1:CO.c.d", "--no-waits", "--html", str(page)]
    monkeypatch.setattr(sys, "argv", ["conformance", url, url, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code is True
    text = capsys.readouterr().out
    assert text.count(f"# {url} beside the recorded answers") == 2
    # Each answer differs from the recorded one; those of the two servers are the same. Only the second makes a project.
    assert f"| **all** | 791 | 0 | 0 | {RECORDED - 1} |" in text
    assert f"# {url} beside {url}" in text
    assert "| **all** | 791 | 790 | 0 | 0 |" in text
    html = page.read_text(encoding="utf-8")
    assert "&lt;no&gt; such path" in html
    assert "<no>" not in html


def test_more_keys_than_servers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["conformance", url, "--key", "a", "--key", "b"])
    with pytest.raises(SystemExit, match="more keys than servers"):
        main()
