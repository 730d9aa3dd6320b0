"""Check and mask the authentication of deliveries to an endpoint.

Contract: docs/contract/endpoints.md#authentication. The fields' own types are checked by the serializers, the
rest here, with the texts of the contract, on creation and on update alike.
"""

from typing import Any

from core.addresses import SCHEMES, split_url
from core.api.values import REDACTED
from core.exceptions import InvalidInput
from core.header_names import is_header_name, is_taken
from endpoints.exceptions import ApiKeyMissing, OAuth2SecretMissing
from outbound.failures import Unsendable
from outbound.requests import target_of

API_KEY = "api_key"
BASIC_AUTH = "basic_auth"
OAUTH2 = "oauth2"
TYPES = [API_KEY, OAUTH2, BASIC_AUTH]
SHARED_SECRET = "shared_secret"
CLIENT_ASSERTION = "client_assertion"
#: The units in which a token server may give the life of a token.
EXPIRY_UNITS = ["seconds", "milliseconds", "minutes", "hours"]
#: The members of a JSON web key that are private (RFC 7517, RFC 7518).
PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")


Authentication = dict[str, Any]


def checked(sent: Authentication, stored: Authentication | None) -> Authentication | None:
    """Return the object to store for a validated `authentication`, or None where it names no type.

    A value that reads `[REDACTED]`, as this server answers it, keeps the stored one. Where the OAuth2 `url` changes
    it does not, and the secret must be sent again.
    Raises InvalidInput.
    """
    kind = sent.get("type") or ""
    if not kind:
        return None
    given: dict[str, Any] | None = sent.get(kind)
    if given is not None:
        kept = (stored or {}).get(kind) or {}
        if kind == OAUTH2 and given["url"] != kept.get("url"):
            # A caller who may not see the secret could otherwise have it sent to their own server.
            kept = {}
        given = _unredacted(given, kept)
    match kind:
        case "api_key":
            _check_api_key(given or {})
        case "basic_auth":
            if not given or not given["username"] or not given["password"]:
                raise InvalidInput("basic auth field is required", field="username")
        case "oauth2":
            given = _checked_oauth2(given)
    return {"type": kind, kind: given}


def keeps_hidden(sent: Authentication | None, stored: Authentication | None, *, reveal: bool) -> bool:
    """Return whether an update keeps a part of the stored authentication that its caller may not see.

    `sent` is None where the update has no `authentication`, `reveal` as for shown().
    """
    if stored is None or shown(stored, reveal=reveal) == stored:
        return False
    kind = stored["type"]
    return sent is None or (sent.get("type") == kind and _has_mask(sent.get(kind) or {}))


def shown(stored: Authentication | None, *, reveal: bool) -> Authentication | None:
    """Return the authentication object of an answer.

    A password, an OAuth2 client secret and the private part of a signing key are never shown; the
    value of an API key header only with `reveal`.
    """
    if stored is None:
        return None
    kind = stored["type"]
    hidden = {API_KEY: () if reveal else ("header_value",), BASIC_AUTH: ("password",), OAUTH2: ("client_secret",)}[kind]
    inner = stored[kind] | {name: REDACTED for name in hidden if stored[kind].get(name)}
    if "signing_key" in inner:
        key = inner["signing_key"]
        inner["signing_key"] = key | {name: REDACTED for name in PRIVATE_MEMBERS if key.get(name)}
    return {"type": kind, kind: inner}


def _has_mask(given: dict[str, Any]) -> bool:
    return any(_has_mask(value) if isinstance(value, dict) else value == REDACTED for value in given.values())


def _unredacted(given: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    merged = {}
    for name, value in given.items():
        if isinstance(value, dict):
            merged[name] = _unredacted(value, stored.get(name) or {})
        else:
            merged[name] = stored.get(name, "") if value == REDACTED else value
    return merged


def _check_api_key(given: dict[str, Any]) -> None:
    if not given.get("header_value", "").strip():
        raise ApiKeyMissing
    if not given.get("header_name", "").strip():
        raise InvalidInput("api key header_name is required", field="header_name")
    if not is_header_name(given["header_name"]) or not given["header_value"].isprintable():
        raise InvalidInput(
            "api key header_name and header_value must be what an HTTP header can carry", field="header_name"
        )
    if is_taken(given["header_name"]):
        raise InvalidInput(f"api key header_name cannot be {given['header_name']}", field="header_name")


def _checked_oauth2(given: dict[str, Any] | None) -> dict[str, Any]:
    if not given:
        raise InvalidInput("oauth2 configuration is required")
    for name in ("url", "client_id"):
        if not given[name].strip():
            raise InvalidInput(f"oauth2 {name} is required")
    try:
        parts = split_url(given["url"])
        if parts.scheme in SCHEMES and parts.hostname:
            target_of(given["url"])
    except (ValueError, Unsendable) as error:
        raise InvalidInput(f"invalid oauth2 url: {str(error).removeprefix('invalid endpoint url: ')}") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise InvalidInput("invalid oauth2 url: it must be an http or https URL")
    given = {"grant_type": "client_credentials", "expiry_time_unit": "seconds"} | {
        name: value for name, value in given.items() if value != ""
    }
    if given["authentication_type"] == SHARED_SECRET:
        if not given.get("client_secret", "").strip():
            raise OAuth2SecretMissing
    else:
        given = {"signing_algorithm": "ES256"} | given
        _check_assertion(given)
    return given


def _check_assertion(given: dict[str, Any]) -> None:
    key = given.get("signing_key")
    if not key:
        raise InvalidInput("oauth2 signing_key is required for client_assertion authentication")
    for name, described in (("kty", "kty"), ("kid", "kid"), ("d", "d (private key)")):
        if not key.get(name, "").strip():
            raise InvalidInput(f"oauth2 signing_key.{described} is required")
    if given["signing_algorithm"] == "ES256":
        if key["kty"] != "EC":
            raise InvalidInput("oauth2 signing_key.kty must be 'EC' for ES256 algorithm")
        if key.get("crv") != "P-256":
            raise InvalidInput("oauth2 signing_key.crv must be 'P-256' for ES256 algorithm")
        if not (key.get("x") and key.get("y")):
            raise InvalidInput("oauth2 signing_key.x and signing_key.y are required for EC keys")
    for name in ("issuer", "subject"):
        if not given.get(name, "").strip():
            raise InvalidInput(f"oauth2 {name} is required for client_assertion authentication")
