"""Parses the output of host.sh.  Hosts are not trusted: malformed lines are ignored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainbot.adapters.hosts.probe import io_wait

SCRIPT = Path(__file__).with_name("host.sh")
_MOST = 200  # lines
_TIMEOUT = re.compile(r"(?:--timeout[ =]|(?:^|\s)-t\s*)\"?(\d{1,9})")
#: As libvirt's libxl driver looks for it (src/libxl/libxl_conf.c, libxlGetAutoballoonConf).
_LIMITED = re.compile(r"(?:^| )dom0_mem=(?:(?:|min:|max:)[0-9]+[bBkKmMgG]?,?)+(?:$| )")


@dataclass(frozen=True, slots=True)
class HostShell:
    """``balloons``: Xen takes dom0's memory for labs; ``timeout``: seconds after which an idle libvirtd exits, and
    ``woken``: whether the next request starts it again; dom0's memory in MiB; ``io_wait``: 0 to 1, of one second."""

    balloons: bool = False
    timeout: int | None = None
    woken: bool = True
    memory_mib: int | None = None
    available_mib: int | None = None
    io_wait: float | None = None


def read(said: str) -> HostShell:
    found: dict[str, list[str]] = {}
    for line in said.splitlines()[:_MOST]:
        key, _, rest = line.partition(" ")
        found.setdefault(key, []).append(rest.strip())
    memory = dict(line.partition(" ")[::2] for line in found.get("memory", ()))
    timeout = _TIMEOUT.search(" ".join(found.get("libvirtd", ())))
    return HostShell(
        balloons=_balloons(found),
        timeout=int(timeout[1]) if timeout else None,
        woken="socket" in found,
        memory_mib=_mib(memory.get("MemTotal:", "")),
        available_mib=_mib(memory.get("MemAvailable:", "")),
        io_wait=_io_wait(found.get("cpu", [])),
    )


def _balloons(found: dict[str, list[str]]) -> bool:
    """As libvirt decides it: libxl.conf, or else whether Xen's command line limits dom0.  Unknown means no."""
    if said := found.get("autoballoon"):
        return said[-1].strip("\"' ") in ("1", "on")
    return "xen" in found and not _LIMITED.search(found["xen"][0])


def _mib(kib: str) -> int | None:
    return int(kib) // 1024 if kib.isascii() and kib.isdigit() and len(kib) < 16 else None


def _io_wait(lines: list[str]) -> float | None:
    counts = [
        [int(word) for word in line.split()[:8] if word.isascii() and word.isdigit() and len(word) < 20]
        for line in lines
    ]
    if len(counts) != 2 or any(len(each) != 8 for each in counts):
        return None
    return io_wait(*counts)
