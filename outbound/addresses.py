"""Refuse connections to addresses that are neither public nor allowed by the operator.

Contract: docs/contract/deliveries.md#addresses.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from core.ip_addresses import Network, guard_of, is_public, reached

_KINDS = (
    ("is_unspecified", "unspecified"),
    ("is_loopback", "loopback"),
    ("is_multicast", "multicast"),
    ("is_reserved", "reserved"),
)


def refusal(text: str, allowed: Iterable[Network] = ()) -> str:
    """Return why no connection may be opened to the address `text`, or an empty text where it may.

    Public addresses may be reached, and those of the networks `allowed`. A wide network, such as 0.0.0.0/0, does not
    allow the GUARDED ones: only one that lies within the same guarded network does.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return "ssrf guard: address not allowed: it is not an IP address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return f"ssrf guard: address not allowed: {address} (with a zone)"
    meant = reached(address)
    guard = guard_of(meant)
    if guard is not None:
        if any(_is_within(network, guard) and meant in network for network in allowed):
            return ""
        return f"ssrf guard: blocked connection to metadata/link-local address {address}"
    if is_public(meant) or any(meant in network or address in network for network in allowed):
        return ""
    kind = next((name for attribute, name in _KINDS if getattr(meant, attribute)), "not public")
    return f"ssrf guard: address not allowed: {address} ({kind})"


def _is_within(network: Network, guard: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(guard, IPv4Network) and network.subnet_of(guard)
    return isinstance(guard, IPv6Network) and network.subnet_of(guard)
