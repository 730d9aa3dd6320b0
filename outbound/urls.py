"""Check the URLs that requests are sent to, before they are stored."""

from urllib.parse import SplitResult

from core.addresses import SCHEMES, split_url
from core.exceptions import InvalidInput
from outbound.exceptions import UrlMissing, UrlScheme, UrlWithoutHost
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
    if parts.scheme not in SCHEMES:
        raise UrlScheme
    if not parts.hostname:
        raise UrlWithoutHost
    return parts


def check_sendable(url: str) -> None:
    """Refuse a URL that parse_target has read and that every delivery would refuse, with its words.

    Raises InvalidInput.
    """
    try:
        target_of(url)
    except Unsendable as refusal:
        raise InvalidInput(str(refusal), field="url") from None
