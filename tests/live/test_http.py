"""Send what only real HTTP can carry: bodies without a length or of another one, garbage in paths and headers."""

import re
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import NamedTuple

import httpx
import orjson
import pytest

from tests.conftest import as_text
from tests.live.conftest import LiveProject
from tests.waiting import PATIENCE_SECONDS

BODY = b'{"name":"Acme","owner_id":"acme"}'
JSON = "Content-Type: application/json"


class Answer(NamedTuple):
    """An answer off the wire. `refused_by_server`: the HTTP server took it for no request, and no view has seen it."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def message(self) -> str:
        return str(orjson.loads(self.content)["message"])

    @property
    def is_envelope(self) -> bool:
        if self.headers.get("Content-Type") != "application/json":
            return False
        return bool(orjson.loads(self.content).keys() == {"status", "message"})

    @property
    def refused_by_server(self) -> bool:
        return self.content == b"" and self.headers.get("Connection") == "close"


@pytest.fixture(autouse=True)
def unchanged(project: LiveProject, request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing of this file changes a row, but for what a test says that it creates."""
    before = project.server.rows()
    yield
    if "creates" not in request.fixturenames:
        assert project.server.rows() == before


@pytest.fixture
def creates() -> None:
    """The test creates a row."""


def raw(project: LiveProject, request: bytes, *, finish: bool = False) -> Answer:
    """The answer to bytes on a connection; `finish` ends what is sent there."""
    with socket.create_connection(("127.0.0.1", project.server.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        with HTTPResponse(connection) as response:
            response.begin()
            return Answer(response.status, httpx.Headers(response.getheaders()), response.read())


def head(project: LiveProject, start: str, *lines: str, host: str = "127.0.0.1", version: str = "1.1") -> bytes:
    """A request's head, with the project's key. Texts are Latin-1, as headers are."""
    fixed = [f"Host: {host}", f"Authorization: Bearer {project.key}", "Connection: close"]
    return "\r\n".join([f"{start} HTTP/{version}", *fixed, *lines, "", ""]).encode("latin-1")


def create(project: LiveProject, *lines: str, body: bytes = BODY, finish: bool = False) -> Answer:
    return raw(project, head(project, f"POST /api/v1{project.links}", JSON, *lines) + body, finish=finish)


def chunks(body: bytes, size: int = 7) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


class TestBodies:
    @pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip, chunked"])
    def test_chunks_are_refused_and_not_lost(self, project: LiveProject, coding: str) -> None:
        answer = create(project, f"Transfer-Encoding: {coding}", body=chunks(BODY))
        assert (answer.status, answer.message) == (411, "send the request body with a Content-Length")

    def test_chunks_and_a_length(self, project: LiveProject) -> None:
        """Two frames of one body are how requests are smuggled past a proxy."""
        answer = create(project, "Transfer-Encoding: chunked", "Content-Length: 5", body=chunks(BODY))
        assert answer.status == 411

    def test_a_coding_that_is_none(self, project: LiveProject) -> None:
        answer = create(project, "Transfer-Encoding: identity", f"Content-Length: {len(BODY)}")
        assert (answer.status, answer.refused_by_server) == (400, True)

    def test_a_client_that_streams(self, project: LiveProject) -> None:
        answer = project.client.post(
            project.links, content=iter([BODY[:9], BODY[9:]]), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["status"]) == (411, False)

    def test_no_length(self, project: LiveProject) -> None:
        answer = create(project)
        assert (answer.status, answer.message) == (400, "Invalid request format")

    def test_a_body_that_ends_before_its_length(self, project: LiveProject) -> None:
        """The part that arrived is a whole JSON object by chance, but not the one that was sent."""
        answer = create(project, f"Content-Length: {len(BODY) + 10}", finish=True)
        assert (answer.status, answer.message) == (400, "the request body is shorter than its Content-Length")

    def test_a_body_that_goes_on_after_its_length(self, project: LiveProject) -> None:
        answer = create(project, f"Content-Length: {len(BODY) - 3}")
        assert (answer.status, answer.message) == (400, "Invalid request format")

    @pytest.mark.parametrize("length", ["abc", "-1", "1e3", "+33", "0x21", "3 3", "", " ", "9" * 30, "٣٣"])
    def test_a_length_that_is_none(self, project: LiveProject, length: str) -> None:
        line = f"Content-Length: {length}".encode().decode("latin-1")
        answer = create(project, line)
        assert (answer.status, answer.refused_by_server) == (400, True)

    def test_two_lengths(self, project: LiveProject) -> None:
        answer = create(project, f"Content-Length: {len(BODY)}", "Content-Length: 5")
        assert (answer.status, answer.refused_by_server) == (400, True)

    def test_ten_megabytes(self, project: LiveProject) -> None:
        answer = project.client.post(project.links, json={"name": "a" * 10_000_000, "owner_id": "acme"})
        assert (answer.status_code, answer.json()["message"]) == (413, "request body is too large")

    def test_after_a_refusal_of_an_unread_body_comes_another_connection(self, project: LiveProject) -> None:
        """The rest of the body would be taken for the next request."""
        for content_type, status in (("application/json", 413), ("text/plain", 415)):
            for _ in range(5):
                answer = project.client.post(
                    project.links, content=b"x" * 3_000_000, headers={"Content-Type": content_type}
                )
                assert (answer.status_code, answer.headers["Connection"]) == (status, "close")
                assert project.client.get(project.links).status_code == 200

    def test_after_a_refusal_of_a_stranger_with_a_long_body_comes_another_connection(
        self, project: LiveProject
    ) -> None:
        for size, says in ((200_000, "close"), (2_000, None)):
            for _ in range(5):
                answer = project.client.post(
                    project.links,
                    content=b"x" * size,
                    headers={"Content-Type": "application/json", "Authorization": "Bearer nobody"},
                )
                assert (answer.status_code, answer.headers.get("Connection")) == (401, says)
                assert project.client.get(project.links).status_code == 200

    def test_ten_megabytes_that_are_only_promised(self, project: LiveProject) -> None:
        answer = create(project, "Content-Length: 10485760", body=b"")
        assert (answer.status, answer.message) == (413, "request body is too large")

    @pytest.mark.usefixtures("creates")
    def test_a_client_that_asks_before_it_sends(self, project: LiveProject) -> None:
        answer = create(project, "Expect: 100-continue", f"Content-Length: {len(BODY)}")
        assert (answer.status, answer.message) == (201, "Portal link created successfully")


class TestMethods:
    def test_head_is_get_without_a_body(self, project: LiveProject) -> None:
        get, head = (project.client.request(method, project.links) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(get.content))

    @pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "DELETE", "X" * 50])
    def test_a_method_that_the_path_has_not(self, project: LiveProject, method: str) -> None:
        answer = raw(project, head(project, f"{method} /api/v1{project.links}"))
        assert (answer.status, answer.message) == (405, "method not allowed")
        assert answer.headers["Allow"] == "GET, HEAD, POST"

    @pytest.mark.parametrize("method", ["OPTIONS", "PATCH"])
    def test_without_a_key(self, project: LiveProject, method: str) -> None:
        answer = httpx.request(method, f"{project.server.url}/api/v1{project.links}", trust_env=False)
        assert (answer.status_code, answer.json()["message"]) == (401, "Authentication required")


