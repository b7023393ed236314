"""Seats of a host: each lab there has a number, and from it alone its MAC address, IP address and interface name.

``host prepare`` writes them all down once (DHCP, packet filters), so that a lab can neither wear another's addresses
nor be waited for: where it will be reached is known before it is made.  Pure.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

MOST = 1000


def mac_address(slot: int) -> str:
    """In Xen's own range (00:16:3e, https://standards-oui.ieee.org)."""
    _check(slot)
    return f"00:16:3e:74:{slot >> 8:02x}:{slot & 255:02x}"


def address(subnet: str, slot: int) -> IPv4Address:
    """The host itself has the first address of the subnet, seat 1 the one after it; ValueError where it is too small."""
    _check(slot)
    network = IPv4Network(subnet)
    if slot + 1 >= network.num_addresses - 1:
        raise ValueError(f"{subnet} is too small for {slot} labs")
    return network[slot + 1]


def interface(slot: int) -> str:
    """The name of its network interface in dom0; at most 15 letters (netdevice(7))."""
    _check(slot)
    return f"tb{slot}"


def free_slot(taken: set[int]) -> int:
    """The lowest that nobody has."""
    return next(slot for slot in range(1, MOST + len(taken) + 2) if slot not in taken)


def _check(slot: int) -> None:
    if not 1 <= slot <= MOST:
        raise ValueError(f"{slot} is not a slot: 1 to {MOST}")
