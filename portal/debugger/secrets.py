"""Find the secret and the body that a pasted signature was made with."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from outbound.payload import compact
from outbound.signatures import STANDARD_PREFIX
from portal.debugger.findings import KnownSecret
from portal.debugger.request import Request

#: The bytes that are hashed for one request at most, some 0.2 seconds of CPU: a customer may have 2,000 secrets, and
#: paste a long body. The endpoint's own come first.
MOST_HASHED_BYTES = 128 * 1024 * 1024
#: A short body costs as much as one of so many bytes.
LEAST_BYTES = 4_096


class Found(NamedTuple):
    """The secret and the body that fit: how each differs from what was pasted, as codes; None where none fits."""

    #: "pasted", "pasted_<mistake>", or "signed" for a secret of ours that was not pasted.
    how: str | None
    known: KnownSecret | None
    #: "received", "sent", or a change that turns the received body into the one that was signed.
    body: str | None
    #: The secret of ours that was pasted, whether it fits or not.
    pasted: KnownSecret | None = None


def search(
    request: Request, pasted: str | None, secrets: Sequence[KnownSecret], received: bytes, sent: bytes | None
) -> Found:
    """Try the pasted secret as it is, then with the usual mistakes undone, then all secrets that are known.

    Each is tried over the received body and the one that was sent, or over what may have been sent.
    """
    bodies = [("received", received)]
    if sent is None:
        bodies += _changed_back(received)
    elif sent != received:
        bodies.append(("sent", sent))
    ours = None if pasted is None else _known(pasted.strip(), secrets)
    for mistake, text in [] if pasted is None else _meant(pasted):
        for code, body in bodies:
            if request.is_signed(text, body):
                return Found(f"pasted{mistake}", _known(text, secrets), code, ours)
    hashed = request.hashes * sum(max(len(body), LEAST_BYTES) for _, body in bodies)
    for known in secrets[: MOST_HASHED_BYTES // hashed]:
        for code, body in bodies:
            if request.is_signed(known.value, body):
                return Found("signed", known, code, ours)
    return Found(None, ours, None, ours)


def _known(text: str, secrets: Sequence[KnownSecret]) -> KnownSecret | None:
    """Return the known secret that a text is, in constant time for each, in either way to write it."""
    forms = {text.encode(), (STANDARD_PREFIX + text).encode()}
    if decoded := _decoded(text):
        forms.add(decoded.encode())
    return next((one for one in secrets if any(hmac.compare_digest(one.value.encode(), form) for form in forms)), None)


def _meant(pasted: str) -> list[tuple[str, str]]:
    """Return the secrets that a customer may have meant, with the code of the mistake, "" for the secret itself."""
    bare = pasted.strip()
    unquoted = bare.strip("\"'`")
    core = unquoted.removeprefix(STANDARD_PREFIX)
    candidates = [
        ("", pasted),
        ("_space", bare),
        ("_quotes", unquoted),
        ("_no_prefix", STANDARD_PREFIX + unquoted),
        ("_prefix", core),
        ("_encoded", _decoded(unquoted)),
        ("_decoded", b64encode(unquoted.encode()).decode()),
        ("_decoded", STANDARD_PREFIX + b64encode(unquoted.encode()).decode()),
    ]
    # Where two are the same text, the first one says what is wrong.
    found: dict[str, str] = {}
    for code, text in candidates:
        if text:
            found.setdefault(text, code)
    return [(code, text) for text, code in found.items()]


def _decoded(text: str) -> str:
    """Return the text that a secret in base64, with or without whsec_, holds; blank where it holds none."""
    core = text.removeprefix(STANDARD_PREFIX)
    try:
        return b64decode(core + "=" * (-len(core) % 4), validate=True).decode()
    except (NotBase64, ValueError):
        return ""


def _changed_back(received: bytes) -> list[tuple[str, bytes]]:
    """Return what may have been sent where that is not known, with the code of the change."""
    bodies = [("newline", received.rstrip(b"\r\n")), ("space", received.strip())]
    text: Any = None
    try:
        text = orjson.loads(received)
    except orjson.JSONDecodeError:
        pass
    else:
        bodies.append(("respaced", compact(received)))
        bodies.append(("rewritten", orjson.dumps(text)))
    if isinstance(text, str):
        bodies.append(("twice", text.encode()))
    return [(code, body) for code, body in bodies if body != received]
