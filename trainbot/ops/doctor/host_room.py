"""Compares the labs that fit on a host with the number in bot.ini.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainbot.adapters.hosts.libvirt_look import HostLook
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.model.disk_space import for_labs, promised, with_tables
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
    """Uses libvirt's figures, or else the running bot's latest ones, or else what the host's own shell says."""
    if not images:
        return []
    largest = max(images.values(), key=lambda image: image.memory_mib)
    found, known = [], _memory(look, view, largest.memory_mib)
    if known is not None:
        found.append(_fits(words, host, largest, *known))
    there = known[1] if known is not None else 0
    each = max(promised([with_tables(image.disk_mib)], config.labs.overcommit) for image in images.values())
    room = _disk(look, view, facts, config.labs.overcommit)
    if room is not None and max(0, room) // each < host.labs - there:
        found.append(
            words.wrong(
                f"{max(0, room)} MiB of disk space are neither used nor promised, enough for only {max(0, room) // each} "
                f"more of {host.labs} labs, each of which may write {each} MiB",
                "so a full class waits in the queue",
                f"free some disk space there, set fewer labs in [host.{host.name}], or set overcommit = "
                f"{config.labs.overcommit * 2:g} in [labs] if labs write little",
            )
        )
    return found


def _disk(
    look: HostLook | BackendError | None, view: Mapping[str, Any] | None, facts: HostFacts | None, overcommit: float
) -> int | None:
    """MiB of disk that more labs could have."""
    if isinstance(look, HostLook) and look.space is not None:
        growths = [use.growth_mib for use in look.space.uses.values()]
        free = for_labs(look.space.size_mib, look.space.free_mib)
        return None if free is None else free - promised(growths, overcommit)
    if view is not None and isinstance(view.get("disk_for_labs_mib"), int):
        return int(view["disk_for_labs_mib"])
    return facts.disk_free if facts is not None else None


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
    less = f"set labs = {fit} in [host.{host.name}]" if fit else "stop other guests there (virsh list)"
    return words.wrong(
        f"{host.labs} labs are configured but only {fit} of {image.memory_mib} MiB ({image.name}) fit in its {room} MiB",
        "so a full class waits in the queue",
        f"{less}, or add memory",
    )
