"""Requests to a token server, and the tokens that are read from its answers."""

import itertools
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from outbound.oauth2 import Token
from tests.outbound.receivers import Receiver, gzipped
from tests.outbound.signing_keys import client_assertion, ec_key
from tests.outbound.tokens import ANSWER, answer, asking, attempted, fetched, problem, shared_secret


class TestWhatIsAsked:
    def test_with_a_shared_secret(self, server: Receiver) -> None:
        config = shared_secret(server, scope="a b", audience="https://api.example")
        assert asking(lambda tokens: tokens.header("endpoint", config)) == "Bearer t0k3n"
        [request] = server.requests()
        assert (request.method, request.path) == ("POST", "/token")
        assert request.header("Content-Type") == "application/x-www-form-urlencoded"
        assert request.header("Accept") == "application/json"
        assert parse_qs(request.body.decode(), strict_parsing=True) == {
            "grant_type": ["client_credentials"],
            "client_id": ["client"],
            "client_secret": ["s3cr3t &=ü"],
            "scope": ["a b"],
            "audience": ["https://api.example"],
        }

    def test_what_is_not_set_is_not_sent(self, server: Receiver) -> None:
        asking(lambda tokens: tokens.header("endpoint", shared_secret(server, scope="", grant_type="custom")))
        assert parse_qs(server.requests()[0].body.decode()) == {
            "grant_type": ["custom"],
            "client_id": ["client"],
            "client_secret": ["s3cr3t &=ü"],
        }

    def test_with_an_assertion(self, server: Receiver) -> None:
        key, _ = ec_key(ec.SECP256R1(), "P-256")
        config = client_assertion(key, url=server.url("/token"))
        assert asking(lambda tokens: tokens.header("endpoint", config)) == "Bearer t0k3n"
        form = parse_qs(server.requests()[0].body.decode())
        assert form.pop("client_assertion")[0].count(".") == 2
        assert form == {
            "grant_type": ["client_credentials"],
            "client_id": ["client"],
            "client_assertion_type": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
        }


class TestWhatIsAnswered:
    @pytest.mark.parametrize(
        ("body", "more", "expected"),
        [
            ({"access_token": "a"}, {}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "token_type": "", "expires_in": 0}, {}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "token_type": "MAC", "expires_in": 60}, {}, Token("a", "MAC", 60)),
            ({"access_token": "a", "expires_in": "60"}, {}, Token("a", "Bearer", 60)),
            ({"access_token": "a", "expires_in": 0.5}, {}, Token("a", "Bearer", 0.5)),
            ({"access_token": "a", "expires_in": 86400}, {}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "expires_in": 1e300}, {"expiry_time_unit": "hours"}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "expires_in": -5}, {}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "expires_in": True}, {}, Token("a", "Bearer", 3600)),
            ({"access_token": "a", "expires_in": [1]}, {}, Token("a", "Bearer", 3600)),
            (
                {"access_token": "a", "expires_in": 60_000},
                {"expiry_time_unit": "milliseconds"},
                Token("a", "Bearer", 60),
            ),
            ({"access_token": "a", "expires_in": 2}, {"expiry_time_unit": "minutes"}, Token("a", "Bearer", 120)),
            ({"access_token": "a", "expires_in": 1}, {"expiry_time_unit": "hours"}, Token("a", "Bearer", 3600)),
            (
                {"t": "a", "k": "Mine", "e": 7, "access_token": "no", "token_type": "no", "expires_in": 9},
                {"field_mapping": {"access_token": "t", "token_type": "k", "expires_in": "e"}},
                Token("a", "Mine", 7),
            ),
            (
                {"t": "a", "expires_in": 9},
                {"field_mapping": {"access_token": "t", "token_type": ""}},
                Token("a", "Bearer", 9),
            ),
        ],
    )
    def test_tokens(self, server: Receiver, body: Any, more: dict[str, Any], expected: Token) -> None:
        answer(server, body)
        assert fetched(shared_secret(server, **more)) == expected

    @pytest.mark.parametrize("life", [b"1" + b"0" * 400, b"1e400", b"-1e400", b"1e308"])
    def test_a_life_beyond_all_numbers(self, server: Receiver, life: bytes) -> None:
        server.answer("/token", body=b'{"access_token":"a","expires_in":' + life + b"}")
        assert asking(attempted(shared_secret(server))) in (
            "Bearer a",
            "oauth2: the token server's answer is not a JSON object",
        )

    def test_compressed(self, server: Receiver) -> None:
        server.answer("/token", **gzipped(orjson.dumps(ANSWER)))
        assert fetched(shared_secret(server)).access_token == "t0k3n"

    @pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 403, 404, 500, 503])
    def test_any_status_but_200_is_a_failure(self, server: Receiver, status: int) -> None:
        answer(server, ANSWER, status)
        assert problem(shared_secret(server)) == f"oauth2: the token server answered {status}"

    def test_an_error_of_the_standard_is_told(self, server: Receiver) -> None:
        answer(server, {"error": "invalid_client", "error_description": "s3cr3t"}, 401)
        assert problem(shared_secret(server)) == "oauth2: the token server answered 401 (invalid_client)"

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"null", b"[]", b'"text"', b"<html>", b"{", b"[" * 10_000, b"{}", b'{"access_token":"a\\u0000"}'),
            *(b'{"access_token":null}', b'{"access_token":1}', b'{"access_token":""}', b'{"access_token":{"a":1}}'),
            *(b'{"access_token":"a\\r\\nX-Evil: 1"}', b'{"access_token":"a b"}', '{"access_token":"ü"}'.encode()),
            *(b'{"access_token":"a","token_type":"a\\r\\nb"}', b'{"access_token":"a","token_type":["Bearer"]}'),
            *(b'{"access_token":"' + b"a" * 20_000 + b'"}', b'{"access_token":"' + b"a" * 100_000 + b'"}'),
        ],
    )
    def test_what_is_no_token(self, server: Receiver, body: bytes) -> None:
        server.answer("/token", body=body)
        assert problem(shared_secret(server)).startswith("oauth2: the ")

    def test_a_secret_that_is_echoed_is_not_repeated(self, server: Receiver) -> None:
        for body, status in itertools.product([{"error": "s3cr3t"}, {"error": ["s3cr3t"]}, "s3cr3t"], [200, 400]):
            answer(server, body, status)
            assert "s3cr3t" not in problem(shared_secret(server))

    def test_the_egress_rules_hold(self, server: Receiver) -> None:
        assert problem(shared_secret(server), allowed_networks=()) == (
            "oauth2: the token server gave no response: ssrf guard: address not allowed: 127.0.0.1 (loopback)"
        )
        assert server.requests() == []

    def test_redirects_are_not_followed(self, server: Receiver) -> None:
        server.answer("/token", redirect=server.url("/elsewhere"))
        assert problem(shared_secret(server)) == "oauth2: the token server answered 302"
        assert len(server.requests()) == 1
