"""URLs that customers give us: what is accepted when they are stored. Nothing is looked up or called here."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError

SCHEMES = ("http", "https")

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_origin = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_name = re.compile(r"([a-z0-9_-]+\.)*[a-z0-9_-]+")
_number = re.compile(r"[0-9]+|0x[0-9a-f]*")


def split_url(url: str) -> SplitResult:
    """The parts of a URL. Raises ValueError, with a text that can be shown, for one that cannot be read."""
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("invalid endpoint url: it contains a space or a control character")
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading the port is what checks it
    except ValueError as error:
        raise ValueError(f"invalid endpoint url: {error}") from None
    if "\\" in parts.netloc:
        # To a browser the host ends there, to others it does not.
        raise ValueError("invalid endpoint url: its host contains a backslash")
    return parts


def validate_web_url(url: str) -> None:
    """A validator: `url` is http or https, with a host. Raises ValidationError."""
    try:
        parts = split_url(url)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValidationError("An http or https URL is needed.")


def validate_origin(origin: str) -> None:
    """A validator: `origin` is scheme, host and port of a site, as a Content-Security-Policy can hold it.

    Raises ValidationError.
    """
    if not _origin.fullmatch(origin):
        raise ValidationError(f"{origin} is not an origin such as https://app.example.com.")


def is_public_url(url: str) -> bool:
    """Whether `url` is http or https and does not name this machine or a private network.

    Only what the text itself says is checked: names are resolved, and checked again, when a
    connection is opened.
    """
    try:
        parts = split_url(url)
    except ValueError:
        return False
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in SCHEMES:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_public_name(host)
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is None:
            # What lies outside is not routed, or is translated to an IPv4 address that is hard to see.
            return address in _GLOBAL_UNICAST and address.is_global
        address = embedded
    return address.is_global and not address.is_multicast


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, is this machine by what its text says."""
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_public_name(host: str) -> bool:
    """Whether a host is a name, as a client that looks it up would read it, and not this machine's."""
    try:
        name = host.encode("idna").decode().lower()
    except UnicodeError:
        return False
    last = name.rpartition(".")[2]
    # A name that ends in a number is an address in another notation (WHATWG URL, "ends in a number").
    return bool(_name.fullmatch(name)) and last != "localhost" and not _number.fullmatch(last)
