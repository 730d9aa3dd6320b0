"""The headers of a request: what a producer may set, what goes out, what is stored and what is shown."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import pytest

from core.exceptions import InvalidInput
from outbound.headers import (
    MAX_CUSTOM_HEADERS,
    MAX_CUSTOM_LENGTH,
    MAX_NAME_LENGTH,
    MAX_VALUE_LENGTH,
    Headers,
    authentication_headers,
    check_custom_headers,
    mask_headers,
    redact_attempt_headers,
    request_headers,
    trace_headers,
)

STANDARD = {"webhook-id": "01K4", "webhook-timestamp": "1700000000", "webhook-signature": "v1,c2ln"}
FRAMING = [
    *("Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive", "TE", "Upgrade"),
    *("Proxy-Authorization", "Proxy-Connection", "Proxy-", "Expect"),
]
RESERVED = [
    *FRAMING,
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
    *("X-Convoy-Event-ID", "X-Convoy-EventDelivery-ID", "X-Convoy-Idempotency-Key", "X-Convoy-Source-Id", "X-Convoy-"),
]


def made(**given: Any) -> Headers:
    defaults: dict[str, Any] = {
        "signature_header": "X-Convoy-Signature",
        "signature": "t=1,v1=00",
        "standard": STANDARD,
        "content_type": "application/json",
        "user_agent": "Convoy/26.7.3",
        "request_id_header": "X-Convoy-Idempotency-Key",
    }
    return request_headers(**defaults | given)


def lowered(headers: Headers) -> dict[str, str]:
    names = [name.lower() for name, _ in headers]
    assert len(names) == len(set(names))
    return {name.lower(): value for name, value in headers}


def custom(**headers: str) -> Mapping[str, Sequence[str]]:
    return {name.replace("_", "-"): [value] for name, value in headers.items()}


class TestCheckCustomHeaders:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-A": ""},
            {"X-A": "é 漢 😀 \u2028"},
            {"X-A": 'visible ASCII, with spaces\tand tabs ~!"#'},
            {"!#$%&'*+.^_`|~-1": "x"},
            {"Authorization": "Bearer x", "Cookie": "a=b", "User-Agent": "mine", "Accept": "*/*"},
            {f"X-{number}": "x" for number in range(MAX_CUSTOM_HEADERS)},
            {"X" * MAX_NAME_LENGTH: "x" * MAX_VALUE_LENGTH},
            {"A": "x" * (MAX_CUSTOM_LENGTH // 2 - 1), "B": "x" * (MAX_CUSTOM_LENGTH // 2 - 1)},
            # A request has these anyway: they are accepted and left out, as in the original.
            {"content-type": "text/plain", "Accept-Encoding": "br", "x-convoy-signature": "mine"},
            # Names that only look like reserved ones.
            {"Hosts": "x", "X-Host": "x", "X-Convoy": "x", "Proxy": "x", "Webhook": "x", "X-Content-Length": "3"},
        ],
    )
    def test_works(self, headers: dict[str, str]) -> None:
        check_custom_headers(headers)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            " ",
            "X A",
            "X-A ",
            " X-A",
            "X:A",
            "X-A:",
            "X\tA",
            "X\r\nEvil",
            "X\nA",
            "X\0",
            "X-é",
            "(x)",
            "x/y",
            "X\x7f",
            "\uff38",
        ],
    )
    def test_an_invalid_name_is_refused(self, name: str) -> None:
        self.refuse({name: "x"}, "is not a valid header name")

    @pytest.mark.parametrize("value", ["a\r\nEvil: 1", "\n", "a\r", "a\0", "\x01", "\x1b[0m", "\x7f", "\ud83d"])
    def test_an_invalid_value_is_refused(self, value: str) -> None:
        self.refuse({"X-A": value}, 'the value of "X-A" may hold no control characters but tabs')

    @pytest.mark.parametrize(
        "spell", [str, str.lower, str.upper, str.swapcase], ids=["as is", "lower", "upper", "swapped"]
    )
    @pytest.mark.parametrize("name", RESERVED)
    def test_a_reserved_name_is_refused_in_any_letter_case(self, name: str, spell: Any) -> None:
        self.refuse({"X-A": "1", spell(name): "3"}, f'"{spell(name)}" is reserved')

    @pytest.mark.parametrize(
        ("headers", "reason"),
        [
            ({"X-A": "1", "x-a": "1"}, '"x-a" is given twice'),
            ({"x-a": "1", "X-A": "1"}, '"X-A" is given twice'),
            ({f"X-{number}": "" for number in range(MAX_CUSTOM_HEADERS + 1)}, "at most 50 headers are allowed"),
            ({"X" * (MAX_NAME_LENGTH + 1): "x"}, f'the name "{"X" * 128}…" is longer than 128 characters'),
            ({"X-A": "x" * (MAX_VALUE_LENGTH + 1)}, 'the value of "X-A" is longer than 4096 bytes'),
            ({"X-A": "é" * (MAX_VALUE_LENGTH // 2 + 1)}, 'the value of "X-A" is longer than 4096 bytes'),
            ({"A": "é" * 2048, "B": "x" * 4096}, "they are longer than 8192 bytes altogether"),
            ({"A": "x" * 4095, "B": "x" * 4096}, "they are longer than 8192 bytes altogether"),
        ],
        ids=[
            "two spellings",
            "the other way",
            "many",
            "long name",
            "long value",
            "long in UTF-8",
            "long in UTF-8 altogether",
            "long altogether",
        ],
    )
    def test_bounds(self, headers: dict[str, str], reason: str) -> None:
        self.refuse(headers, reason)

    def test_a_very_long_name_is_not_answered(self) -> None:
        for name in ("X" * 1_000_000, " " * 1_000_000):
            with pytest.raises(InvalidInput) as caught:
                check_custom_headers({name: "x"})
            assert len(caught.value.message) < 250

    def refuse(self, headers: dict[str, str], reason: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            check_custom_headers(headers)
        assert caught.value.message == f"invalid custom_headers: {reason}" or caught.value.message.endswith(
            f" {reason}"
        )
        assert caught.value.field == "custom_headers"
        assert caught.value.status == 400


class TestRequestHeaders:
    def test_the_least(self) -> None:
        assert made() == [
            ("X-Convoy-Signature", "t=1,v1=00"),
            ("webhook-id", "01K4"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", "v1,c2ln"),
            ("Content-Type", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "Convoy/26.7.3"),
        ]

    def test_everything(self) -> None:
        assert made(
            content_type="application/x-www-form-urlencoded",
            idempotency_key="k1",
            authentication=[("Authorization", "Basic dTpw")],
            trace=trace_headers(event_id="E1", delivery_id="D1"),
            custom={"X-A": ["1"], "x-many": ["a", "b"]},
        ) == [
            ("X-Convoy-Signature", "t=1,v1=00"),
            ("webhook-id", "01K4"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", "v1,c2ln"),
            ("X-Convoy-Idempotency-Key", "k1"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept-Encoding", "gzip"),
            ("Authorization", "Basic dTpw"),
            ("X-Convoy-EventDelivery-ID", "D1"),
            ("X-Convoy-Event-ID", "E1"),
            ("X-A", "1"),
            ("x-many", "a, b"),
            ("User-Agent", "Convoy/26.7.3"),
        ]

    def test_another_signature_header_replaces_convoys(self) -> None:
        headers = lowered(
            made(signature_header="X-Acme-Sig", custom=custom(X_Convoy_Signature="forged", x_acme_sig="forged"))
        )
        assert headers["x-acme-sig"] == "t=1,v1=00"
        assert "x-convoy-signature" not in headers

    def test_the_idempotency_key(self) -> None:
        assert "x-convoy-idempotency-key" not in lowered(made(idempotency_key=""))
        headers = lowered(
            made(request_id_header="X-Request-Ref", idempotency_key="k1", custom=custom(x_request_ref="evil"))
        )
        assert headers["x-request-ref"] == "k1"
        assert "x-convoy-idempotency-key" not in headers
        assert lowered(made(request_id_header="X-Ref", custom=custom(x_ref="own")))["x-ref"] == "own"

    @pytest.mark.parametrize(
        ("key", "sent"),
        [("a b", "a b"), ("é😀", "é😀"), ("a\r\nEvil: 1", "a%0D%0AEvil: 1"), ("\0", "%00"), ("\t\x7f", "%09%7F")],
    )
    def test_an_idempotency_key_that_no_header_can_carry(self, key: str, sent: str) -> None:
        assert lowered(made(idempotency_key=key))["x-convoy-idempotency-key"] == sent

    @pytest.mark.parametrize("name", ["X-Convoy-Signature", "webhook-signature", "WEBHOOK-ID"])
    def test_a_signature_never_gives_way(self, name: str) -> None:
        headers = lowered(
            made(
                request_id_header=name,
                idempotency_key="k1",
                authentication=[(name, "key")],
                trace=[(name, "id")],
                custom={name.lower(): ["evil"], name: ["evil"]},
            )
        )
        assert headers == lowered(made())

    @pytest.mark.parametrize(
        ("own", "sent"),
        [
            ({"content-type": "text/plain", "X-A": "1"}, {"content-type": "application/json", "x-a": "1"}),
            ({"ACCEPT-ENCODING": "br"}, {"accept-encoding": "gzip"}),
            ({"x-key": "evil", "Authorization": "Bearer own"}, {"x-key": "s", "authorization": "Bearer own"}),
            ({"User-Agent": "mine"}, {"user-agent": "mine"}),
            ({"user-agent": ""}, {"user-agent": "Convoy/26.7.3"}),
            ({"User-Agent": " \t"}, {"user-agent": "Convoy/26.7.3"}),
            ({"X-A": " \tpadded "}, {"x-a": "padded"}),
            ({"X-Empty": ""}, {"x-empty": ""}),
            ({"X-A": "first", "x-a": "second"}, {"x-a": "first"}),
        ],
    )
    def test_precedence(self, own: dict[str, str], sent: dict[str, str]) -> None:
        headers = lowered(made(authentication=[("X-Key", "s")], custom={name: [value] for name, value in own.items()}))
        assert {name: headers[name] for name in sent} == sent

    @pytest.mark.parametrize("name", RESERVED)
    def test_a_stored_reserved_header_is_left_out(self, name: str) -> None:
        for spelled in (name, name.lower(), name.upper()):
            assert made(custom={spelled: ["3"]}) == made()

    @pytest.mark.parametrize("name", FRAMING)
    def test_no_part_of_a_request_can_frame_it(self, name: str) -> None:
        for spelled in (name, name.lower()):
            assert made(request_id_header=spelled, idempotency_key="3", authentication=[(spelled, "3")]) == made()

    def test_a_stored_header_that_cannot_be_sent_is_left_out(self) -> None:
        assert made(custom={"X A": ["1"], "": ["1"], "X-B": ["a\r\nEvil: 1"], "X-C": ["\ud83d"]}) == made()
        assert ("X-C", "é") in made(custom={"X-C": ["é"]})

    @pytest.mark.parametrize("name", [*FRAMING, "", "X Sig", "X\r\n"])
    def test_without_a_usable_signature_header_nothing_is_sent(self, name: str) -> None:
        with pytest.raises(ValueError, match="signature header"):
            made(signature_header=name)

    def test_trace_headers_have_the_ids_of_the_api(self) -> None:
        headers = made(trace=trace_headers(event_id="E1", delivery_id="D1"))
        assert ("X-Convoy-Event-ID", "E1") in headers
        assert ("X-Convoy-EventDelivery-ID", "D1") in headers

    def test_the_raw_request(self) -> None:
        own = {"content-length": "3", "transfer-encoding": "chunked", "host": "evil", "X-Own": "1"}
        headers = made(custom={name: [value] for name, value in own.items()}, idempotency_key="ключ")
        lines = asyncio.run(sent_lines(headers, b"{}"))
        names = [line.partition(b":")[0].lower() for line in lines]
        assert (names.count(b"host"), names.count(b"content-length"), names.count(b"transfer-encoding")) == (1, 1, 0)
        assert len(names) == len(set(names)) == len(headers) + 2
        assert set(lines) >= {f"{name}: {value}".encode() for name, value in headers}


class TestAuthenticationHeaders:
    @pytest.mark.parametrize(
        ("authentication", "expected"),
        [
            (None, []),
            ({"type": "oauth2", "oauth2": {}}, []),
            ({"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "s"}}, [("X-Key", "s")]),
            ({"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": " é😀 "}}, [("X-Key", "é😀")]),
            (
                {"type": "basic_auth", "basic_auth": {"username": "u", "password": "p"}},
                [("Authorization", "Basic dTpw")],
            ),
        ],
    )
    def test_works(self, authentication: dict[str, Any] | None, expected: Headers) -> None:
        assert authentication_headers(authentication) == expected

    @pytest.mark.parametrize(
        ("username", "password"), [("ü", "pä$$😀"), ("with:colon", "p:w"), ("", "p"), ("u", "a\r\nb")]
    )
    def test_basic_credentials_are_utf_8(self, username: str, password: str) -> None:
        given = {"type": "basic_auth", "basic_auth": {"username": username, "password": password}}
        ((name, value),) = authentication_headers(given)
        assert name == "Authorization"
        assert value.isascii()
        assert "\n" not in value
        assert base64.b64decode(value.removeprefix("Basic ")).decode() == f"{username}:{password}"

    @pytest.mark.parametrize(
        "name", [*FRAMING, "content-length", "webhook-signature", "", "X Key", "X-Key:", "X\r\n", "é"]
    )
    def test_a_name_that_no_request_can_have(self, name: str) -> None:
        with pytest.raises(ValueError, match="name of the endpoint's API key header"):
            authentication_headers({"type": "api_key", "api_key": {"header_name": name, "header_value": "s"}})

    @pytest.mark.parametrize("value", ["s3cret\r\nEvil: 1", "\0s3cret", "s3cret\x7f", "\u2028s3cret"])
    def test_a_value_that_no_header_can_carry(self, value: str) -> None:
        with pytest.raises(ValueError, match="characters that a header cannot carry") as caught:
            authentication_headers({"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": value}})
        assert "s3cret" not in str(caught.value)


class TestMaskHeaders:
    @pytest.mark.parametrize(
        "name",
        [
            *("Connection", "Content-Type", "Content-Length", "User-Agent", "Accept", "Accept-Encoding"),
            *("Accept-Language", "Host", "X-Request-Id", "Cache-Control", "Pragma", "Upgrade-Insecure-Requests"),
            *("Origin", "X-Datadog-Trace-Id", "X-Convoy-Version", "Access-Control-Allow-Headers"),
            *("Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
            *("X-Convoy-Signature", "X-Acme-Signature", "webhook-signature", "webhook-id", "webhook-timestamp"),
        ],
    )
    def test_shown(self, name: str) -> None:
        for spelled in (name, name.lower(), name.upper()):
            assert mask_headers({spelled: "value"}) == {spelled: "value"}
            assert mask_headers({spelled: ["one", "two"]}) == {spelled: ["one", "two"]}

    @pytest.mark.parametrize(
        "name",
        [
            *("Authorization", "Cookie", "Set-Cookie", "X-Tenant", "X-Key", "X-Api-Key", "Signature", "X-Acme-Sig"),
            *("X-Signature-Key", "X-Convoy-Idempotency-Key", "X-Convoy-Event-ID", "-secret", "X-Token", "A-Credential"),
            *("X-Password", "Content-Types", "X-Host", ""),
        ],
    )
    def test_masked(self, name: str) -> None:
        for spelled in (name, name.lower(), name.upper()):
            assert mask_headers({spelled: "value"}) == {spelled: "***"}
            assert mask_headers({spelled: ["one", "two"]}) == {spelled: ["***", "***"]}
            assert mask_headers({spelled: []}) == {spelled: []}


class TestRedactAttemptHeaders:
    def test_credentials_are_not_stored(self) -> None:
        headers = [("X-Key", "s3cret"), ("authorization", "Basic dTpw"), ("X-A", "1"), ("Proxy-Authorization", "x")]
        assert redact_attempt_headers(headers, {"x-key"}) == {
            "X-Key": "[REDACTED]",
            "authorization": "[REDACTED]",
            "X-A": "1",
            "Proxy-Authorization": "[REDACTED]",
        }
        assert redact_attempt_headers(headers, ["X-KEY", "X-a"])["X-A"] == "[REDACTED]"

    def test_values_of_one_name_are_joined(self) -> None:
        headers = [("Set-Cookie", "a=1"), ("X-A", ""), ("Set-Cookie", "b=2"), ("X-Key", "1"), ("X-Key", "2")]
        assert redact_attempt_headers(headers, {"X-Key"}) == {
            "Set-Cookie": "a=1 b=2",
            "X-A": "",
            "X-Key": "[REDACTED]",
        }


async def sent_lines(headers: Headers, body: bytes) -> list[bytes]:
    """The header lines of the request that aiohttp makes of these headers, as a receiver reads them."""
    received: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with (
            aiohttp.ClientSession(skip_auto_headers=["Accept"]) as session,
            session.post(f"http://127.0.0.1:{port}/", headers=headers, data=body) as response,
        ):
            assert response.status == 204
    (request,) = received
    return request.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
