"""Check the URLs that requests are sent to, before they are stored."""

from urllib.parse import SplitResult

from core.addresses import SCHEMES, split_url
from core.exceptions import InvalidInput
from outbound.exceptions import UrlMissing, UrlRelative, UrlScheme, UrlWithoutHost
from outbound.failures import Unsendable
from outbound.requests import target_of


def parse_target(url: str) -> SplitResult:
    """Return the parts of an http or https URL that has a host. Raises InvalidInput.

    Whether the host may be reached is checked when the connection is opened.
    """
    if not url.strip():
        raise UrlMissing
    try:
        parts = split_url(url)
    except ValueError as error:
        raise InvalidInput(str(error), field="url") from None
    if not parts.hostname:
        raise UrlWithoutHost if parts.scheme else UrlRelative
    if parts.scheme not in SCHEMES:
        raise UrlScheme
    return parts


def check_sendable(url: str) -> None:
    """Refuse a URL, read by parse_target, that every delivery would refuse; the words are those of the delivery.

    Raises InvalidInput.
    """
    try:
        target_of(url)
    except Unsendable as refusal:
        raise InvalidInput(str(refusal), field="url") from None


def stored_form(url: str) -> str:
    """Return a URL as it is stored: its scheme in lower case, and the rest as it was sent.

    Two spellings of a scheme would otherwise be two endpoints.
    """
    scheme, colon, rest = url.partition(":")
    return f"{scheme.lower()}{colon}{rest}"


def is_same_server(url: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port. A URL that cannot be read equals no other."""
    try:
        return _server(url) == _server(other)
    except ValueError:
        return False


def _server(url: str) -> tuple[str, str, int]:
    parts = split_url(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("not a URL of a server")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
