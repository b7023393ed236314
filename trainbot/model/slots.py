"""Slots of a host: each lab there has a number, which alone determines its MAC address, IP address and interface name.

``host prepare`` configures them all once (DHCP, packet filters), so a lab cannot use another's addresses, and the bot
knows where to reach a lab before it is made.  Pure.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

MOST = 1000


def mac_address(slot: int) -> str:
    """The lab's MAC address, in Xen's own range (00:16:3e, https://standards-oui.ieee.org)."""
    _check(slot)
    return f"00:16:3e:74:{slot >> 8:02x}:{slot & 255:02x}"


def address(subnet: str, slot: int) -> IPv4Address:
    """The lab's IP address: the host itself has the first address of the subnet, slot 1 the next one.  ValueError if
    the subnet is too small."""
    _check(slot)
    network = IPv4Network(subnet)
    if slot + 1 >= network.num_addresses - 1:
        raise ValueError(f"{subnet} is too small for {slot} labs")
    return network[slot + 1]


def interface(slot: int) -> str:
    """The name of the lab's network interface in dom0; at most 15 characters (netdevice(7))."""
    _check(slot)
    return f"tb{slot}"


def free_slot(taken: set[int]) -> int:
    """The lowest slot that is free."""
    return next(slot for slot in range(1, MOST + len(taken) + 2) if slot not in taken)


def _check(slot: int) -> None:
    if not 1 <= slot <= MOST:
        raise ValueError(f"{slot} is not a slot: 1 to {MOST}")
