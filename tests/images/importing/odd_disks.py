"""Disks that are no cloud images: as small as libguestfs takes them for what they look like."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from trainbot.images.build.command import environment

_MIB = 1 << 20
_EACH = 16  # MiB of a partition
UNMOUNTABLE = "5a1b0c2d-0000-4000-8000-00000000dead"
_SYSTEM = {
    "etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n",
    "usr/lib/systemd/systemd": "",
    "usr/bin/cloud-init": "#!/usr/bin/python3\n",
    "boot/vmlinuz-6.1.0-1-amd64": "kernel",
    "boot/initrd.img-6.1.0-1-amd64": "initrd",
}


def system(work: Path, name: str, files: Mapping[str, str] | None = None, without: Collection[str] = ()) -> Path:
    """An ext4 file system with as much of a Linux system, called ``name``, as is looked for, and ``files``; without those
    whose paths begin with one of ``without``."""
    tree, made = work / f"{name}-tree", work / name
    release = {
        "etc/os-release": f'ID=debian\nNAME="Debian"\nPRETTY_NAME="{name}"\nVERSION_ID="12"\n',
        "etc/debian_version": "12.1\n",
    }
    kept = {path: text for path, text in {**_SYSTEM, **release}.items() if not path.startswith(tuple(without))}
    for path, text in {**kept, **(files or {})}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "bin").mkdir()
    shutil.copy("/bin/true", tree / "bin" / "ls")  # its ELF header says for which machines the system is
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, made, f"{_EACH}M"], check=True, env=environment())
    return made


def label(part: Path, paths: Iterable[str], label: str) -> None:
    """Give these files that SE Linux label, as the kernel stores it."""
    value = part.with_name(f"{part.name}-label")
    value.write_bytes(label.encode() + b"\0")
    commands = "".join(f"ea_set -f {value} {path} security.selinux\n" for path in paths)
    subprocess.run(["debugfs", "-w", "-f", "-", part], input=commands, text=True, check=True, env=environment())


def encrypted(work: Path) -> Path:
    """A LUKS volume (on-disk format 1) whose keys nobody has."""
    made = work / "luks"
    header = struct.pack(
        ">6sH32s32s32sII20s32sI40s",
        b"LUKS\xba\xbe",
        1,
        b"aes",
        b"xts-plain64",
        b"sha256",
        4096,
        64,
        os.urandom(20),
        os.urandom(32),
        100_000,
        b"5a1b0c2d-0000-4000-8000-0123456789ab",
    )
    made.write_bytes(header.ljust(_MIB, b"\0") + os.urandom(_MIB))
    return made


def unmountable(work: Path) -> Path:
    """An ext4 file system that uses what no kernel knows (feature_incompat, ext4(5)); blkid still knows it."""
    made = work / "unmountable"
    command = ["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", "-U", UNMOUNTABLE, made, f"{_EACH}M"]
    subprocess.run(command, check=True, env=environment())
    with made.open("r+b") as file:
        file.seek(1024 + 0x60)
        (features,) = struct.unpack("<I", file.read(4))
        file.seek(1024 + 0x60)
        file.write(struct.pack("<I", features | 1 << 30))
    return made


def esp(work: Path, name: str, path: str) -> Path:
    """An EFI partition with that file."""
    made = work / f"{name}-esp"
    with made.open("wb") as file:
        file.truncate(_EACH * _MIB)
    subprocess.run(["mkfs.vfat", made], check=True, env=environment(), stdout=subprocess.DEVNULL)
    folders = [str(folder) for folder in reversed(Path(path).parents) if folder.name]
    subprocess.run(["mmd", "-i", made, *(f"::{folder}" for folder in folders)], check=True, env=environment())
    subprocess.run(["mcopy", "-i", made, "/bin/true", f"::{path}"], check=True, env=environment())
    return made


def disk(to: Path, *partitions: Path) -> Path:
    """A disk with a partition table and these in it."""
    with to.open("wb") as file:
        file.truncate((2 + _EACH * len(partitions)) * _MIB)
    table = [f"start={(1 + _EACH * number) * 2048}, size={_EACH * 2048}" for number in range(len(partitions))]
    text = "\n".join(["label: gpt", *table, ""])
    subprocess.run(["sfdisk", "-q", to], input=text, text=True, check=True, env=environment())
    with to.open("r+b") as file:
        for number, partition in enumerate(partitions):
            file.seek((1 + _EACH * number) * _MIB)
            file.write(partition.read_bytes())
    return to
