"""Frames as they go over the wire, built by hand: what a kernel would not send, a learner who is root can.

Ethernet: IEEE 802.3; ARP: RFC 826; IPv4: RFC 791; UDP: RFC 768; DHCP: RFC 2131.
"""

from __future__ import annotations

import socket
import struct

EVERYBODY = "ff:ff:ff:ff:ff:ff"
NOBODY = "0.0.0.0"
MARK = b"this is the marker"


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ether(source: str, to: str, kind: int, body: bytes) -> str:
    return (mac(to) + mac(source) + struct.pack("!H", kind) + body).ljust(60, b"\0").hex()


def tagged(frame: str, tag: int) -> str:
    """With an 802.1Q tag."""
    return frame[:24] + f"8100{tag:04x}" + frame[24:]


def arp(source: str, to: str, sender_mac: str, sender: str, target: str, verb: int = 1) -> str:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, verb) + mac(sender_mac) + socket.inet_aton(sender)
    return ether(source, to, 0x0806, body + mac("00:00:00:00:00:00") + socket.inet_aton(target))


def ip(
    source_mac: str,
    to_mac: str,
    source: str,
    to: str,
    body: bytes = b"",
    protocol: int = 17,
    fragment: int = 0,
    marker: bytes = b"",
) -> str:
    body = body or udp(9, 9, marker)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(to)
    return ether(source_mac, to_mac, 0x0800, head[:10] + struct.pack("!H", _sum(head)) + head[12:] + body)


def udp(source: int, to: int, body: bytes) -> bytes:
    return struct.pack("!HHHH", source, to, 8 + len(body), 0) + body  # no checksum


def dhcp(source_mac: str, chaddr: str, source: str = NOBODY, to: str = "255.255.255.255") -> str:
    """DHCPDISCOVER, to be answered by broadcast."""
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x7472626F, 0, 0x8000) + bytes(16) + mac(chaddr).ljust(16, b"\0")
    body = head + bytes(192) + bytes.fromhex("63825363") + bytes((53, 1, 1, 255))
    return ip(source_mac, EVERYBODY, source, to, udp(68, 67, body))


def _sum(head: bytes) -> int:
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
