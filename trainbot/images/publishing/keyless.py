"""Copies an image's disk without this installation's keys.

The files are overwritten in place before they are removed: files that were only unlinked could still be read out of the
published disk.  debugfs(8) does it, so that nothing is mounted and nobody has to be root.
"""

from __future__ import annotations

import re
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import BuiltImage

#: Who may log in, and what its ssh server shows; the new machine makes its own host key (lab-host-key.service).
KEYS = ("/root/.ssh/authorized_keys", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub")
_BLOCK_SIZE = re.compile(r"Block size:\s+(\d+)")


def keyless_copy(image: BuiltImage, to: Path, log: BuildLog) -> None:
    """Writes the disk without keys at ``to`` (sparse).  The same image gives the same bytes.

    BackendError if ``trainbot image build`` did not make the image.
    """
    if image.source:
        raise BackendError(
            f"the {image.name} image was imported, so its keys cannot be removed and it is not published: "
            f"people can get it from {image.source}"
        )
    log.run(["cp", "--sparse=always", "--reflink=auto", "--no-preserve=mode", str(image.disk), str(to)])
    to.chmod(0o600)
    size = _said(log, to, "stats -h", _BLOCK_SIZE, image)
    for path in KEYS:
        _overwrite(to, int(size), _blocks(log, to, path, image))
    commands = to.with_name("debugfs-keys")
    commands.write_text("".join(f"rm {path}\n" for path in KEYS), encoding="ascii")
    # the time that goes into the superblock and the inodes
    at = {name: str(int(image.built_at.timestamp())) for name in ("E2FSPROGS_FAKE_TIME", "SOURCE_DATE_EPOCH")}
    log.run(["debugfs", "-w", "-f", str(commands), str(to)], env=at)
    commands.unlink()
    for path in KEYS:
        if _lines(log, to, f"stat {path}", re.compile("Inode:")):
            raise BackendError(f"could not remove {path} from the {image.name} image; the log is {log.path}")


def _blocks(log: BuildLog, disk: Path, path: str, image: BuiltImage) -> list[int]:
    """The numbers of the blocks that hold the file's content."""
    return [int(word) for word in _said(log, disk, f"blocks {path}", re.compile(r"([0-9 ]*[0-9])\s*"), image).split()]


def _overwrite(disk: Path, size: int, blocks: list[int]) -> None:
    with disk.open("r+b") as file:
        for block in blocks:
            file.seek(block * size)
            file.write(bytes(size))


def _said(log: BuildLog, disk: Path, command: str, form: re.Pattern[str], image: BuiltImage) -> str:
    found = _lines(log, disk, command, form)
    if not found:
        raise BackendError(
            f"the {image.name} image was not made by trainbot image build, so its keys "
            f"cannot be removed (debugfs {command}); the log is {log.path}"
        )
    return found[0]


def _lines(log: BuildLog, disk: Path, command: str, form: re.Pattern[str]) -> list[str]:
    found: list[str] = []

    def follow(line: str) -> None:
        match = form.match(line)
        if match:
            found.append(match[1] if form.groups else line)

    log.run(["debugfs", "-R", command, str(disk)], follow)
    return found
