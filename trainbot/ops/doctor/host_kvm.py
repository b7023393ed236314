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
    host, trouble = wanted.host, no_kvm(facts.kvm, facts.emulator)
    cost = emulation_cost(host.labs, facts.cpus)
    if trouble is None:
        if not facts.kvm.works:  # not tried
            return []
        if host.kvm is False:
            return [
                words.note("KVM works there, but bot.ini has kvm = no", cost, f"remove that from [host.{host.name}]")
            ]
        return [words.ok(f"KVM works there ({facts.kvm.module or 'no module'})")]
    what = f"KVM does not work there ({trouble.why})"
    if host.kvm or (host.kvm is None and facts.kvm.offered):  # then labs are started with it
        return [words.wrong(what, "so labs do not start", f"{trouble.mend}, or set kvm = no in [host.{host.name}]")]
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
