"""Read the headers of a pasted request, and check its signatures."""

import hmac
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outbound.signatures import convoy_signature, standard_headers
from portal.debugger.findings import MAX_HEADERS, State, Step

STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
DELIVERY_HEADER = "x-convoy-eventdelivery-id"
MAX_SIGNATURES = 40

# No part gives back what it has taken: a long line of dashes or spaces would otherwise take seconds.
_LINE = re.compile(r"""[\s"'>\[-]*+([A-Za-z0-9_.-]++)["'\]]?+\s*+(?::|=>?)\s*+["'\[]*+(.*)""")
_AFTER_VALUE = "\"'],;" + string.whitespace + "\x85\xa0"


def read_headers(text: str) -> dict[str, str]:
    """Return the headers of a pasted text by their lower-case names, as servers, logs and frameworks show them."""
    found: dict[str, str] = {}
    for line in text[:MAX_HEADERS].splitlines():
        if match := _LINE.match(line):
            name = match[1].lower().replace("_", "-").removeprefix("http-")
            found.setdefault(name, match[2].rstrip(_AFTER_VALUE))
    return found


@dataclass(frozen=True)
class Request:
    """The part of a request that its signature covers, beside the body."""

    delivery_id: str
    timestamp: int | None
    given: tuple[str, ...]
    #: The header that was checked, as the customer knows it.
    header: str
    #: The project's versions where it is the project's own header; none for Standard Webhooks.
    versions: tuple[Mapping[str, str], ...] = ()

    @property
    def hashes(self) -> int:
        """Return how often a body is hashed to try one secret."""
        return len(self.versions) or 1

    def is_signed(self, secret: str, body: bytes) -> bool:
        """Tell, in constant time, whether one of the request's signatures is that of a secret over a body."""
        if not secret:
            return False
        return any(hmac.compare_digest(one, other) for one in self._expected(secret, body) for other in self._bytes)

    @property
    def _bytes(self) -> list[bytes]:
        return [value.encode() for value in self.given]

    def _expected(self, secret: str, body: bytes) -> Iterator[bytes]:
        if not self.versions:
            time = self.timestamp or 0
            signed = standard_headers(body, message_id=self.delivery_id, timestamp=time, secrets=[secret])
            yield signed["webhook-signature"].encode()
            return
        for version in self.versions:
            value = convoy_signature(
                body,
                secrets=[secret],
                versions=[version],
                advanced=self.timestamp is not None,
                timestamp=self.timestamp or 0,
            )
            yield (value if self.timestamp is None else value.partition("v1=")[2]).encode()


def read_request(headers: Mapping[str, str], signature: Mapping[str, Any]) -> tuple[Request | None, Step]:
    """Return the part of the request that the signature covers, and the step that has checked the headers.

    Standard Webhooks takes precedence over the project's own header, whose configuration is `signature`.
    """
    own = str(signature["header"])
    if any(name in headers for name in STANDARD) or not headers.get(own.lower()):
        return _read_standard(headers, own)
    versions = tuple(signature["versions"])
    value, delivery_id = headers[own.lower()], headers.get(DELIVERY_HEADER, "")
    parts = [part.strip().partition("=") for part in value.split(",")]
    time = next((text for name, _, text in parts if name == "t"), None)
    if time is None:
        return Request(delivery_id, None, (value,), own, versions), Step("headers", State.YES, "own", {"header": own})
    given = tuple(text for name, _, text in parts if name.startswith("v") and text)[:MAX_SIGNATURES]
    if not re.fullmatch(r"[0-9]{1,12}", time) or not given:
        return None, Step("headers", State.NO, "own_malformed", {"header": own})
    return (
        Request(delivery_id, int(time), given, own, versions),
        Step("headers", State.YES, "own", {"header": own}),
    )


def _read_standard(headers: Mapping[str, str], own: str) -> tuple[Request | None, Step]:
    missing = [name for name in STANDARD if not headers.get(name)]
    if missing:
        other = next((name for name in headers if name not in STANDARD and name.endswith(missing[0])), "")
        # The headers of another sender's convention, or those that a proxy has renamed.
        code = "renamed" if other else "none" if len(missing) == len(STANDARD) else "missing"
        return None, Step("headers", State.NO, code, {"header": missing[0], "given": other[:80], "own": own})
    delivery_id, time, value = (headers[name].strip() for name in STANDARD)
    if not re.fullmatch(r"[0-9]{1,12}", time):
        return None, Step("headers", State.NO, "time_malformed", {"given": time[:40]})
    given = tuple(text for text in value.split() if text.startswith("v1,"))[:MAX_SIGNATURES]
    if not given:
        return None, Step("headers", State.NO, "signature_malformed", {"given": value[:80]})
    return Request(delivery_id, int(time), given, STANDARD[2]), Step("headers", State.YES, "standard")
