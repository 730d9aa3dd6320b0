"""The demo's receiver: its answers, the signatures that it accepts, and its page."""

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from convoyclone import receiver
from convoyclone.receiver import FromApi, Known, Receiver, address, listen, status_of, verify
from outbound.signatures import standard_secret
from tests.conftest import Row
from tests.server import ROOT

SECRET = "the secret of the orders"
NOW = 1_790_000_000
BODY = b'{"order":1}'


def signed(secret: str = SECRET, *, body: bytes = BODY, at: float = NOW, message_id: str = "msg_1") -> dict[str, str]:
    """The headers of a webhook, signed by the library of Standard Webhooks."""
    library = Webhook(standard_secret(secret))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": library.sign(message_id, datetime.fromtimestamp(int(at), UTC), body.decode()),
    }


class TestVerify:
    ENDPOINTS = (
        Known("http://127.0.0.1:21000/works/orders", "Orders", ["a former secret", SECRET]),
        Known("http://127.0.0.1:21000/works?shop=1", "With a query", ["another secret"]),
        Known("http://127.0.0.1:21000", "At the root", [SECRET]),
    )

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/works/orders", signed()),
            ("/works/orders", signed("a former secret")),
            ("/works/orders", signed(at=NOW - 299)),
            ("/works/orders", signed(at=NOW + 299)),
            ("/works/orders", signed() | {"webhook-signature": f"v1,other {signed()['webhook-signature']} v2,x"}),
            ("/works?shop=1", signed("another secret")),
            ("/", signed()),
        ],
        ids=["newest", "former", "late", "early", "of several", "query", "root"],
    )
    def test_accepts(self, path: str, headers: dict[str, str]) -> None:
        assert verify(path, headers, BODY, self.ENDPOINTS, NOW).is_good

    REFUSED = {
        "nothing": ({}, "not signed"),
        "no signature": ({**signed(), "webhook-signature": ""}, "not signed"),
        "the signature only": ({"webhook-signature": signed()["webhook-signature"]}, "not signed"),
        "the secret of another": (signed("another secret"), "no secret of Orders"),
        "another body": (signed(body=b'{"order":2}'), "no secret of Orders"),
        "another id": (signed() | {"webhook-id": "msg_2"}, "no secret of Orders"),
        "not ASCII": (signed() | {"webhook-signature": "v1,\xe9"}, "no secret of Orders"),
        "too late": (signed(at=NOW - 301), "not within 5 minutes"),
        "too early": (signed(at=NOW + 301), "not within 5 minutes"),
        "a word": (signed() | {"webhook-timestamp": "x"}, "not within 5 minutes"),
        "a negative number": (signed() | {"webhook-timestamp": "-1"}, "not within 5 minutes"),
        "another digit": (signed() | {"webhook-timestamp": "\xb2"}, "not within 5 minutes"),
        "a long number": (signed() | {"webhook-timestamp": "9" * 5000}, "not within 5 minutes"),
    }

    @pytest.mark.parametrize("name", REFUSED)
    def test_refuses(self, name: str) -> None:
        headers, reason = self.REFUSED[name]
        verdict = verify("/works/orders", headers, BODY, self.ENDPOINTS, NOW)
        assert not verdict.is_good
        assert reason in verdict.reason

    def test_refuses_what_no_endpoint_is_at(self) -> None:
        assert verify("/works/others", signed(), BODY, self.ENDPOINTS, NOW) == (False, "no endpoint has this address")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/works", 200),
        ("/works/orders?x=/fails", 200),
        ("/fails", 500),
        ("/fails/billing", 500),
        ("/fails/404", 404),
        ("/fails/404/x", 404),
        ("/", 404),
        ("/worksnot", 404),
        ("/x/works", 404),
        ("", 404),
    ],
)
def test_the_path_decides_the_answer(path: str, status: int) -> None:
    assert status_of(path) == status


class TestListen:
    def test_the_port_of_the_last_run(self) -> None:
        with listen(None) as first:
            port = first.getsockname()[1]
        assert port in receiver.PORTS
        with listen(port) as second:
            assert address(second) == f"http://127.0.0.1:{port}"

    def test_another_where_it_is_taken(self) -> None:
        with listen(None) as theirs, listen(theirs.getsockname()[1]) as ours:
            assert ours.getsockname()[1] in set(receiver.PORTS) - {theirs.getsockname()[1]}

    def test_none_is_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with listen(None) as theirs:
            monkeypatch.setattr(receiver, "PORTS", range(theirs.getsockname()[1], theirs.getsockname()[1] + 1))
            monkeypatch.setattr(receiver, "TRIES", 1)
            with pytest.raises(receiver.NoFreePort):
                listen(None)


