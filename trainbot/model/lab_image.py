"""The image that a lab is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainbot.model.host import GuestType, Mode
from trainbot.model.image_files import ImageFiles

#: Images that people ask for by name before anybody has added them.
WELL_KNOWN = ("debian", "trixie", "centos", "fedora", "almalinux", "ubuntu")
#: Those of them that are built from a recipe that ships, not imported.
BUILT = ("debian", "trixie")


@dataclass(frozen=True, slots=True)
class LabImage:
    """An image that is ready to make labs from.  Memory and disk in MiB; ``cmdline``: without console= and mode; ``modes``: what
    each mode adds to it; ``host_key``: the lab's own ssh host key, "TYPE BASE64".  ``version``: names exactly these
    files, on hosts too.  ``guest``: how it runs on Xen; ``cpu_percent``: of one core, 0: all of its CPUs."""

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
    version: str = ""
    guest: GuestType = GuestType.PVH
    cpu_percent: int = 0
    disk_mib: int = 0

    @property
    def files(self) -> ImageFiles:
        """Its files on the bot's own machine."""
        return ImageFiles(self.disk, self.kernel, self.initrd)

    def boot_line(self, mode: Mode) -> str:
        return f"{self.cmdline} {self.modes.get(mode, '')}".strip()


@dataclass(frozen=True, slots=True)
class ImageOffer:
    """A published image.  ``url``: of its how-to, '' if it is not known where it is served; ``sums``: the sha256 of its
    SHA256SUMS."""

    url: str
    sums: str
