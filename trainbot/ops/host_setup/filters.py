"""The packet filters of a host, as a file for nft(8).  Pure.

Interface names, MAC and IP addresses follow from the slot (model.slots), so what a lab may use is in sets that are
written once.  What these tables accept, another may still drop: the host's own rules stay in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from trainbot.model import slots
from trainbot.ops.host_setup.state import BRIDGE

# Concurrent connections of one lab through the host, whose connection table all labs share.
_CONNECTIONS = 200


def ruleset(subnet: str, labs: int, allow: Sequence[str]) -> str:
    """Rules that replace both of our tables at once; ``allow``: ADDRESS:PORT (TCP) each."""
    network = IPv4Network(subnet)
    wears, owns, asks = [], [], []
    for slot in range(1, labs + 1):
        mac = slots.mac_address(slot)
        # an HVM lab uses the second name until its driver finds Xen's own network card
        for name in (slots.interface(slot), f"{slots.interface(slot)}-emu"):
            wears.append(f'"{name}" . {mac} . {slots.address(subnet, slot)}')
            owns.append(f'"{name}" . {mac}')
            asks.append(f'"{name}" . 0x{mac.replace(":", "")}')
    first = str(network[1])
    return (
        _HEAD
        + _BRIDGE.format(
            wears=_elements(wears),
            owns=_elements(owns),
            asks=_elements(asks),
            first=first,
            from_labs=_lines("iifname", "jump from_lab"),
            between_in=_lines("iifname", "drop"),
            between_out=_lines("oifname", "drop"),
            to_labs=_lines("oifname", "jump to_lab"),
        )
        + _INET.format(bridge=BRIDGE, connections=_CONNECTIONS, subnet=subnet, allowed=_allowed(allow))
    )


def _allowed(allow: Sequence[str]) -> str:
    return _elements(word.replace(":", " . ") for word in dict.fromkeys(allow)) if allow else ""


def _elements(values: Iterable[str]) -> str:
    return "\n        elements = {\n            " + ",\n            ".join(values) + "\n        }"


def _lines(what: str, then: str) -> str:
    """A rule for every possible interface of a lab, whether or not that slot exists."""
    return "\n        ".join(f'{what} "tb{digit}*" {then}' for digit in range(1, 10))


_HEAD = """\
# Written by trainbot host prepare, which overwrites it: what labs may send and receive.  Other tables are not touched.
table bridge trainbot
delete table bridge trainbot
table inet trainbot
delete table inet trainbot

"""

_BRIDGE = """\
table bridge trainbot {{
    # the identity of each lab: interface, MAC address, IP address
    set wears {{
        type ifname . ether_addr . ipv4_addr{wears}
    }}
    set owns {{
        type ifname . ether_addr{owns}
    }}
    # the hardware address in a DHCP message (RFC 2131, chaddr: at byte 28, after 8 bytes of UDP header)
    set asks {{
        typeof iifname . @th,288,48{asks}
    }}
    set often {{
        type ifname
        size 4096
        flags dynamic,timeout
        timeout 1m
    }}

    chain prerouting {{
        type filter hook prerouting priority -350; policy accept;
        {from_labs}
    }}

    # Frames to 01:80:c2:00:00:02 skip prerouting and arrive here, and the bridge would learn from them; so do those to
    # the rest of that range if the bridge's group_fwd_mask is not what host prepare sets.
    chain input {{
        type filter hook input priority -350; policy accept;
        ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 jump reserved
    }}

    chain reserved {{
        {between_in}
    }}

    chain from_lab {{
        ether saddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 drop
        ether type ip ip frag-off & 0x3fff != 0 drop
        ether type ip udp dport 67 goto dhcp
        ether type ip iifname . ether saddr . ip saddr @wears accept
        ether type arp iifname . ether saddr . arp saddr ip @wears iifname . arp saddr ether . arp saddr ip @wears \
arp daddr ip {first} accept
        drop
    }}

    chain dhcp {{
        iifname . ether saddr @owns iifname . @th,288,48 @asks udp sport 68 jump dhcp_pace
        drop
    }}

    chain dhcp_pace {{
        update @often {{ iifname limit rate over 2/second burst 20 packets }} drop
        ip saddr 0.0.0.0 ip daddr 255.255.255.255 accept
        iifname . ether saddr . ip saddr @wears ip daddr {{ 255.255.255.255, {first} }} accept
    }}

    # Nothing passes from lab to lab, or through the bridge to another interface.
    chain forward {{
        type filter hook forward priority -350; policy accept;
        {between_in}
        {between_out}
    }}

    # A frame for an unknown address is flooded to every port: no lab may read another's frames.
    chain output {{
        type filter hook output priority -350; policy accept;
        {to_labs}
    }}

    chain to_lab {{
        oifname . ether daddr @owns ether type {{ ip, arp }} accept
        ether daddr ff:ff:ff:ff:ff:ff ether type arp accept
        ether daddr ff:ff:ff:ff:ff:ff ether type ip udp sport 67 udp dport 68 accept
        drop
    }}
}}

"""

_INET = """\
table inet trainbot {{
    set allowed {{
        type ipv4_addr . inet_service{allowed}
    }}
    set connections {{
        type ipv4_addr
        size 4096
        flags dynamic
    }}

    chain input {{
        type filter hook input priority -10; policy accept;
        iifname "{bridge}" jump to_host
    }}

    chain forward {{
        type filter hook forward priority -10; policy accept;
        iifname "{bridge}" oifname "{bridge}" drop
        iifname "{bridge}" jump outside
        oifname "{bridge}" jump inside
    }}

    chain to_host {{
        ct state established,related accept
        meta nfproto ipv4 udp sport 68 udp dport 67 accept
        jump outside
    }}

    chain outside {{
        ip saddr {subnet} ip daddr . tcp dport @allowed jump not_too_many
        drop
    }}

    chain not_too_many {{
        ct state new add @connections {{ ip saddr ct count over {connections} }} drop
        accept
    }}

    chain inside {{
        ip saddr . tcp sport @allowed ct state established accept
        meta l4proto icmp ct state related accept
        drop
    }}

    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        ip saddr {subnet} oifname != "{bridge}" ip daddr . tcp dport @allowed masquerade
    }}
}}
"""