GARBAGE = [
    *("%00", "%FF", "%2F", "%2f%2f", "%", "%zz", "%C0%80", "%ED%A0%80", "%F0%9F%A6%84", "..", "%2E%2E", ".", ";a=b"),
    *("%5C", "%252F", "%0D%0AX-Evil:%201", "%0A", "%7F", "%20", "%22", "'", "$%7B7*7%7D", "a" * 60_000),
]


class TestPaths:
    @pytest.mark.parametrize("garbage", GARBAGE, ids=as_text)
    def test_garbage_for_an_id(self, project: LiveProject, garbage: str) -> None:
        for path in (
            f"{project.endpoints}/{garbage}",
            f"{project.links}/{garbage}",
            f"{project.links}/{garbage}/refresh_token",
            f"/projects/{garbage}/endpoints",
            f"/{garbage}",
        ):
            answer = raw(project, head(project, f"GET /api/v1{path}"))
            assert "X-Evil" not in answer.headers
            if path.lower().endswith("s/%2f") or path.lower().endswith("s/%2f%2f"):
                # Slashes at the end are one, and lead to the collection.
                assert answer.status == 200
            else:
                assert answer.status in (400, 404), path
                assert answer.is_envelope or answer.refused_by_server

    @pytest.mark.parametrize("garbage", GARBAGE, ids=as_text)
    def test_garbage_in_a_query(self, project: LiveProject, garbage: str) -> None:
        query = "&".join(f"{name}={garbage}" for name in ("q", "endpointId"))[:60_000]
        answer = raw(project, head(project, f"GET /api/v1{project.links}?{query}"))
        assert answer.status == 200 or (answer.status, answer.is_envelope) == (400, "%00" in garbage)

    @pytest.mark.parametrize("garbage", ["\x7f", "é", "<", '"', "\x01", "\x00", "a b"])
    def test_what_no_url_may_hold(self, project: LiveProject, garbage: str) -> None:
        answer = raw(project, head(project, f"GET /api/v1{project.endpoints}/{garbage}"))
        assert answer.status in (400, 404)
        assert answer.is_envelope or answer.refused_by_server

    @pytest.mark.parametrize(("length", "status"), [(65_500, 414), (70_000, 414), (300_000, 414), (1_000_000, 431)])
    def test_a_very_long_url(self, project: LiveProject, length: int, status: int) -> None:
        for path in (f"{project.endpoints}/{'a' * length}", f"{project.endpoints}?q={'a' * length}"):
            answer = raw(project, head(project, f"GET /api/v1{path}"))
            assert (answer.status, answer.refused_by_server) == (status, True)

    def test_more_parameters_than_django_reads(self, project: LiveProject) -> None:
        log = project.server.stderr
        answer = raw(project, head(project, f"GET /api/v1{project.links}?{'a=1&' * 1001}"))
        assert (answer.status, answer.is_envelope) == (400, True)
        assert project.server.stderr == log

    def test_repeated_slashes_count_as_one(self, project: LiveProject) -> None:
        for path in (f"/api//v1{project.links}", f"//api/v1{project.links}", f"/api/v1//{project.links}///"):
            answer = raw(project, head(project, f"GET {path}"))
            assert answer.status == (404 if path.startswith("//") else 200)

    def test_a_whole_url(self, project: LiveProject) -> None:
        answer = raw(project, head(project, f"GET http://127.0.0.1/api/v1{project.links}"))
        assert answer.status == 200


