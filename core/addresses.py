"""Check the URLs that customers give us before they are stored, without looking up or calling anything."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError

from core.ip_addresses import is_public

SCHEMES = ("http", "https")
#: No field for a URL takes as many. To see whether a host resembles another one takes Python's library a time by the
#: square of its length, in which it keeps the interpreter: over a minute for 300,000 combining characters.
MOST_CHARACTERS = 4_096

_origin = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_name = re.compile(r"([a-z0-9_-]+\.)*[a-z0-9_-]+")
_number = re.compile(r"[0-9]+|0x[0-9a-f]*")


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL. Raises ValueError, whose text can be shown, where the URL cannot be read."""
    if len(url) > MOST_CHARACTERS:
        raise ValueError("invalid endpoint url: it is too long")
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("invalid endpoint url: it contains a space or a control character")
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading the port is what checks it
    except ValueError as error:
        raise ValueError(f"invalid endpoint url: {error}") from None
    if "\\" in parts.netloc:
        # A browser ends the host there, other clients do not.
        raise ValueError("invalid endpoint url: its host contains a backslash")
    return parts


def validate_web_url(url: str) -> None:
    """Check, as a validator, that `url` is http or https and has a host. Raises ValidationError."""
    try:
        parts = split_url(url)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValidationError("An http or https URL is needed.")


def validate_origin(origin: str) -> None:
    """Check, as a validator, that `origin` is an origin as a Content-Security-Policy can hold it.

    An origin is the scheme, host and port of a site. Raises ValidationError.
    """
    if not _origin.fullmatch(origin):
        raise ValidationError(f"{origin} is not an origin such as https://app.example.com.")


def is_public_url(url: str) -> bool:
    """Return whether `url` is http or https and does not name this machine or a private network.

    Only the text itself is checked: a name is resolved, and its addresses are checked by the same rule, when a
    connection is opened (outbound/addresses.py).
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
    return is_public(address)


def is_loopback(host: str) -> bool:
    """Return whether the text of a host, which is a name or an address, names this machine."""
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_public_name(host: str) -> bool:
    """Return whether a host is a name, as a client that looks it up reads it, and not a name of this machine."""
    try:
        name = host.encode("idna").decode().lower()
    except UnicodeError:
        return False
    last = name.rpartition(".")[2]
    # A name that ends in a number is an address in another notation (WHATWG URL, "ends in a number").
    return bool(_name.fullmatch(name)) and last != "localhost" and not _number.fullmatch(last)
