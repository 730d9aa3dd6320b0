"""URLs that customers give us: what is accepted when they are stored. Nothing is looked up or called here."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

SCHEMES = ("http", "https")


def split_url(url: str) -> SplitResult:
    """The parts of a URL. Raises ValueError, with a text that can be shown, for one that cannot be read."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("invalid endpoint url: it contains a space or a control character")
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading the port is what checks it
    except ValueError as error:
        raise ValueError(f"invalid endpoint url: {error}") from None
    return parts


def is_public_url(url: str) -> bool:
    """Whether `url` is http or https and does not name this machine or a private network.

    Only what the text itself says is checked: names are resolved, and checked again, when a
    connection is opened.
    """
    try:
        parts = split_url(url)
    except ValueError:
        return False
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in SCHEMES or not host or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A host of digits and dots, or with a 0x part, is an address in another notation.
        return not all(part.isdecimal() or part.startswith("0x") for part in host.split("."))
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast
