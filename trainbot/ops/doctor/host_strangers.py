"""Findings about the owner of a host, and about labs on it that are not ours.  Pure."""

from __future__ import annotations

import shlex
from collections import defaultdict

from trainbot.adapters.hosts import claim
from trainbot.adapters.hosts.libvirt_look import HostLook, SeenDomain
from trainbot.model.host import HostConfig
from trainbot.ops.doctor.finding import Finding, Findings

_OURS = "tb-"  # prefix of the names of our labs
_SHOWN = 4


def stranger_findings(words: Findings, host: HostConfig, look: HostLook, owner: str) -> list[Finding]:
    """``owner``: the installation's id, or '' if it has none yet."""
    found = []
    for other in claim.others(look.volumes or (), owner):
        found.append(
            words.wrong(
                f"it belongs to another trainbot (id {other[:64]})",
                "so this one creates no labs there",
                f"stop that one, or if it is gone for good: trainbot host take {host.name}",
            )
        )
    show = f"virsh -c {shlex.quote(host.uri)} list --all shows them"
    foreign: dict[str, list[SeenDomain]] = defaultdict(list)
    for domain in look.domains:
        if domain.owner is not None and domain.owner != owner:
            foreign[domain.owner].append(domain)
    for other, domains in sorted(foreign.items()):
        held = sum(domain.memory_mib for domain in domains if domain.running)
        found.append(
            words.wrong(
                f"{len(domains)} labs of another installation (id {other[:64]}) are there, with "
                f"{held} MiB: {_names(domains)}",
                "so a class cannot use their memory",
                f"{show}; if its database is lost for good, virsh destroy and virsh undefine each",
            )
        )
    alike = [domain for domain in look.domains if domain.owner is None and domain.name.startswith(_OURS)]
    if alike:
        found.append(
            words.note(
                f"{_names(alike)} {'has' if len(alike) == 1 else 'have'} a name like our labs', but "
                "no mark of trainbot",
                "so trainbot never touches it",
                show,
            )
        )
    return found


def _names(domains: list[SeenDomain]) -> str:
    names = sorted(domain.name[:64] for domain in domains)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
