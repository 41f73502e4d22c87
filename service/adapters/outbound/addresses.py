"""Which addresses are public.

Python's `is_global` is not enough: 3.11 counts multicast, 6to4, site-local and IPv4-compatible addresses as
global, each of which can lead to a private host, and what it counts changes with its version.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments; Oracle's cloud has its metadata there
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # a public number that is the host of a machine in Azure
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and other protocol assignments
        "2002::/16",  # 6to4: holds an IPv4 address
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether it is an IP address that anybody on the internet may have."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC_V4)
    )


def _is_public_v6(address: IPv6Address) -> bool:
    if address in _NAT64:  # how a network without IPv4 reaches it
        return _is_public_v4(IPv4Address(address.packed[-4:]))
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _NOT_PUBLIC_V6)
    )
