"""Access tokens: what is asked of a token server, what is remembered, and what its failures do."""

import asyncio
import base64
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from outbound import oauth2
from outbound.client import Outbound
from outbound.oauth2 import Token, Tokens, TokenUnavailable, assertion, fetch
from tests.outbound.receivers import Receiver, gzipped
from tests.outbound.sending import LOOPBACK
from tests.server import free_port

ANSWER = {"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as running:
        answer(running, ANSWER)
        yield running


def answer(server: Receiver, body: Any, status: int = 200) -> None:
    server.answer("/token", status=status, body=orjson.dumps(body))


def shared_secret(server: Receiver, **more: Any) -> dict[str, Any]:
    return {
        "url": server.url("/token"),
        "client_id": "client",
        "grant_type": "client_credentials",
        "authentication_type": "shared_secret",
        "client_secret": "s3cr3t &=ü",
        "expiry_time_unit": "seconds",
    } | more


def asking(ask: Callable[[Tokens], Awaitable[Any]], **settings: Any) -> Any:
    """What `ask` returns, with the tokens of a worker."""

    async def run() -> Any:
        async with Outbound(**{"allowed_networks": LOOPBACK} | settings) as outbound:
            return await ask(Tokens(outbound))

    return asyncio.run(run())


def let_pass(tokens: Tokens) -> float:
    """Let the time be over for which the one answer is remembered. Returns how many seconds that would have taken."""
    [known] = tokens._known.values()
    now = time.monotonic()
    seconds, known.until = known.until - now, now
    return seconds


def fetched(config: dict[str, Any]) -> Token:
    async def run() -> Token:
        async with Outbound(allowed_networks=LOOPBACK) as outbound:
            return await fetch(outbound, config)

    return asyncio.run(run())


def attempted(config: dict[str, Any]) -> Callable[[Tokens], Awaitable[str]]:
    """The header, or why there is none."""

    async def ask(tokens: Tokens) -> str:
        try:
            return await tokens.header("endpoint", config)
        except TokenUnavailable as refusal:
            return str(refusal)

    return ask


def problem(config: dict[str, Any], **settings: Any) -> str:
    """Why there is no token."""
    with pytest.raises(TokenUnavailable) as refusal:
        asking(lambda tokens: tokens.header("endpoint", config), **settings)
    return str(refusal.value)


def number(value: int, size: int = 0) -> str:
    raw = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ec_key(curve: ec.EllipticCurve, name: str) -> tuple[dict[str, Any], ec.EllipticCurvePublicKey]:
    numbers = ec.generate_private_key(curve).private_numbers()
    size = (curve.key_size + 7) // 8
    public = numbers.public_numbers
    coordinates = {"x": number(public.x, size), "y": number(public.y, size), "d": number(numbers.private_value, size)}
    return {"kty": "EC", "crv": name, "kid": "key-1"} | coordinates, public.public_key()


def rsa_key(bits: int = 2048) -> tuple[dict[str, Any], rsa.RSAPublicKey]:
    private = rsa.generate_private_key(65537, bits)
    numbers = private.private_numbers()
    public = numbers.public_numbers
    values = {"n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
    return {"kty": "RSA", "kid": "key-1"} | {
        name: number(value) for name, value in values.items()
    }, private.public_key()


def client_assertion(key: dict[str, Any], algorithm: str = "", url: str = "https://id.example/token") -> dict[str, Any]:
    config = {
        "url": url,
        "client_id": "client",
        "authentication_type": "client_assertion",
        "signing_key": key,
        "issuer": "issuer",
        "subject": "subject",
    }
    return config | ({"signing_algorithm": algorithm} if algorithm else {})


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


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


class TestAssertion:
    def test_claims(self) -> None:
        key, _ = ec_key(ec.SECP256R1(), "P-256")
        before = time.time_ns()
        header, claims, _ = assertion(client_assertion(key)).split(".")
        after = time.time_ns()
        assert orjson.loads(decoded(header)) == {"alg": "ES256", "kid": "key-1", "typ": "JWT"}
        told = orjson.loads(decoded(claims))
        prefix, _, nanoseconds = told.pop("jti").partition("-")
        assert prefix == "client"
        assert before <= int(nanoseconds) <= after
        issued = int(nanoseconds) // 1_000_000_000
        assert told == {
            "iss": "issuer",
            "sub": "subject",
            "aud": "https://id.example/token",
            "iat": issued,
            "exp": issued + 300,
        }

    @pytest.mark.parametrize(
        ("algorithm", "curve", "name", "digest"),
        [
            ("", ec.SECP256R1(), "P-256", hashes.SHA256()),
            ("ES256", ec.SECP256R1(), "P-256", hashes.SHA256()),
            ("ES384", ec.SECP384R1(), "P-384", hashes.SHA384()),
            ("ES512", ec.SECP521R1(), "P-521", hashes.SHA512()),
        ],
    )
    def test_elliptic_curves(
        self, algorithm: str, curve: ec.EllipticCurve, name: str, digest: hashes.HashAlgorithm
    ) -> None:
        key, public = ec_key(curve, name)
        signed, _, signature = assertion(client_assertion(key, algorithm)).rpartition(".")
        raw = decoded(signature)
        half = (curve.key_size + 7) // 8
        assert len(raw) == 2 * half
        der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        public.verify(der, signed.encode(), ec.ECDSA(digest))
        with pytest.raises(InvalidSignature):
            public.verify(der, signed.encode() + b"x", ec.ECDSA(digest))

    def test_numbers_without_their_leading_zeros(self) -> None:
        """RFC 7518 wants them in full length; some libraries leave the zeros out."""
        private = ec.derive_private_key(5, ec.SECP256R1())
        point = private.public_key().public_numbers()
        key = {"kty": "EC", "crv": "P-256", "kid": "k", "x": number(point.x), "y": number(point.y), "d": number(5)}
        assert len(decoded(assertion(client_assertion(key)).rpartition(".")[2])) == 64

    @pytest.mark.parametrize("bits", ["256", "384", "512"])
    @pytest.mark.parametrize("kind", ["RS", "PS"])
    def test_rsa(self, kind: str, bits: str) -> None:
        key, public = rsa_key()
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
        signed, _, signature = assertion(client_assertion(key, kind + bits)).rpartition(".")
        pad: Any = padding.PKCS1v15()
        if kind == "PS":
            pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
        public.verify(decoded(signature), signed.encode(), pad, digest)

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "ES", "ES1", "RS1", "EdDSA", "es256", "x" * 1000])
    def test_an_algorithm_that_is_not_supported(self, algorithm: str) -> None:
        key, _ = ec_key(ec.SECP256R1(), "P-256")
        with pytest.raises(TokenUnavailable, match=r"^oauth2: the signing algorithm is not supported$"):
            assertion(client_assertion(key, algorithm))

    def test_a_key_that_cannot_be_used(self) -> None:
        huge = "9" * 4096
        good, _ = ec_key(ec.SECP256R1(), "P-256")
        other, _ = ec_key(ec.SECP256R1(), "P-256")
        numbers, _ = rsa_key()
        unusable = [
            *((good | {"d": other["d"]}, "ES256"), (good | {"d": "AA"}, "ES256"), (good | {"x": "ü"}, "ES256")),
            *(
                (good | {"crv": "P-384"}, "ES256"),
                (good | {"d": huge}, "ES256"),
                (good, "RS256"),
                (good, "ES384"),
            ),
            *((numbers, "ES256"), (numbers | {"p": "AQ"}, "RS256"), (numbers | {"d": "AQ"}, "RS256")),
            *((numbers | {"p": numbers["n"], "q": "AQ"}, "RS256"), (numbers | {"n": "_" * 4096}, "RS256")),
            *((numbers | {"e": "Ag"}, "RS256"), (numbers | {"e": "_" * 1000}, "RS256")),
            *(
                ({name: value for name, value in numbers.items() if name != "q"}, "RS256"),
                ({"kty": "RSA", "kid": "k"}, "RS256"),
            ),
            (rsa_key(1024)[0], "RS256"),
        ]
        for key, algorithm in unusable:
            with pytest.raises(TokenUnavailable) as refusal:
                assertion(client_assertion(key, algorithm))
            assert str(refusal.value) == "oauth2: the signing key cannot be used"


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


