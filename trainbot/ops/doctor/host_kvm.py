"""Findings about a KVM host: what its QEMU runs on, and what keeps it in.  Pure."""

from __future__ import annotations

from trainbot.ops.doctor.finding import Finding, Findings
from trainbot.ops.host_setup.acceleration import emulation_cost, no_kvm
from trainbot.ops.host_setup.plan_kvm import old_libvirt, unconfined
from trainbot.ops.host_setup.state import DesiredState, HostFacts


def kvm_findings(words: Findings, facts: HostFacts, wanted: DesiredState) -> list[Finding]:
    return [*_acceleration(words, facts, wanted), *_confinement(words, facts), *_version(words, facts)]


def _acceleration(words: Findings, facts: HostFacts, wanted: DesiredState) -> list[Finding]:
    if facts.kvm is None:
        return []
    trouble = no_kvm(facts.kvm, facts.emulator)
    if trouble is None:
        return [words.ok(f"its hardware virtualisation works ({facts.kvm.module or 'KVM'})")] if facts.kvm.works else []
    what, cost = f"KVM does not work there: {trouble.why}", emulation_cost(wanted.host.labs, facts.cpus)
    return [words.wrong(what, cost, trouble.mend) if trouble.fault else words.note(what, cost, trouble.mend)]


def _confinement(words: Findings, facts: HostFacts) -> list[Finding]:
    if not facts.virsh or facts.security & {"apparmor", "selinux"}:
        return []
    said, _, mend = unconfined(facts).partition(": ")
    what, _, why = said.partition(", ")
    return [words.note(what, why, mend)]


def _version(words: Findings, facts: HostFacts) -> list[Finding]:
    if not (old := old_libvirt(facts)):
        return []
    return [
        words.wrong(
            f"its libvirt is {old}, which was never tried",
            "so labs may not start there",
            "upgrade it to Debian 12 or Ubuntu 24.04, or newer",
        )
    ]
