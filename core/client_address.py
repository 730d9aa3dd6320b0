"""Find out which address a request comes from."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

#: The number of parsed addresses that are remembered: parsing one takes longer than a middleware.
MOST_REMEMBERED = 4_096
# Headers that a proxy adds. A request with one of them does not come from this machine, whatever its address.
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's IP address, or None where it is not known.

    Behind a trusted proxy (TRUST_PROXY_HEADERS) that is the last address in X-Forwarded-For, which the proxy has added.
    The addresses before it are the caller's own claims.
    """
    return _address(request.META)


def known_network(environ: Mapping[str, Any]) -> str | None:
    """Return the caller's network where the address is the caller's own, and not that of a proxy that others share.

    `environ` is WSGI's, or a request's META. Without a trusted proxy that is a public address, and none where a proxy
    has left its header.
    """
    address = _address(environ)
    if address is None:
        return None
    is_proxied = any(name in environ for name in _FORWARDED)
    return _network(address) if settings.TRUST_PROXY_HEADERS or (_is_global(address) and not is_proxied) else None


def client_network(request: HttpRequest) -> str | None:
    """Return the network by which failed logins are counted."""
    address = client_address(request)
    return None if address is None else _network(address)


def is_of_this_machine(request: HttpRequest) -> bool:
    """Return whether the caller is on this machine, and came without a proxy."""
    address = client_address(request)
    is_local = address is not None and ipaddress.ip_address(address).is_loopback
    return is_local and not any(name in request.META for name in _FORWARDED)


def _address(environ: Mapping[str, Any]) -> str | None:
    text = environ.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY_HEADERS:
        text = environ.get("HTTP_X_FORWARDED_FOR", text).rpartition(",")[2].strip()
    return _read(text)


@lru_cache(MOST_REMEMBERED)
def _read(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


@lru_cache(MOST_REMEMBERED)
def _network(address: str) -> str:
    """Return the address that stands for one caller: all of an IPv4 address, or the first of an IPv6 /64."""
    if ":" not in address:
        return address
    found = ipaddress.IPv6Address(address.partition("%")[0])
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False).network_address)


@lru_cache(MOST_REMEMBERED)
def _is_global(address: str) -> bool:
    return ipaddress.ip_address(address).is_global