class TestHeaders:
    @pytest.mark.parametrize(
        "host", ["hooks.evil.example", "127.0.0.1.evil.example", "a b", "<script>", "", "127.0.0.1:http"]
    )
    def test_another_host(self, project: LiveProject, host: str) -> None:
        log = project.server.stderr
        answer = raw(project, head(project, f"GET /api/v1{project.links}", host=host))
        assert answer.status == 400
        assert answer.is_envelope or answer.refused_by_server
        assert project.server.stderr == log

    def test_a_page_for_another_host(self, project: LiveProject) -> None:
        answer = raw(project, head(project, "GET /portal?token=x", host="hooks.evil.example"))
        assert answer.status == 400
        assert b"evil" not in answer.content

    @pytest.mark.parametrize(
        "line", ["no colon", ": no name", "bad name: x", "X-A: a\x00b", "X-A: a\rb", "X\xff: a", "(X): a"]
    )
    def test_what_is_no_header(self, project: LiveProject, line: str) -> None:
        answer = raw(project, head(project, f"GET /api/v1{project.links}", line))
        assert (answer.status, answer.refused_by_server) == (400, True)

    @pytest.mark.parametrize(
        "line",
        [
            *(
                "X-Request-ID: \xff\xfe",
                "X-Request-ID: " + "a" * 1000,
                "X-Convoy-Version: \xff",
                "X-Convoy-Version: ٢٠٢٤",
            ),
            *(
                "Accept: \xff",
                "Accept: text/html",
                "Cookie: \xff=\xff; sessionid=x",
                "X-Forwarded-Host: evil",
                "X-A: \xff",
            ),
            *("X-HTTP-Method-Override: DELETE", "Accept-Encoding: br;q=nan", "Range: bytes=0-1", "If-None-Match: *"),
        ],
    )
    def test_headers_that_do_not_matter(self, project: LiveProject, line: str) -> None:
        line = line.encode("utf-8").decode("latin-1") if "٢" in line else line
        answer = raw(project, head(project, f"GET /api/v1{project.links}", line))
        assert answer.status == 200
        assert orjson.loads(answer.content)["status"] is True
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])

    @pytest.mark.parametrize(("length", "is_refused"), [(8_192, False), (8_193, True), (300_000, True)])
    @pytest.mark.parametrize("name", ["Cookie", "Content-Type"])
    def test_a_header_that_takes_long_to_parse(
        self, project: LiveProject, name: str, length: int, is_refused: bool
    ) -> None:
        value = {"Cookie": 'a="' + '\\"' * length, "Content-Type": 'application/json;"' + ";" * length}[name]
        answer = raw(project, head(project, f"GET /api/v1{project.links}", f"{name}: {value[:length]}"))
        assert answer.status == (431 if is_refused else 200)
        assert answer.refused_by_server is is_refused

    @pytest.mark.parametrize(
        "value",
        ["\xff", "Bearer \xff", "Bearer", "Bearer  x", "Basic \xff", "\t", "CO.\xff.b", "Bearer CO..", "a" * 100_000],
    )
    def test_a_credential_that_is_none(self, project: LiveProject, value: str) -> None:
        lines = [
            f"GET /api/v1{project.links} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: close",
            f"Authorization: {value}",
        ]
        answer = raw(project, "\r\n".join([*lines, "", ""]).encode("latin-1"))
        assert answer.status == 401
        assert answer.is_envelope

    def test_two_credentials(self, project: LiveProject) -> None:
        answer = raw(project, head(project, f"GET /api/v1{project.links}", "Authorization: Bearer CO.a.b"))
        assert (answer.status, answer.message) == (401, "Authentication required")

    def test_too_many_headers(self, project: LiveProject) -> None:
        answer = raw(project, head(project, f"GET /api/v1{project.links}", *(f"X-{n}: {n}" for n in range(1000))))
        assert (answer.status, answer.refused_by_server) == (431, True)

    def test_no_http_at_all(self, project: LiveProject) -> None:
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\r\n\r\n{}\r\n\r\n",
        ):
            answer = raw(project, garbage)
            assert (answer.status, answer.refused_by_server) == (400, True)


class TestOldHTTP:
    def test_1_0(self, project: LiveProject) -> None:
        answer = raw(project, head(project, f"GET /api/v1{project.links}", version="1.0"))
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(answer.content)

    def test_1_0_without_a_host(self, project: LiveProject) -> None:
        answer = raw(project, f"GET /api/v1{project.links} HTTP/1.0\r\n\r\n".encode())
        assert answer.status == 400
        assert answer.is_envelope

    @pytest.mark.usefixtures("creates")
    def test_1_0_creates(self, project: LiveProject) -> None:
        start = f"POST /api/v1{project.links}"
        answer = raw(project, head(project, start, JSON, f"Content-Length: {len(BODY)}", version="1.0") + BODY)
        assert (answer.status, answer.message) == (201, "Portal link created successfully")