class TestWhatIsRemembered:
    def test_one_request_serves_until_the_token_expires(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> list[str]:
            return [await tokens.header("endpoint", shared_secret(server)) for _ in range(3)]

        assert asking(ask) == ["Bearer t0k3n"] * 3
        assert len(server.requests()) == 1

    def test_an_expired_token_is_renewed(self, server: Receiver) -> None:
        answer(server, {"access_token": "first"})

        async def ask(tokens: Tokens) -> list[str]:
            first = await tokens.header("endpoint", shared_secret(server))
            answer(server, {"access_token": "second"})
            let_pass(tokens)
            return [first, await tokens.header("endpoint", shared_secret(server))]

        assert asking(ask) == ["Bearer first", "Bearer second"]

    @pytest.mark.parametrize(("life", "early"), [(100, 10), (600, 60), (3600, 60), (86400, 60)])
    def test_a_token_is_renewed_before_it_expires(self, server: Receiver, life: int, early: int) -> None:
        answer(server, {"access_token": "a", "expires_in": life})

        async def ask(tokens: Tokens) -> float:
            before = time.monotonic()
            await tokens.header("endpoint", shared_secret(server))
            [known] = tokens._known.values()
            return known.until - before

        # Measured from before the request, so that it is a little more.
        assert 0 <= asking(ask) - (min(life, 3600) - early) < 5

    def test_nothing_is_shared_between_endpoints_or_configurations(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> None:
            for endpoint, client_id in itertools.product("ab", "12"):
                await tokens.header(endpoint, shared_secret(server, client_id=client_id))

        asking(ask)
        assert len(server.requests()) == 4

    def test_those_who_ask_at_the_same_time_wait_for_one_request(self, server: Receiver) -> None:
        server.answer("/token", hold=True, body=orjson.dumps(ANSWER))

        async def ask(tokens: Tokens) -> list[str]:
            asked = [asyncio.create_task(tokens.header("endpoint", shared_secret(server))) for _ in range(20)]
            await asyncio.to_thread(server.wait_for, 1)
            server.release()
            return await asyncio.gather(*asked)

        assert asking(ask) == ["Bearer t0k3n"] * 20
        assert len(server.requests()) == 1

    def test_whoever_gives_up_takes_nothing_from_the_others(self, server: Receiver) -> None:
        server.answer("/token", hold=True, body=orjson.dumps(ANSWER))

        async def ask(tokens: Tokens) -> str:
            first = asyncio.create_task(tokens.header("endpoint", shared_secret(server)))
            second = asyncio.create_task(tokens.header("endpoint", shared_secret(server)))
            await asyncio.to_thread(server.wait_for, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            server.release()
            return await second

        assert asking(ask) == "Bearer t0k3n"
        assert len(server.requests()) == 1

    def test_what_the_receiver_did_not_accept_is_forgotten(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> str:
            await tokens.header("endpoint", shared_secret(server))
            answer(server, {"access_token": "second"})
            tokens.forget("endpoint", shared_secret(server))
            tokens.forget("another", shared_secret(server))
            return await tokens.header("endpoint", shared_secret(server))

        assert asking(ask) == "Bearer second"

    def test_no_more_than_so_many(self, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(oauth2, "MAX_TOKENS", 3)

        async def ask(tokens: Tokens) -> int:
            for endpoint in "abcde":
                await tokens.header(endpoint, shared_secret(server))
            await tokens.header("e", shared_secret(server))
            return len(tokens._known)

        assert asking(ask) == 3
        assert len(server.requests()) == 5


class TestOutage:
    def test_an_outage_of_the_token_server_ends(self, server: Receiver) -> None:
        answer(server, {}, 503)

        async def ask(tokens: Tokens) -> str:
            with pytest.raises(TokenUnavailable, match=r"^oauth2: the token server answered 503$"):
                await tokens.header("endpoint", shared_secret(server))
            answer(server, ANSWER)
            assert let_pass(tokens) <= oauth2.FAILURE_SECONDS
            return await tokens.header("endpoint", shared_secret(server))

        assert asking(ask) == "Bearer t0k3n"

    def test_a_token_server_that_fails_is_left_alone_for_a_moment(self, server: Receiver) -> None:
        answer(server, {}, 503)

        async def ask(tokens: Tokens) -> None:
            for _ in range(3):
                with pytest.raises(TokenUnavailable, match="answered 503"):
                    await tokens.header("endpoint", shared_secret(server))

        asking(ask)
        assert len(server.requests()) == 1

    def test_nobody_listens(self, server: Receiver) -> None:
        config = shared_secret(server, url=f"http://127.0.0.1:{free_port()}/token?key=s3cr3t")
        assert problem(config) == ("oauth2: the token server gave no response: connection failed: Connection refused")

    @pytest.mark.parametrize("behaviour", [{"hang": True}, {"drip": 0.05}])
    def test_a_slow_token_server(
        self, server: Receiver, behaviour: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(oauth2, "REQUEST_SECONDS", 0.3)
        server.answer("/token", **behaviour)
        assert "context deadline exceeded" in problem(shared_secret(server))

    def test_a_configuration_that_nobody_has_thought_of(self) -> None:
        assert problem({"authentication_type": "shared_secret"}) == "oauth2: KeyError"
