"""Decide which IP addresses are public: for URLs when they are stored, and for sockets when they open.

Contract: docs/contract/deliveries.md#addresses.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Link-local networks and the metadata services of clouds.
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
#: For documentation, protocols and relays; older versions of `ipaddress` take them for global.
_SPECIAL: tuple[Network, ...] = (
    ip_network("192.0.0.0/24"),
    ip_network("192.88.99.0/24"),
    ip_network("3fff::/20"),
)
_NAT64 = ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ip_network("::/96")


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet, and to none of the GUARDED networks.

    An IPv6 address that stands for an IPv4 one is judged as that one. An address with a zone is not public.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    address = reached(address)
    # Outside of global unicast an address is not routed, or is translated to another that is hard to see.
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if guard_of(address) is not None or any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def guard_of(address: Address) -> Network | None:
    """Return the GUARDED network that an address lies in, or None."""
    return next((network for network in GUARDED if address in network), None)


def reached(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, compatible, 6to4, NAT64), or else the address."""
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
