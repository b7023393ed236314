"""Plans what only KVM hosts need: a user that reaches the labs' files, and the labs' share of the CPUs.  Pure.

virt-aa-helper (libvirt, src/security/virt-aa-helper.c) writes an AppArmor profile for each virtual machine from its
definition: its disk, that disk's image, kernel and initrd.  It leaves out files in the system's own folders, and its own
profile keeps it out of hidden folders of homes.
"""

from __future__ import annotations

import re
from pathlib import Path

from trainbot.ops.host_setup.acceleration import emulation_cost, no_kvm
from trainbot.ops.host_setup.state import OLDEST_LIBVIRT, DesiredState, HostFacts

_SYSTEM = re.compile(
    r"/(bin/|boot/|etc/|lib|lost\+found/|proc/|sbin/|selinux/|sys/"
    r"|usr/(bin/|lib|sbin/|share/|local/(bin/|etc/|lib|sbin/)))"
)
_HIDDEN = re.compile(r"/(root|home/[^/]+)/(\.[^/]+|bin)/")


def kvm_refusals(facts: HostFacts, desired: DesiredState) -> list[str]:
    """One sentence for each reason why labs cannot run there, whatever is installed."""
    name, found = desired.host.name, []
    for folder in desired.pools.values():
        if confined(Path(folder)):
            found.append(
                f"AppArmor keeps virtual machines on {name} out of {folder}: set another folder in [host.{name}], "
                "for example below /var/lib/libvirt or /srv"
            )
    if facts.emulator == "root":
        found.append(
            f"QEMU runs as root on {name}, so a hole in it would be the learners' way to your host: remove the line "
            "user = from /etc/libvirt/qemu.conf there and restart libvirtd"
        )
    for path in facts.barred:
        who = f"{facts.emulator}, as whom QEMU runs on {name},"
        if any(Path(path).parent == Path(folder) for folder in desired.pools.values()):
            found.append(f"{who} cannot read {path}: chmod 644 {path} there")
        elif path not in desired.pools.values():  # otherwise it is given the right mode
            found.append(f"{who} cannot enter {path}: chmod o+x {path} there, or set another folder in [host.{name}]")
    return found


def confined(folder: Path) -> bool:
    """Whether AppArmor keeps libvirt's virtual machines out of this folder."""
    inside = f"{folder}/"
    return bool(_SYSTEM.match(inside) or _HIDDEN.match(inside))


def kvm_notes(facts: HostFacts, desired: DesiredState) -> list[str]:
    """What the organiser should know, but trainbot cannot change."""
    found, name = [], desired.host.name
    if facts.kvm is not None and (trouble := no_kvm(facts.kvm, facts.emulator)):
        cost = emulation_cost(desired.host.labs, facts.cpus)
        if facts.kvm.offered and desired.host.kvm is not False:  # labs would be started with it
            cost = f"set kvm = no in [host.{name}], or labs do not start; then {cost.removeprefix('so ')}"
        found.append(f"{name} has no hardware virtualisation that works ({trouble.why}), {cost}: {trouble.mend}")
    if old := old_libvirt(facts):
        found.append(f"{name} has libvirt {old}, which was never tried: Debian 12 or Ubuntu 24.04 have a newer one")
    if facts.virsh and "apparmor" in facts.packages and not facts.security & {"apparmor", "selinux"}:
        found.append(unconfined(facts))
    return found


def unconfined(facts: HostFacts) -> str:
    """Why nothing keeps labs that break out of QEMU from each other, and what to do."""
    why = "so a lab that breaks out of QEMU reaches the disks of all labs"
    if "apparmor" not in facts.packages:
        return f"apparmor is not installed there, {why}: apt install apparmor there, then systemctl restart libvirtd"
    if not facts.apparmor:
        return f"AppArmor is off in its kernel, {why}: boot it with apparmor=1"
    return f"libvirt there does not use AppArmor, {why}: systemctl restart libvirtd there"


def old_libvirt(facts: HostFacts) -> str:
    """The version of a libvirt that is too old; '' if it is not, or unknown."""
    version = tuple(map(int, facts.libvirt.split(".")[:2])) if facts.libvirt else OLDEST_LIBVIRT
    return facts.libvirt if version < OLDEST_LIBVIRT else ""


def kvm_summary(facts: HostFacts) -> str:
    """The host in a few words."""
    whole, left = facts.memory
    libvirt = f"libvirt {facts.libvirt}" if facts.libvirt else "no libvirt yet"
    works = "no KVM" if facts.kvm is None or no_kvm(facts.kvm, facts.emulator) else "KVM"
    return f"{libvirt}, {works}, {facts.cpus or '?'} CPUs, {left} of {whole} MiB memory free"
