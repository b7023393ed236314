"""The packet filters, loaded by the kernel: what a learner who is root in a lab cannot do."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from frames import EVERYBODY, MARK, arp, dhcp, ether, ip, tagged, udp
from wires import BRIDGE_MAC, DOM0, LABS, MACS, OUTSIDE, SUBNET, Wires

from trainbot.ops.host_setup.filters import ruleset

ME, OTHER = MACS
MINE, OTHERS = LABS

FORGED = {
    "an address of another lab": ip(ME, BRIDGE_MAC, OTHERS, DOM0),
    "an address of nobody": ip(ME, BRIDGE_MAC, "10.77.1.200", DOM0),
    "an address of outside": ip(ME, BRIDGE_MAC, "192.0.2.99", DOM0),
    "the hardware address of another lab": ip(OTHER, BRIDGE_MAC, MINE, DOM0),
    "both of another lab": ip(OTHER, BRIDGE_MAC, OTHERS, DOM0),
    "dom0's own address": ip(BRIDGE_MAC, EVERYBODY, DOM0, MINE),
    "ARP: I have another lab's address": arp(ME, BRIDGE_MAC, ME, OTHERS, DOM0, 2),
    "ARP: another lab's address is at another's place": arp(ME, BRIDGE_MAC, OTHER, OTHERS, DOM0, 2),
    "ARP: my address is at another's place": arp(ME, BRIDGE_MAC, OTHER, MINE, DOM0, 2),
    "ARP: I have dom0's address": arp(ME, EVERYBODY, ME, DOM0, DOM0, 2),
    "ARP: the frame is another's": arp(OTHER, BRIDGE_MAC, ME, MINE, DOM0),
    "ARP: who else is there": arp(ME, EVERYBODY, ME, MINE, OTHERS),
    "ARP: dom0's other addresses": arp(ME, EVERYBODY, ME, MINE, "192.0.2.1"),
    "IPv6": ether(ME, "33:33:00:00:00:01", 0x86DD, bytes.fromhex("6000000000003a40") + bytes(32)),
    "another protocol": ether(ME, EVERYBODY, 0x88CC, bytes(46)),
    "a tagged frame": tagged(ip(ME, BRIDGE_MAC, MINE, DOM0), 5),
    "a tagged forgery": tagged(ip(ME, BRIDGE_MAC, OTHERS, DOM0), 0),
    "a fragment": ip(ME, BRIDGE_MAC, MINE, DOM0, fragment=0x2000),
    "a later fragment": ip(ME, BRIDGE_MAC, MINE, DOM0, fragment=0x0010),
    "a group's own hardware address": ip("01:16:3e:74:00:01", BRIDGE_MAC, MINE, DOM0),
    **{
        f"a frame to reserved group {number}": ether(OTHER, f"01:80:c2:00:00:{number:02x}", 0x88CC, bytes(46))
        for number in range(16)
    },  # the bridge has a way in of its own for them
    "DHCP for another lab": dhcp(ME, OTHER),
    "DHCP for another lab, from my address": dhcp(ME, OTHER, MINE),
    "DHCP as another lab": dhcp(OTHER, OTHER),
    "DHCP from another's address": dhcp(ME, ME, OTHERS),
    "DHCP to somebody else": dhcp(ME, ME, MINE, OTHERS),
    "a DHCP server": ip(ME, EVERYBODY, MINE, "255.255.255.255", udp(68, 67, b"")),
}


def heard_in_dom0(wires: Wires, *frames: str) -> list[str]:
    """What of ``frames``, sent by the first lab, dom0 hears; a frame that surely comes through ends it."""
    wires.dom0("sniff", "tb-labs")
    wires.labs[0]("send", "eth0", *frames, ip(ME, BRIDGE_MAC, MINE, DOM0, marker=MARK))
    return wires.dom0("heard", "tb-labs", MARK.hex())


def test_the_file_is_as_it_was_read_by_a_person() -> None:
    """Whoever changes the rules sees the whole of what changes."""
    golden = Path(__file__).with_name("golden") / "labs.nft"
    assert ruleset(SUBNET, 3, ("192.0.2.7:3128", "192.0.2.8:80")) == golden.read_text(encoding="utf-8")


def test_many_labs_are_loaded_as_well() -> None:
    """A host with 200 seats gets its rules, twice in a row, and without anything allowed."""
    rules = ruleset(SUBNET, 200, ())  # an ordinary user's buffer holds no more
    done = subprocess.run(
        ["unshare", "-Urn", "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "nft", "-f", "-"],
        input=rules + rules,
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("what", FORGED)
def test_nobody_wears_anothers_addresses(wires: Wires, what: str) -> None:
    """What a lab sends under any but its own hardware and IP address never reaches dom0, nor another lab, nor the
    bridge's memory of who is where."""
    wires.labs[1]("sniff", "eth0")
    wires.dom0("sniff", "tb-labs")
    wires.labs[1]("send", "eth0", ip(OTHER, BRIDGE_MAC, OTHERS, DOM0, marker=MARK))  # the bridge knows where it is
    wires.dom0("heard", "tb-labs", MARK.hex())
    assert heard_in_dom0(wires, FORGED[what]) == []
    assert f"{OTHER} dev tb2" in wires.dom0.sh("bridge fdb show br tb-labs")
    assert f"{OTHER} dev tb1" not in wires.dom0.sh("bridge fdb show br tb-labs")
    wires.dom0("send", "tb-labs", ip(BRIDGE_MAC, OTHER, DOM0, OTHERS, marker=MARK))
    assert wires.labs[1]("heard", "eth0", MARK.hex()) == []


