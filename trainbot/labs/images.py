"""What a lab is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainbot.hosts.model import Mode

#: Images that people ask for by name before anybody has added them.
WELL_KNOWN = ("debian", "centos", "fedora", "almalinux", "ubuntu")


@dataclass(frozen=True, slots=True)
class Image:
    """Ready to make labs from.  Memory in MiB; ``cmdline`` without console= and mode; ``modes``: what each adds to
    it; ``host_key``: the lab's own ssh host key, "TYPE BASE64"."""

    name: str
    disk: Path
    kernel: Path
    initrd: Path
    cmdline: str
    modes: dict[Mode, str]
    memory_mib: int
    vcpus: int
    user: str
    host_key: str

    def boot_line(self, mode: Mode) -> str:
        return f"{self.cmdline} {self.modes.get(mode, '')}".strip()
