"""Writes and reads the labs' network as libvirt XML (https://libvirt.org/formatnetwork.html).  Pure.

Forward mode "open": libvirt adds no packet filters of its own; ours are in filters.py.
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from ipaddress import IPv4Network

from trainbot.ops.host_setup.state import BRIDGE, DesiredState, NetworkState

OURS = "urn:trainbot:network:1"
ET.register_namespace("trainbot-network", OURS)


def desired_network(desired: DesiredState) -> NetworkState:
    subnet = IPv4Network(desired.host.subnet)
    return NetworkState(
        ours=True,
        bridge=BRIDGE,
        forward="open",
        stp=False,
        delay=0,
        address=str(subnet[1]),
        netmask=str(subnet.netmask),
        hosts=frozenset(desired.addresses.items()),
        ranges=0,
        dns=False,
    )


def network_xml(desired: DesiredState) -> str:
    """Input for ``virsh net-define``; the UUID is derived from the name, so that defining it again replaces it."""
    plan = desired_network(desired)
    network = ET.Element("network")
    ET.SubElement(network, "name").text = desired.host.network
    ET.SubElement(network, "uuid").text = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{OURS}:{desired.host.network}"))
    ET.SubElement(ET.SubElement(network, "metadata"), f"{{{OURS}}}network")
    ET.SubElement(network, "forward", mode=plan.forward)
    ET.SubElement(network, "bridge", name=plan.bridge, stp="off", delay="0")
    ET.SubElement(network, "dns", enable="no")
    dhcp = ET.SubElement(ET.SubElement(network, "ip", address=plan.address, netmask=plan.netmask), "dhcp")
    for mac, address in desired.addresses.items():
        ET.SubElement(dhcp, "host", mac=mac, ip=address)
    ET.indent(network)
    return ET.tostring(network, encoding="unicode") + "\n"


def read(xml: ET.Element) -> NetworkState:
    bridge, ip, dns = xml.find("bridge"), xml.find("ip"), xml.find("dns")
    hosts = xml.findall("ip/dhcp/host")
    forward = xml.find("forward")
    return NetworkState(
        ours=xml.find(f"metadata/{{{OURS}}}network") is not None,
        bridge=bridge.get("name", "") if bridge is not None else "",
        forward=forward.get("mode", "nat") if forward is not None else "",
        stp=bridge is None or bridge.get("stp", "on") == "on",
        delay=_whole(bridge.get("delay", "0") if bridge is not None else "0"),
        address=ip.get("address", "") if ip is not None else "",
        netmask=ip.get("netmask", "") if ip is not None else "",
        hosts=frozenset((host.get("mac", "").lower(), host.get("ip", "")) for host in hosts),
        ranges=len(xml.findall("ip/dhcp/range")) + max(0, len(xml.findall("ip")) - 1),
        dns=dns is None or dns.get("enable", "yes") != "no",
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