def test_what_a_lab_needs_comes_through(wires: Wires) -> None:
    """Its own address, ARP for dom0 and DHCP for itself reach dom0."""
    frames = [
        ip(ME, BRIDGE_MAC, MINE, DOM0),
        arp(ME, EVERYBODY, ME, MINE, DOM0),
        dhcp(ME, ME),
        dhcp(ME, ME, MINE),
        dhcp(ME, ME, MINE, DOM0),
    ]
    heard = heard_in_dom0(wires, *frames)
    assert [frame.startswith(came) for frame, came in zip(frames, heard, strict=True)] == [True] * len(frames)


def test_dhcp_has_a_pace(wires: Wires) -> None:
    """A lab that asks for its address without end takes dom0 no more time than one that asks now and then, and no
    other lab waits for it."""
    heard = heard_in_dom0(wires, *[dhcp(ME, ME)] * 500)
    assert 20 <= len(heard) < 100
    wires.labs[1]("send", "eth0", dhcp(OTHER, OTHER), ip(OTHER, BRIDGE_MAC, OTHERS, DOM0, marker=MARK))
    assert wires.dom0("heard", "tb-labs", MARK.hex()) == [dhcp(OTHER, OTHER)]


@pytest.mark.parametrize(
    "frame",
    [
        ip(ME, OTHER, MINE, OTHERS),
        ip(ME, EVERYBODY, MINE, "10.77.3.255"),
        ip(ME, "01:00:5e:00:00:fb", MINE, "224.0.0.251"),
        ip(ME, BRIDGE_MAC, MINE, OTHERS),
        arp(ME, OTHER, ME, MINE, OTHERS, 2),
        arp(ME, EVERYBODY, ME, MINE, MINE),
    ],
    ids=["to it", "to all", "to a group", "by way of dom0", "ARP", "ARP to all"],
)
def test_no_lab_reaches_another(wires: Wires, frame: str) -> None:
    """Neither on the bridge nor by way of dom0 does anything go from lab to lab, under their right names as well."""
    wires.labs[1]("sniff", "eth0")
    heard_in_dom0(wires, frame)
    wires.dom0("send", "tb-labs", ip(BRIDGE_MAC, OTHER, DOM0, OTHERS, marker=MARK))
    assert wires.labs[1]("heard", "eth0", MARK.hex()) == []


def test_no_lab_reads_what_is_for_another(wires: Wires) -> None:
    """What dom0 sends to a lab that is not there goes to no other one, though a bridge sends it everywhere."""
    wires.labs[1]("sniff", "eth0")
    wires.dom0(
        "send",
        "tb-labs",
        ip(BRIDGE_MAC, "00:16:3e:74:00:03", DOM0, "10.77.0.4"),
        ip(BRIDGE_MAC, EVERYBODY, DOM0, "10.77.3.255"),
        ip(BRIDGE_MAC, OTHER, DOM0, OTHERS, marker=MARK),
    )
    assert wires.labs[1]("heard", "eth0", MARK.hex()) == []


