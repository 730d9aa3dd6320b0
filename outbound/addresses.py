"""Which IP addresses deliveries may be sent to.

Contract: deliveries section 10 and defect D8.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Link-local networks and the metadata services of clouds. A wide entry of an allow list, such as
#: 0.0.0.0/0, does not admit them; only one that lies within the same network does.
GUARDED: tuple[Network, ...] = (
    ip_network("169.254.0.0/16"),
    ip_network("100.100.100.200/32"),  # Alibaba Cloud
    ip_network("168.63.129.16/32"),  # Azure, in a public network
    ip_network("192.0.0.192/32"),  # Oracle Cloud
    ip_network("fe80::/10"),
    ip_network("fd00:ec2::/32"),  # AWS
    ip_network("ff02::/16"),
)
_GLOBAL_UNICAST = ip_network("2000::/3")
#: For documentation, protocols and relays; older versions of `ipaddress` hold them for global.
_SPECIAL: tuple[Network, ...] = (
    ip_network("192.0.0.0/24"),
    ip_network("192.88.99.0/24"),
    ip_network("3fff::/20"),
)
_NAT64 = ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ip_network("::/96")
_KINDS = (
    ("is_unspecified", "unspecified"),
    ("is_loopback", "loopback"),
    ("is_multicast", "multicast"),
    ("is_reserved", "reserved"),
)


def refusal(text: str, allowed: Iterable[Network] = ()) -> str:
    """Why no connection may be opened to the address `text`; empty where it may.

    Only public addresses may be reached, and those of the networks `allowed`. An IPv6 address that
    stands for an IPv4 one (mapped, compatible, 6to4, NAT64) is judged as that one.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return "ssrf guard: address not allowed: it is not an IP address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return f"ssrf guard: address not allowed: {address} (with a zone)"
    meant = _meant(address)
    guard = next((network for network in GUARDED if meant in network), None)
    if guard is not None:
        if any(_is_within(network, guard) and meant in network for network in allowed):
            return ""
        return f"ssrf guard: blocked connection to metadata/link-local address {address}"
    if _is_public(meant) or any(meant in network or address in network for network in allowed):
        return ""
    kind = next((name for attribute, name in _KINDS if getattr(meant, attribute)), "not public")
    return f"ssrf guard: address not allowed: {address} ({kind})"


def _meant(address: Address) -> Address:
    """The address that is reached in the end."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    # `::` and `::1` are addresses of their own, not 0.0.0.0 and 0.0.0.1.
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    # What lies outside of global unicast is not routed, or is translated to an address that is hard to see.
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_within(network: Network, guard: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(guard, IPv4Network) and network.subnet_of(guard)
    return isinstance(guard, IPv6Network) and network.subnet_of(guard)
