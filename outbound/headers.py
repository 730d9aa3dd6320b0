"""The headers of a webhook: which ones a producer may set, what a request has, and what is shown of them.

Contract: signatures-and-headers sections 5 to 7, deliveries sections 2 and 11.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from core.api.values import REDACTED
from core.exceptions import InvalidInput
from core.header_names import is_framing, is_header_name

#: Bounds of a producer's own headers: most receivers take 8 to 16 KB of headers altogether.
MAX_CUSTOM_HEADERS = 50
MAX_NAME_LENGTH = 128
MAX_VALUE_LENGTH = 4096
MAX_CUSTOM_LENGTH = 8192
MASK = "***"

Headers = list[tuple[str, str]]
Value = TypeVar("Value", str, list[str])

_VALUE = re.compile(r"[\t\x20-\x7e]*")
_STANDARD = {"webhook-id", "webhook-timestamp", "webhook-signature"}
_CONVOY_SIGNATURE = "x-convoy-signature"
_SHOWN = {
    *("connection", "content-type", "content-length", "user-agent", "accept", "accept-encoding", "accept-language"),
    *("host", "x-request-id", "cache-control", "pragma", "upgrade-insecure-requests", "origin", "x-datadog-trace-id"),
    *("x-convoy-version", "access-control-allow-headers", "access-control-allow-methods"),
    *("access-control-allow-origin", "access-control-expose-headers"),
    # Ours, and needed to verify the signature that is shown.
    *("webhook-id", "webhook-timestamp"),
}


class HeaderRefused(InvalidInput):
    """A header that cannot be sent."""

    message = "invalid custom_headers: {reason}"
    field = "custom_headers"


def is_reserved(name: str) -> bool:
    """Whether a producer's header may not have this name: the framing ones and those of this server."""
    lower = name.lower()
    ours = lower in _STANDARD or (lower.startswith("x-convoy-") and lower != _CONVOY_SIGNATURE)
    return ours or is_framing(name)


def check_custom_headers(headers: Mapping[str, str]) -> None:
    """Refuse the custom headers of an event that cannot be sent as they are. Raises InvalidInput.

    A header that a request has anyway (Content-Type, Accept-Encoding, the project's signature header, the
    endpoint's authentication header) is accepted, and left out when sent. Contract: section 6, defects
    H9 and H10.
    """
    if len(headers) > MAX_CUSTOM_HEADERS:
        raise HeaderRefused(reason=f"at most {MAX_CUSTOM_HEADERS} headers are allowed")
    seen = set()
    for name, value in headers.items():
        # A long name is not answered in full.
        shown = name[:MAX_NAME_LENGTH]
        if not is_header_name(name):
            raise HeaderRefused(reason=f'"{shown}" is not a valid header name')
        if len(name) > MAX_NAME_LENGTH:
            raise HeaderRefused(reason=f'the name "{shown}…" is longer than {MAX_NAME_LENGTH} characters')
        if is_reserved(name):
            raise HeaderRefused(reason=f'"{shown}" is reserved')
        if name.lower() in seen:
            raise HeaderRefused(reason=f'"{shown}" is given twice')
        if not _VALUE.fullmatch(value):
            raise HeaderRefused(
                reason=f'the value of "{shown}" may hold only visible ASCII characters, spaces and tabs'
            )
        if len(value) > MAX_VALUE_LENGTH:
            raise HeaderRefused(reason=f'the value of "{shown}" is longer than {MAX_VALUE_LENGTH} characters')
        seen.add(name.lower())
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_CUSTOM_LENGTH:
        raise HeaderRefused(reason=f"they are longer than {MAX_CUSTOM_LENGTH} characters altogether")


def authentication_headers(authentication: Mapping[str, Any] | None) -> Headers:
    """The header by which an endpoint's `api_key` or `basic_auth` is sent; none for the other types.

    An API key goes out in UTF-8, as in the original. A user name with a colon is sent, although a receiver
    takes what follows the colon for a part of the password (RFC 7617). Raises ValueError, whose text does
    not hold the credential, for what an HTTP header cannot carry.
    """
    match (authentication or {}).get("type"):
        case "api_key":
            given = (authentication or {})["api_key"]
            name, value = given["header_name"], given["header_value"].strip(" \t")
            if not is_header_name(name) or is_framing(name) or name.lower() in _STANDARD:
                raise ValueError("the name of the endpoint's API key header is not one that a request can have")
            if not value.replace("\t", " ").isprintable():
                raise ValueError("the value of the endpoint's API key header has characters that a header cannot carry")
            return [(name, value)]
        case "basic_auth":
            given = (authentication or {})["basic_auth"]
            credentials = f"{given['username']}:{given['password']}".encode()
            return [("Authorization", f"Basic {b64encode(credentials).decode()}")]
    return []