def test_dom0_reaches_labs_and_they_do_not_reach_dom0(wires: Wires) -> None:
    """dom0 connects to a lab's ssh; a lab does not connect to any of dom0's addresses."""
    wires.labs[0]("listen", MINE, 22)
    for address, port in ((DOM0, 22), ("192.0.2.1", 16509)):
        wires.dom0("listen", address, port)
        wires.labs[0]("connect_ssh", address, port)
    wires.dom0("connect", MINE, 22)
    assert wires.labs[0]("accepted", 22) == DOM0
    assert [wires.dom0("accepted", port) for port in (22, 16509)] == ["", ""]


def test_outside_is_what_is_allowed_and_nothing_else(wires: Wires) -> None:
    """The one endpoint that is allowed is reached, and sees dom0's address; another port there is not, and from
    outside no lab is reached."""
    for port in (3128, 80):
        wires.outside("listen", OUTSIDE, port)
    wires.labs[0]("listen", MINE, 22)
    wires.labs[0]("connect_ssh", OUTSIDE, 80)
    wires.outside("connect_ssh", MINE, 22)
    wires.labs[0]("connect", OUTSIDE, 3128)
    assert wires.outside("accepted", 3128) == "192.0.2.1"
    assert wires.outside("accepted", 80) == ""
    wires.dom0("connect", MINE, 22)
    assert [wires.labs[0]("accepted", 22), wires.labs[0]("accepted", 22)] == [DOM0, ""]


def test_an_endpoint_on_dom0_itself_can_be_allowed(wires: Wires, tmp_path: Path) -> None:
    """A package proxy on dom0 is reached where it is allowed, and nothing else there."""
    rules = tmp_path / "allow.nft"
    rules.write_text(ruleset(SUBNET, 3, (f"{DOM0}:3142",)))
    wires.dom0.sh(f"nft -f {rules}")
    for port in (3142, 22):
        wires.dom0("listen", DOM0, port)
    wires.labs[0]("connect_ssh", DOM0, 22)
    wires.labs[0]("connect", DOM0, 3142)
    assert [wires.dom0("accepted", 3142), wires.dom0("accepted", 22)] == [MINE, ""]


def test_a_lab_has_only_so_many_connections_at_once(wires: Wires) -> None:
    """One lab cannot fill the host's table of connections; another's come through all the while."""
    wires.outside.sh("echo 4096 > /proc/sys/net/core/somaxconn")
    wires.outside("listen", OUTSIDE, 3128)
    for _ in range(230):
        wires.labs[0]("connect_ssh", OUTSIDE, 3128)
    wires.labs[1]("connect", OUTSIDE, 3128)
    came = len(list(iter(lambda: wires.outside("accepted", 3128), "")))
    assert 100 < came <= 201


def test_dnsmasq_gives_each_lab_its_own_address(wires: Wires, tmp_path: Path) -> None:
    """A real DHCP server, told the seats as libvirt tells it, answers each lab with its seat's address, through the
    filters."""
    server = subprocess.Popen(
        [
            *wires.dom0.enter,
            "/usr/sbin/dnsmasq",
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=tb-labs",
            "--bind-dynamic",
            "--dhcp-authoritative",
            "--no-ping",
            f"--dhcp-range={DOM0},static,255.255.252.0",
            f"--dhcp-leasefile={tmp_path / 'leases'}",
            "--pid-file=",
            *(f"--dhcp-host={mac},{address}" for mac, address in zip(MACS, LABS, strict=True)),
        ],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert server.stderr
    try:
        for line in server.stderr:
            if "sockets bound exclusively" in line:
                break
        for lab, mac, address in zip(wires.labs, MACS, LABS, strict=True):
            lab("sniff", "eth0")
            lab("send", "eth0", dhcp(mac, mac))
            offer = socket.inet_aton(address) + socket.inet_aton(DOM0)  # yiaddr, siaddr
            lab("heard", "eth0", offer.hex())
    finally:
        server.kill()
        server.communicate()
