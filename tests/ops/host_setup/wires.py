"""dom0's network without Xen: namespaces for dom0, two labs and a machine outside, joined by pairs of veth.

All in a user namespace of our own, so that an ordinary user may make it and nothing of this machine is touched.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from trainbot.model import slots
from trainbot.ops.host_setup.state import GROUPS

SUBNET = "10.77.0.0/22"
DOM0, LABS, OUTSIDE = "10.77.0.1", ("10.77.0.2", "10.77.0.3"), "192.0.2.7"
MACS = tuple(slots.mac_address(slot) for slot in (1, 2))
BRIDGE_MAC = "52:54:00:77:00:01"
_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

# What Xen and libvirt make: labs' interfaces tb1 and tb2 on the bridge, dom0's own address there, one way outside.
_LAYOUT = f"""
set -e
for name in all default; do echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6; done
ip link set lo up
ip link add tb-labs address {BRIDGE_MAC} type bridge stp_state 0 forward_delay 0 mcast_snooping 0 \
    group_fwd_mask {GROUPS}
ip addr add {DOM0}/22 dev tb-labs
ip link add tb1 type veth peer name eth0 address {MACS[0]} netns $lab1
ip link add tb2 type veth peer name eth0 address {MACS[1]} netns $lab2
ip link add wan0 type veth peer name eth0 netns $outside
ip link set tb1 master tb-labs
ip link set tb2 master tb-labs
ip addr add 192.0.2.1/24 dev wan0
for name in tb-labs tb1 tb2 wan0; do ip link set $name up; done
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
_QUIET = "set -e\nfor name in all default; do echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6; done\n"
_END = "set -e\nip link set lo up\nip link set eth0 up\n"
# a port that comes up makes the bridge forget what it knew
_FORWARDING = "until [ $(bridge link | grep -c 'LOWER_UP.* state forwarding') = 2 ]; do sleep 0.02; done"


class Space:
    """One namespace, with an agent in it."""

    def __init__(self, parent: Space | None) -> None:
        enter = [*parent.enter, "unshare", "-n"] if parent else ["unshare", "-Urn"]
        self._process = subprocess.Popen(
            [*enter, sys.executable, str(Path(__file__).with_name("agent.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout and self._process.stdout.readline() == "null\n"  # it has entered
        self.enter = ["nsenter", "-t", str(self._process.pid), "-U", "-n", "--preserve-credentials"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def __call__(self, *words: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert not (isinstance(answer, dict) and "error" in answer), (words, answer)
        return answer

    def sh(self, script: str) -> str:
        done = subprocess.run(
            [*self.enter, "env", _PATH, "sh", "-c", script],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Wires:
    """``labs``: two, in the first two seats."""

    def __init__(self) -> None:
        self.dom0 = Space(None)
        self.labs = (Space(self.dom0), Space(self.dom0))
        self.outside = Space(self.dom0)
        pids = f"lab1={self.labs[0].pid} lab2={self.labs[1].pid} outside={self.outside.pid}"
        for space in (*self.labs, self.outside):
            space.sh(_QUIET)
        self.dom0.sh(f"{pids}\n{_LAYOUT}")
        for lab, address in zip(self.labs, LABS, strict=True):
            lab.sh(f"{_END}ip addr add {address}/22 dev eth0\nip route add default via {DOM0}\n")
        self.outside.sh(f"{_END}ip addr add {OUTSIDE}/24 dev eth0\nip route add 10.77.0.0/22 via 192.0.2.1\n")
        self.dom0.sh(_FORWARDING)

    def end(self) -> None:
        for space in (self.outside, *self.labs, self.dom0):
            space.end()
