"""Make the headers of a webhook: check a producer's own, build those of a request, and hide secrets in them.

Contract: docs/contract/signatures.md#headers, docs/contract/signatures.md#shown-headers.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from core.api.values import REDACTED
from core.exceptions import InvalidInput
from core.header_names import is_framing, is_header_name

#: Bounds of a producer's own headers. Most receivers accept 8 to 16 KB of headers altogether.
MAX_CUSTOM_HEADERS = 50
MAX_NAME_LENGTH = 128
MAX_VALUE_LENGTH = 4096
MAX_CUSTOM_LENGTH = 8192
MASK = "***"

Headers = list[tuple[str, str]]
Value = TypeVar("Value", str, list[str])

# Sent in UTF-8. Half a surrogate pair has no bytes there.
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")
#: Marks a test event.
TEST_HEADER = "webhook-test"
_STANDARD = {"webhook-id", "webhook-timestamp", "webhook-signature"}
_CONVOY_SIGNATURE = "x-convoy-signature"
_SHOWN = {
    *("connection", "content-type", "content-length", "user-agent", "accept", "accept-encoding", "accept-language"),
    *("host", "x-request-id", "cache-control", "pragma", "upgrade-insecure-requests", "origin", "x-datadog-trace-id"),
    *("x-convoy-version", "access-control-allow-headers", "access-control-allow-methods"),
    *("access-control-allow-origin", "access-control-expose-headers"),
    # Needed to verify the signature that is shown.
    *("webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp", TEST_HEADER),
}


class HeaderRefused(InvalidInput):
    """A header that cannot be sent."""

    message = "invalid custom_headers: {reason}"
    field = "custom_headers"


def is_reserved(name: str) -> bool:
    """Return whether no producer's header may have this name, because the client or this server sets it."""
    lower = name.lower()
    ours = lower in _STANDARD or (lower.startswith("x-convoy-") and lower != _CONVOY_SIGNATURE)
    return ours or is_framing(name)


def check_custom_headers(headers: Mapping[str, str]) -> None:
    """Refuse the custom headers of an event that cannot be sent as they are. Raises InvalidInput.

    A header that every request has (Content-Type, Accept-Encoding, the project's signature header, the endpoint's
    authentication header) is accepted, but not sent. Contract: docs/contract/signatures.md#custom-headers.
    """
    if len(headers) > MAX_CUSTOM_HEADERS:
        raise HeaderRefused(reason=f"at most {MAX_CUSTOM_HEADERS} headers are allowed")
    seen = set()
    for name, value in headers.items():
        # A refusal quotes no more than this of a long name.
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
            raise HeaderRefused(reason=f'the value of "{shown}" may hold no control characters but tabs')
        if len(value.encode()) > MAX_VALUE_LENGTH:
            raise HeaderRefused(reason=f'the value of "{shown}" is longer than {MAX_VALUE_LENGTH} bytes')
        seen.add(name.lower())
    if sum(len(name) + len(value.encode()) for name, value in headers.items()) > MAX_CUSTOM_LENGTH:
        raise HeaderRefused(reason=f"they are longer than {MAX_CUSTOM_LENGTH} bytes altogether")


def authentication_headers(authentication: Mapping[str, Any] | None) -> Headers:
    """Return the header that carries an endpoint's `api_key` or `basic_auth`; no header for other types.

    An API key is sent in UTF-8, as in the original. A user name with a colon is sent, although a receiver takes what
    follows the colon for a part of the password (RFC 7617). Raises ValueError, without the credential in its text,
    where an HTTP header cannot carry it.
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
    """Return all headers of a request but Host and Content-Length, which the HTTP client writes.

    `standard` comes from `standard_headers`, `authentication` from the endpoint, `trace` from `trace_headers` where the
    project wants it, and `custom` from the event. Of headers with the same name, in any letter case, only the first in
    this function's order is sent, so a signature takes precedence. Raises ValueError where the project's signature
    header cannot be sent. Contract: docs/contract/signatures.md#headers, docs/contract/signatures.md#precedence.
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
    """Return the headers that carry the ids of the event and of the delivery (`config.add_event_id_trace_headers`)."""
    return [("X-Convoy-EventDelivery-ID", delivery_id), ("X-Convoy-Event-ID", event_id)]


def mask_headers(headers: Mapping[str, Value]) -> dict[str, Value]:
    """Return headers as a portal's caller may see them, with `***` as the values of all but the harmless ones.

    Contract: docs/contract/signatures.md#shown-headers. Values are texts, as in an attempt, or lists of them,
    as in a delivery.
    """
    return {name: value if is_shown(name) else _masked(value) for name, value in headers.items()}


def redact_attempt_headers(headers: Iterable[tuple[str, str]], secret_names: Collection[str]) -> dict[str, str]:
    """Return the headers of an attempt as they are stored, with the values of one name joined by a space.

    The values of `secret_names`, in any letter case, and of Authorization are `[REDACTED]`: an endpoint's credentials
    are stored with the endpoint alone (docs/contract/signatures.md#shown-headers).
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
    """Return an idempotency key as a header's value, with its control characters percent-encoded."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", key)


def _sendable(custom: Mapping[str, Sequence[str]]) -> Headers:
    """Return the event's headers that may be sent. Headers stored before a rule existed must not break it."""
    lines = [(name, ", ".join(values).strip(" \t")) for name, values in custom.items()]
    return [
        (name, value)
        for name, value in lines
        if is_header_name(name)
        and not is_reserved(name)
        and name.lower() not in (_CONVOY_SIGNATURE, TEST_HEADER)
        and _VALUE.fullmatch(value)
        and (value or name.lower() != "user-agent")
    ]


def is_shown(name: str) -> bool:
    """Return whether a portal's caller may see the values of a header."""
    name = name.lower()
    return name in _SHOWN or name.endswith("-signature")


def _masked(value: Value) -> Value:
    return [MASK for _ in value] if isinstance(value, list) else MASK
