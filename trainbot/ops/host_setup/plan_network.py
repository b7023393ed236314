"""Plans the labs' network: conflicts on the host, and the step that creates or changes it.  Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from ipaddress import IPv4Network

from trainbot.ops.host_setup.network import desired_network, network_xml
from trainbot.ops.host_setup.state import BRIDGE, GROUPS, DesiredState, HostFacts, NetworkState, SetupStep

_DEFINE = """\
xml=$(mktemp)
cat >"$xml" <<'END'
{xml}END
virsh net-define "$xml"
rm -f "$xml"
virsh net-autostart {name}
"""
_SET = f"echo {GROUPS} >/sys/class/net/{BRIDGE}/bridge/group_fwd_mask\n"


def network_refusals(facts: HostFacts, desired: DesiredState) -> list[str]:
    """One sentence for each conflict: nothing that trainbot did not create is touched, and no lab is cut off."""
    host, found = desired.host, []
    there = facts.network
    if there is not None and not (there.ours and there.bridge == BRIDGE):
        found.append(
            f"libvirt on {host.name} has a network {host.network} that is not trainbot's: set "
            f"another name with network in [host.{host.name}], or remove that one there (virsh net-undefine)"
        )
    ours = there is not None and there.ours
    foreign = there is not None and not ours
    if facts.others:
        found.append(
            f"libvirt on {host.name} has another network on the bridge {BRIDGE} ({' '.join(facts.others)}): "
            "remove it there; trainbot does not touch it"
        )
    elif facts.bridge and not foreign and not (ours and facts.live is not None) and (facts.virsh or not facts.filed):
        found.append(
            f"{host.name} already has a bridge {BRIDGE}, which trainbot did not create: rename or remove it there"
        )
    for route, interface in facts.routes:
        if interface != BRIDGE and route != "default" and IPv4Network(host.subnet).overlaps(_network(route)):
            found.append(
                f"the subnet {host.subnet} is in use on {host.name} ({route} on {interface}): "
                f"set another one with subnet in [host.{host.name}]"
            )
            break
    if facts.ports and ours:
        found += _running(facts, desired)
    return found


def _running(facts: HostFacts, desired: DesiredState) -> list[str]:
    """Changes that running labs do not allow."""
    host, plan = desired.host, desired_network(desired)
    away = f"give them back, or type !drain {host.name} now, then prepare {host.name} again"
    if facts.live is not None and replace(facts.live, hosts=plan.hosts) != plan:
        return [
            f"{len(facts.ports)} running labs use the network of {host.name}, which has to be recreated (its "
            f"subnet or form has changed): {away}"
        ]
    beyond = [
        port
        for port in facts.ports
        if (match := re.fullmatch(r"tb(\d{1,4})(-emu)?", port)) and int(match[1]) not in desired.slots
    ]
    if beyond:
        return [
            f"labs in slots above labs = {host.labs} are running on {host.name} ({' '.join(sorted(beyond))}): {away}"
        ]
    return []


def network_step(facts: HostFacts, desired: DesiredState) -> SetupStep:
    """Recreates and restarts the network if it differs; while labs run, only changes its addresses, one by one."""
    host, plan, name = desired.host, desired_network(desired), shlex.quote(desired.host.network)
    shell = desired.hypervisor.shell
    now = f"{host.network} on {BRIDGE}, {host.subnet}, {len(plan.hosts)} addresses"
    settled = facts.network == plan and facts.live == plan and facts.autostart
    if settled and facts.groups == GROUPS and (facts.forwarding or not host.allow):
        return SetupStep("network", now)
    if settled:  # set when the network starts; somebody has changed it since
        return SetupStep(
            "network",
            now,
            "set its bridge and IP forwarding",
            "set its bridge and IP forwarding",
            shell + _SET + ("sysctl -q -w net.ipv4.ip_forward=1\n" if host.allow else ""),
        )
    if facts.network is None:
        return SetupStep(
            "network",
            f"no network {host.network}",
            f"create {now}",
            f"created {now}",
            shell + _DEFINE.format(xml=network_xml(desired), name=name) + f"virsh net-start {name}\n" + _SET,
        )
    if facts.ports and facts.live is not None and facts.live.hosts != plan.hosts:
        return SetupStep(
            "network",
            f"{host.network} with {len(facts.live.hosts)} addresses, in use",
            f"change its addresses to {len(plan.hosts)}",
            f"changed its addresses to {len(plan.hosts)}",
            shell + _updates(facts.live, plan, name) + _DEFINE.format(xml=network_xml(desired), name=name) + _SET,
            900.0,
        )
    again = "" if facts.ports else f"virsh net-destroy {name}\n" if facts.live is not None else ""
    start = ("" if facts.ports else f"virsh net-start {name}\n") + _SET
    return SetupStep(
        "network",
        f"{host.network} differs",
        f"recreate it: {now}",
        f"recreated it: {now}",
        shell + again + _DEFINE.format(xml=network_xml(desired), name=name) + start,
    )


def _updates(live: NetworkState, plan: NetworkState, name: str) -> str:
    def line(verb: str, pair: tuple[str, str]) -> str:
        entry = shlex.quote("<host mac='{}' ip='{}'/>".format(*pair))
        return f"virsh net-update {name} {verb} ip-dhcp-host {entry} --live\n"

    changes = (("delete", live.hosts - plan.hosts), ("add", plan.hosts - live.hosts))
    return "".join(line(verb, pair) for verb, pairs in changes for pair in sorted(pairs))


def _network(route: str) -> IPv4Network:
    try:
        return IPv4Network(route, strict=False)
    except ValueError:  # "unreachable", "blackhole": no subnet
        return IPv4Network("0.0.0.0/32")
