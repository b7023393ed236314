"""What a lab is made from: the folder that ``trainbot image build`` leaves (disk.img, vmlinuz, initrd, image.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from trainbot.config.model import ImageConfig
from trainbot.errors import BackendError
from trainbot.hosts.model import Mode

#: Images that people ask for by name before anybody has added them.
WELL_KNOWN = ("debian", "centos", "fedora", "almalinux", "ubuntu")


@dataclass(frozen=True, slots=True)
class Image:
    """Ready to make labs from.  Memory in MiB; ``cmdline`` without console= and mode; ``host_key``: the lab's own
    ssh host key, "TYPE BASE64"."""

    name: str
    disk: Path
    kernel: Path
    initrd: Path
    cmdline: str
    modes: dict[str, str]
    memory_mib: int
    vcpus: int
    user: str
    host_key: str

    def boot_line(self, mode: Mode) -> str:
        return f"{self.cmdline} {self.modes.get(mode, '')}".strip()


def load_image(config: ImageConfig) -> Image:
    """BackendError (one sentence) where a part of the image is not there or not readable."""
    folder = config.folder.resolve()  # the folder may be a link that a later build moves: running labs keep theirs
    try:
        facts = json.loads((folder / "image.json").read_text(encoding="utf-8"))
        image = Image(
            name=config.name,
            disk=folder / "disk.img",
            kernel=folder / "vmlinuz",
            initrd=folder / "initrd",
            cmdline=str(facts["cmdline"]),
            modes={str(mode): str(facts.get(str(mode), "")) for mode in Mode},
            memory_mib=max(config.memory, int(facts.get("memory", 0))),
            vcpus=config.vcpus,
            user=str(facts.get("user", "root")),
            host_key=str(facts["host_key"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(f"the {config.name} image is not in {config.folder} ({type(error).__name__}); "
                           f"an organiser makes it with: trainbot image build {config.name}") from None
    for part in (image.disk, image.kernel, image.initrd):
        if not part.is_file():
            raise BackendError(f"the {config.name} image lacks {part.name}; "
                               f"an organiser makes it again with: trainbot image build {config.name}")
    return image
