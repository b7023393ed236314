"""The labs' network on a host, as libvirt has it (https://libvirt.org/formatnetwork.html)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from ipaddress import IPv4Address
from typing import Any


def static_addresses(xml: str) -> dict[str, str]:
    """MAC (lower case) -> IPv4 address, of those that the network's DHCP server always gives out so."""
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
            continue  # IPv6, or nothing
    return found


class LibvirtNetwork:
    """Read once for a connection, and again when it has changed or a lab is asked for that was not in it, but then
    no more than once for each reading of the host.  libvirt's exceptions pass through."""

    def __init__(self, connection: Any, name: str) -> None:
        self._connection = connection
        self._name = name
        self._known: dict[str, str] = {}
        self._may_read = True

    def changed(self) -> None:
        """From any thread."""
        self._known = {}
        self._may_read = True

    def look_again(self) -> None:
        """A new reading of the host begins."""
        self._may_read = True

    def address(self, mac: str) -> str | None:
        """Where the lab with this MAC is always reached; None where that is up to a lease."""
        if mac not in self._known and self._may_read:
            self._may_read = False
            self._known = self._read()
        return self._known.get(mac)

    def _read(self) -> dict[str, str]:
        for network in self._connection.listAllNetworks(0):
            if network.name() == self._name:
                return static_addresses(network.XMLDesc(0))
        return {}
