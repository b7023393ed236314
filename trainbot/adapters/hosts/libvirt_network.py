"""The labs' network on a host, as libvirt describes it (https://libvirt.org/formatnetwork.html)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from ipaddress import IPv4Address
from typing import Any


def static_addresses(xml: str) -> dict[str, str]:
    """Returns MAC (lower case) -> IPv4 address, for the fixed addresses that the network's DHCP server hands out."""
    try:
        hosts = ET.fromstring(xml).findall("ip/dhcp/host")
    except ET.ParseError:
        return {}
    found = {}
    for host in hosts:
        mac, address = host.get("mac"), host.get("ip", "")
        try:
            if mac:
                found[mac.lower()] = str(IPv4Address(address))
        except ValueError:
            continue  # IPv6, or no address
    return found


class LibvirtNetwork:
    """The labs' network.  It is read once per connection, and again when it has changed or an unknown lab is asked for,
    but in that case at most once per reading of the host.  libvirt's exceptions pass through."""

    def __init__(self, connection: Any, name: str) -> None:
        self._connection = connection
        self._name = name
        self._known: dict[str, str] = {}
        self._may_read = True

    def changed(self) -> None:
        """Forgets what was read.  May be called from any thread."""
        self._known = {}
        self._may_read = True

    def look_again(self) -> None:
        """Starts a new reading of the host."""
        self._may_read = True

    def address(self, mac: str) -> str | None:
        """Returns the fixed address of the lab with this MAC, or None if its address comes from a lease."""
        if mac not in self._known and self._may_read:
            self._may_read = False
            self._known = self._read()
        return self._known.get(mac)

    def _read(self) -> dict[str, str]:
        for network in self._connection.listAllNetworks(0):
            if network.name() == self._name:
                return static_addresses(network.XMLDesc(0))
        return {}
