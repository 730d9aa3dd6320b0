"""Fetch and cache access tokens for endpoints with OAuth2, and renew them before they expire.

Contract: docs/contract/signatures.md#oauth2.
"""

import asyncio
import base64
import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.header_names import TOKEN_CHARACTER

if TYPE_CHECKING:
    from outbound.client import Outbound

REQUEST_SECONDS = 30
#: The life of a token whose server does not state one.
DEFAULT_LIFE_SECONDS = 3600
MAX_LIFE_SECONDS = 3600
#: Renew a token when this fraction of its life is left, but at most MAX_EARLY_SECONDS early.
EARLY_PART = 0.1
MAX_EARLY_SECONDS = 60
#: Wait this long before asking a failing token server again.
FAILURE_SECONDS = 5
ASSERTION_SECONDS = 300
MAX_TOKENS = 10_000
MAX_TOKEN_LENGTH = 16_384
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
ALGORITHMS = frozenset(
    {
        *("ES256", "ES384", "ES512"),
        *("RS256", "RS384", "RS512"),
        *("PS256", "PS384", "PS512"),
    }
)
SECONDS_IN = {"seconds": 1.0, "milliseconds": 0.001, "minutes": 60.0, "hours": 3600.0}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: The errors of RFC 6749, section 5.2. No other text of a token server is repeated, because it may echo a secret.
_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope"),
    }
)
_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_TOKEN_TYPE = re.compile(f"{TOKEN_CHARACTER}{{1,64}}")
_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]+")

Config = dict[str, Any]


class TokenUnavailable(Exception):
    """The token server gave no token; the text says why, without a secret. Another try may succeed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its server issued it."""

    access_token: str
    token_type: str
    #: Counted from the answer, at most MAX_LIFE_SECONDS.
    life_seconds: float


@dataclass(slots=True)
class _Known:
    """A header, or the problem instead of it, valid until a moment of time.monotonic()."""

    header: str
    problem: str
    until: float


class Tokens:
    """The cached tokens of one worker."""

    def __init__(self, outbound: "Outbound") -> None:
        self._outbound = outbound
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._fetches: dict[bytes, asyncio.Task[_Known]] = {}

    async def header(self, endpoint_id: str, config: Config) -> str:
        """Return the value of the Authorization header for an endpoint: `<token_type> <access_token>`.

        `config` is the `oauth2` object of the endpoint's authentication. Simultaneous calls for one endpoint share one
        request. Raises TokenUnavailable.
        """
        key = _key(endpoint_id, config)
        known = self._known.get(key)
        if known is None or known.until <= time.monotonic():
            fetch = self._fetches.get(key)
            if fetch is None:
                fetch = self._fetches[key] = asyncio.create_task(self._fetch(key, config))
            # The first caller may be cancelled while others wait.
            known = await asyncio.shield(fetch)
        if known.problem:
            raise TokenUnavailable(known.problem)
        return known.header

    def forget(self, endpoint_id: str, config: Config) -> None:
        """Remove a token that the receiver has not accepted, so that the next call asks for another."""
        self._known.pop(_key(endpoint_id, config), None)

    async def _fetch(self, key: bytes, config: Config) -> _Known:
        try:
            token = await fetch(self._outbound, config)
            early = min(token.life_seconds * EARLY_PART, MAX_EARLY_SECONDS)
            header = f"{token.token_type} {token.access_token}"
            known = _Known(header, "", time.monotonic() + token.life_seconds - early)
        except TokenUnavailable as problem:
            known = _Known("", str(problem), time.monotonic() + FAILURE_SECONDS)
        except Exception as problem:
            # The callers that wait must be told, but an unexpected text may hold a secret.
            known = _Known("", f"oauth2: {type(problem).__name__}", time.monotonic() + FAILURE_SECONDS)
        finally:
            del self._fetches[key]
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > MAX_TOKENS:
            self._known.popitem(last=False)
        return known