class Api:
    """Stand for the API's list of endpoints, whose secret is replaced between two calls."""

    def __init__(self) -> None:
        self.known: list[Known] | None = []
        self.fresh: list[Known] | None = []

    def __call__(self, since: float) -> Sequence[Known] | None:
        if since:
            self.known = self.fresh
        return self.known


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    """A client of a receiver that runs in this process."""
    server = Receiver(listen(None), api)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    url = address(server.socket)
    api.known = api.fresh = [Known(f"{url}/works/orders", "Orders", [SECRET])]
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def send(client: httpx.Client, path: str, headers: dict[str, str] | None = None, body: bytes = BODY) -> httpx.Response:
    at = datetime.now(UTC).timestamp()
    return client.post(path, content=body, headers=signed(body=body, at=at) if headers is None else headers)


class TestAnswers:
    def test_a_webhook_is_answered_and_shown(self, client: httpx.Client) -> None:
        answer = send(client, "/works/orders")
        assert (answer.status_code, answer.text) == (200, "Signature verified: signed with a secret of Orders\n")
        page = client.get("/").text
        for shown in ("<h2>/works/orders</h2>", "200 OK", "Signature verified", "msg_1", "{&quot;order&quot;:1}"):
            assert shown in page

    @pytest.mark.parametrize(("path", "status"), [("/works/x", 200), ("/fails/x", 500), ("/fails/404", 404)])
    def test_a_webhook_that_is_not_signed(self, client: httpx.Client, path: str, status: int) -> None:
        answer = send(client, path, {})
        assert answer.status_code == status
        assert answer.text.startswith("Signature refused: not signed")
        page = client.get("/").text
        assert "Signature not verified" in page
        assert f"{status} {HTTPStatus(status).phrase}" in page

    def test_a_replaced_secret_is_read_again(self, client: httpx.Client, api: Api) -> None:
        api.known = [Known(f"{client.base_url}works/orders", "Orders", ["the former secret"])]
        assert send(client, "/works/orders").text.startswith("Signature verified")

    def test_an_api_that_does_not_answer(self, client: httpx.Client, api: Api) -> None:
        api.known = api.fresh = None
        answer = send(client, "/works/orders")
        assert (answer.status_code, answer.text) == (
            200,
            "Signature refused: not checked, because the API did not answer\n",
        )

    @pytest.mark.parametrize(("path", "status"), [("/works", 200), ("/fails", 500), ("/favicon.ico", 404)])
    def test_a_look_is_not_a_webhook(self, client: httpx.Client, path: str, status: int) -> None:
        assert client.get(path).status_code == status
        head = client.head(path)
        assert (head.status_code, head.content) == (status, b"")
        assert "None has arrived yet." in client.get("/").text

    def test_a_body_without_a_length_or_too_long(self, client: httpx.Client, row: Row) -> None:
        lengths = {
            411: ["", "Content-Length: x\r\n", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n"],
            413: [f"Content-Length: {receiver.MAX_BODY_BYTES + 1}\r\n"],
        }
        for status, lines in lengths.items():
            for line in lines:
                with row(line), socket.create_connection((client.base_url.host, client.base_url.port or 0)) as sender:
                    sender.sendall(f"POST /works HTTP/1.1\r\nHost: x\r\n{line}\r\n".encode())
                    assert sender.recv(100).split()[1] == str(status).encode()
        assert "None has arrived yet." in client.get("/").text


class FakeApi:
    """Answers lists of endpoints: in turn what it is given, and the last of it from then on."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, list[tuple[str, str]]]] = []
        self.asked: list[tuple[str, str | None, str | None]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        status, endpoints = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.asked.append((handler.path, handler.headers["Host"], handler.headers["Authorization"]))
        content = [{"url": url, "name": url, "secrets": [{"value": secret}]} for url, secret in endpoints]
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(json.dumps({"data": {"content": content}}).encode())


@pytest.fixture
def fake_api(tmp_path: Path) -> Iterator[tuple[FakeApi, FromApi]]:
    """An API, and what reads the endpoints at port 21000 from it."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    path = tmp_path / "quickstart.json"
    path.write_text(json.dumps({"project_id": "P", "api_key": "K", "base_url": "https://hooks.example.com"}))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield fake, FromApi(path, url, "http://127.0.0.1:21000")
        server.shutdown()
        thread.join()


class TestFromApi:
    OURS, THEIRS = ("http://127.0.0.1:21000/works", "ours"), ("http://127.0.0.1:2100/works", "theirs")

    def test_reads_the_endpoints_at_the_receiver(self, fake_api: tuple[FakeApi, FromApi]) -> None:
        fake, read = fake_api
        local = ("http://localhost:21000/works", "by another name")
        fake.answers = [(200, [self.OURS, self.THEIRS, local])]
        assert read(0) == [Known(url, url, [secret]) for url, secret in (self.OURS, local)]
        assert fake.asked == [("/api/v1/projects/P/endpoints?perPage=1000", "hooks.example.com", "Bearer K")]

    def test_waits_for_a_server_that_starts(self, fake_api: tuple[FakeApi, FromApi]) -> None:
        fake, read = fake_api
        fake.answers = [(503, []), (503, []), (200, [self.OURS])]
        assert read(0) == [Known(self.OURS[0], self.OURS[0], ["ours"])]
        assert len(fake.asked) == 3

    def test_gives_up_and_tries_again_with_the_next_webhook(
        self, fake_api: tuple[FakeApi, FromApi], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake, read = fake_api
        monkeypatch.setattr(receiver, "API_PATIENCE_SECONDS", 0.2)
        fake.answers = [(503, [])]
        assert read(0) is None
        fake.answers = [(200, [self.OURS])]
        assert read(0) == [Known(self.OURS[0], self.OURS[0], ["ours"])]

    def test_reads_again_for_a_webhook_that_came_later(self, fake_api: tuple[FakeApi, FromApi]) -> None:
        fake, read = fake_api
        fake.answers = [(200, [])]
        earlier = time.monotonic()
        assert read(0) == []
        fake.answers = [(200, [self.OURS])]
        assert [read(0), read(earlier)] == [[], []]
        assert read(time.monotonic()) == [Known(self.OURS[0], self.OURS[0], ["ours"])]

    def test_keeps_what_it_knows_while_the_api_is_away(
        self, fake_api: tuple[FakeApi, FromApi], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake, read = fake_api
        monkeypatch.setattr(receiver, "API_PATIENCE_SECONDS", 0.2)
        fake.answers = [(200, [self.OURS])]
        known = read(0)
        fake.answers = [(503, [])]
        assert read(time.monotonic()) == known


class TestPage:
    def test_the_mark_of_the_product(self, client: httpx.Client) -> None:
        mark = b64encode((ROOT / "core/static/core/mark.svg").read_bytes()).decode()
        answer = client.get("/")
        assert answer.text.count(f'"data:image/svg+xml;base64,{mark}"') == 2
        assert "img-src data:" in answer.headers["Content-Security-Policy"].split("; ")

    def test_hostile_webhooks_are_text(self, client: httpx.Client) -> None:
        script = "<script>alert(1)</script>"
        hostile = {"webhook-id": script, "webhook-timestamp": script, "webhook-signature": script}
        send(client, f"/works/'\">{script}", hostile, f"{script}\x00\xff</pre>".encode("latin-1"))
        answer = client.get("/")
        assert "<script" not in answer.text.lower()
        assert answer.text.count("</pre>") == 1
        assert answer.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")

    def test_the_last_ones_newest_first(self, client: httpx.Client) -> None:
        for number in range(receiver.SHOWN + 2):
            send(client, f"/works/{number}", {})
        page = client.get("/").text
        assert page.count('<li class="card">') == receiver.SHOWN
        assert "<h2>/works/1</h2>" not in page
        assert page.index("<h2>/works/51</h2>") < page.index("<h2>/works/2</h2>")

    def test_the_beginning_of_a_long_body(self, client: httpx.Client) -> None:
        send(client, "/works", {}, b"x" * 100_000)
        assert "x" * 4000 + "…</pre>" in client.get("/").text

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:21000", "127.0.0.1", ""])
    def test_a_name_that_leads_to_this_machine_shows_nothing(self, client: httpx.Client, host: str) -> None:
        send(client, "/works/orders")
        answer = client.get("/", headers={"Host": host})
        assert (answer.status_code, "orders" in answer.text) == (404, False)
        port = client.base_url.port
        assert "orders" in client.get("/", headers={"Host": f"localhost:{port}"}).text