def request_headers(
    *,
    signature_header: str,
    signature: str,
    standard: Mapping[str, str],
    content_type: str,
    user_agent: str,
    request_id_header: str = "",
    idempotency_key: str = "",
    authentication: Sequence[tuple[str, str]] = (),
    trace: Sequence[tuple[str, str]] = (),
    custom: Mapping[str, Sequence[str]] | None = None,
) -> Headers:
    """All headers of a request but Host and Content-Length, which the HTTP client writes.

    `standard` is what `standard_headers` made, `authentication` what the endpoint asks for, `trace` what
    `trace_headers` made where the project wants it, and `custom` the event's headers. Where two have the
    same name, in any letter case, the first in this function's order is sent alone: a signature never gives
    way. Raises ValueError where the project's signature header is none. Contract: sections 5 and 6.
    """
    if not is_header_name(signature_header) or is_framing(signature_header):
        raise ValueError("the project's signature header is not one that a request can have")
    by_precedence: list[tuple[str, str]] = [
        (signature_header, signature),
        *standard.items(),
        *([(request_id_header, _in_one_line(idempotency_key))] if idempotency_key else []),
        ("Content-Type", content_type),
        ("Accept-Encoding", "gzip"),
        *authentication,
        *trace,
        *_sendable(custom or {}),
        ("User-Agent", user_agent),
    ]
    headers: dict[str, tuple[str, str]] = {}
    for name, value in by_precedence:
        if not is_framing(name):
            headers.setdefault(name.lower(), (name, value))
    return list(headers.values())


def trace_headers(*, event_id: str, delivery_id: str) -> Headers:
    """What tells a receiver the ids by which the API knows a request (`config.add_event_id_trace_headers`)."""
    return [("X-Convoy-EventDelivery-ID", delivery_id), ("X-Convoy-Event-ID", event_id)]


def mask_headers(headers: Mapping[str, Value]) -> dict[str, Value]:
    """Headers as a portal's caller may see them: the values of all but the harmless ones are `***`.

    Contract: deliveries section 2. Values are texts, as in an attempt, or lists of them, as in a delivery.
    """
    return {name: value if _is_shown(name.lower()) else _masked(value) for name, value in headers.items()}


def redact_attempt_headers(headers: Iterable[tuple[str, str]], secret_names: Collection[str]) -> dict[str, str]:
    """The headers of an attempt as they are stored: several values of one name joined with a space.

    The values of `secret_names`, in any letter case, are `[REDACTED]`, and so is every Authorization:
    an endpoint's credentials are stored with the endpoint alone (deliveries D14).
    """
    secret = {name.lower() for name in secret_names} | {"authorization", "proxy-authorization"}
    stored: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in secret:
            stored[name] = REDACTED
        else:
            stored[name] = f"{stored[name]} {value}" if name in stored else value
    return stored


def _in_one_line(key: str) -> str:
    """An idempotency key as a header's value: it is any text, and a header carries no control characters."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", key)


def _sendable(custom: Mapping[str, Sequence[str]]) -> Headers:
    """An event's headers that may go out: what was stored before a rule was made must not break it either."""
    lines = [(name, ", ".join(values).strip(" \t")) for name, values in custom.items()]
    return [
        (name, value)
        for name, value in lines
        if is_header_name(name)
        and not is_reserved(name)
        and name.lower() != _CONVOY_SIGNATURE
        and _VALUE.fullmatch(value)
        and (value or name.lower() != "user-agent")
    ]


def _is_shown(name: str) -> bool:
    return name in _SHOWN or name.endswith("-signature")


def _masked(value: Value) -> Value:
    return [MASK for _ in value] if isinstance(value, list) else MASK