async def fetch(outbound: "Outbound", config: Config) -> Token:
    """Request a token from the token server of an `oauth2` object. Raises TokenUnavailable."""
    form = {
        "grant_type": config.get("grant_type") or "client_credentials",
        "client_id": config["client_id"],
        **{name: config[name] for name in ("scope", "audience") if config.get(name)},
    }
    if config["authentication_type"] == "client_assertion":
        form["client_assertion_type"] = ASSERTION_TYPE
        # Reading and using an RSA key takes milliseconds.
        form["client_assertion"] = await asyncio.to_thread(assertion, config)
    else:
        form["client_secret"] = config["client_secret"]
    exchange = await outbound.post(
        config["url"],
        headers=[
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ],
        body=urlencode(form).encode(),
        timeout=REQUEST_SECONDS,
    )
    if exchange.status is None:
        raise TokenUnavailable(f"oauth2: the token server gave no response: {exchange.error}")
    try:
        answer = orjson.loads(exchange.body)
    except ValueError:
        answer = None
    if exchange.status != 200:
        error = answer.get("error") if isinstance(answer, dict) else None
        told = f" ({error})" if isinstance(error, str) and error in _ERRORS else ""
        raise TokenUnavailable(f"oauth2: the token server answered {exchange.status}{told}")
    if exchange.error:
        raise TokenUnavailable(f"oauth2: the token server's answer cannot be read: {exchange.error}")
    if not isinstance(answer, dict):
        raise TokenUnavailable("oauth2: the token server's answer is not a JSON object")
    return _token(answer, config)


def assertion(config: Config) -> str:
    """Return the signed JSON web token by which a client of type `client_assertion` identifies itself.

    Raises TokenUnavailable where the signing key or algorithm cannot be used.
    """
    algorithm = config.get("signing_algorithm") or "ES256"
    key = config["signing_key"]
    now = time.time_ns()
    headers = {"kid": key["kid"]}
    claims = {
        "iss": config["issuer"],
        "sub": config["subject"],
        "aud": config["url"],
        "iat": now // 1_000_000_000,
        "exp": now // 1_000_000_000 + ASSERTION_SECONDS,
        "jti": f"{config['client_id']}-{now}",
    }
    if algorithm not in ALGORITHMS:
        raise TokenUnavailable("oauth2: the signing algorithm is not supported")
    try:
        private = _ec_key(key) if algorithm.startswith("ES") else _rsa_key(key)
        return jwt.encode(claims, private, algorithm, headers)
    except (ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm, jwt.PyJWTError):
        # The library's text may quote the key.
        raise TokenUnavailable("oauth2: the signing key cannot be used") from None


# The keys are read here, because PyJWT refuses numbers without their leading zeros, and RSA keys without dp, dq and qi.
def _ec_key(key: Config) -> ec.EllipticCurvePrivateKey:
    if key["kty"] != "EC":
        raise ValueError("the key is of another kind")
    point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), _CURVES[key["crv"]])
    return ec.EllipticCurvePrivateNumbers(_number(key["d"]), point).private_key()


def _rsa_key(key: Config) -> rsa.RSAPrivateKey:
    if key["kty"] != "RSA":
        raise ValueError("the key is of another kind")
    n, e, d, p, q = (_number(key[name]) for name in ("n", "e", "d", "p", "q"))
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS or not 3 <= e < 2**32:
        raise ValueError("the key's numbers are out of range")
    if p * q != n or min(p, q) < 3 or d * e % (p - 1) != 1 or d * e % (q - 1) != 1:
        raise ValueError("the key's numbers do not belong together")
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, n))
    # The library's own check takes 0.2 seconds, in which no other task runs, only to find out that p or q is not
    # prime.
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _token(answer: dict[str, Any], config: Config) -> Token:
    mapping = config.get("field_mapping") or {}
    access_token = answer.get(mapping.get("access_token") or "access_token")
    if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token):
        raise TokenUnavailable("oauth2: the token server's answer has no access token that a header can carry")
    if len(access_token) > MAX_TOKEN_LENGTH:
        raise TokenUnavailable("oauth2: the access token is too long")
    token_type = answer.get(mapping.get("token_type") or "token_type") or "Bearer"
    if not isinstance(token_type, str) or not _TOKEN_TYPE.fullmatch(token_type):
        raise TokenUnavailable("oauth2: the token server's answer has no token type that a header can carry")
    life = _seconds(answer.get(mapping.get("expires_in") or "expires_in"))
    life *= SECONDS_IN.get(config.get("expiry_time_unit") or "seconds", 1.0)
    return Token(access_token, token_type, min(life or DEFAULT_LIFE_SECONDS, MAX_LIFE_SECONDS))


def _seconds(sent: object) -> float:
    """Return a number, or a text of digits, as seconds; 0 where it is neither or is not positive."""
    if isinstance(sent, str) and re.fullmatch(r"[0-9]{1,18}", sent):
        sent = int(sent)
    if isinstance(sent, bool) or not isinstance(sent, int | float) or not sent > 0:
        return 0
    return float(sent)


def _key(endpoint_id: str, config: Config) -> bytes:
    return hashlib.sha256(orjson.dumps([endpoint_id, config], option=orjson.OPT_SORT_KEYS)).digest()


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
