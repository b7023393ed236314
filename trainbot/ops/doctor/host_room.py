"""Compares the labs that fit on a host with the number in bot.ini.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainbot.adapters.hosts.libvirt_look import HostLook
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.model.host import HostConfig
from trainbot.model.lab_image import LabImage
from trainbot.ops.doctor.finding import Finding, Findings
from trainbot.ops.host_setup.state import HostFacts


def room_findings(
    words: Findings,
    config: Config,
    host: HostConfig,
    images: Mapping[str, LabImage],
    look: HostLook | BackendError | None,
    facts: HostFacts | None,
    view: Mapping[str, Any] | None,
) -> list[Finding]:
    """Uses libvirt's figures, or else the running bot's latest ones."""
    if not images:
        return []
    largest = max(images.values(), key=lambda image: image.memory_mib)
    found, known = [], _memory(look, view, largest.memory_mib)
    if known is not None:
        found.append(_fits(words, host, largest, *known))
    disk = facts.disk_free if facts is not None else (view or {}).get("disk_free_mib")
    there = known[1] if known is not None else 0
    if isinstance(disk, int) and config.labs.disk and disk // config.labs.disk < host.labs - there:
        found.append(
            words.wrong(
                f"{disk} MiB of disk space are free, enough for only {disk // config.labs.disk} more of {host.labs} labs",
                "so a full class waits in the queue",
                f"free some disk space there, or set less per lab than disk = {config.labs.disk} in [labs]",
            )
        )
    return found


def _memory(look: HostLook | BackendError | None, view: Mapping[str, Any] | None, each: int) -> tuple[int, int] | None:
    """(MiB that labs have or could have, number of labs)."""
    if isinstance(look, HostLook):
        ours = [domain.memory_mib for domain in look.domains if domain.owner and domain.running]
        return look.free_mib + sum(ours), len(ours)
    if view is not None and isinstance(view.get("free_mib"), int):
        labs = int(view.get("labs") or 0)
        return view["free_mib"] + labs * each, labs
    return None


def _fits(words: Findings, host: HostConfig, image: LabImage, room: int, there: int) -> Finding:
    fit = room // image.memory_mib
    if fit >= host.labs:
        return words.ok(f"{host.labs} labs of {image.memory_mib} MiB fit ({room} MiB for labs, {there} labs now)")
    less = f"set labs = {fit} in [host.{host.name}]" if fit else "stop other guests there (xl list)"
    return words.wrong(
        f"{host.labs} labs are configured but only {fit} of {image.memory_mib} MiB ({image.name}) fit in its {room} MiB",
        "so a full class waits in the queue",
        f"{less}, or add memory",
    )
