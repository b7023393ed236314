"""Converts a download into a raw disk.  Only a file's first bytes determine its type.

The content is not trusted: qemu-img is given the format (it never guesses), and an image that refers to other files
on this machine is refused.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import subprocess
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment, missing_program
from trainbot.images.build.progress_bar import Progress

_PIECE = 1 << 20
MOST = 256 << 30  # bytes of a disk
_LEAST = 32 << 20
_PERCENT = re.compile(r"\((\d+)\.\d+/100%\)")
_SECONDS = 60


def as_raw_disk(source: Path, work: Path, log: BuildLog, progress: Progress) -> Path:
    """``work``/disk.img from a qcow2 or raw disk, compressed or not.  BackendError if it is something else."""
    kind = what_is(source)
    if kind in _PACKED:
        progress.stage(f"decompressing the {kind} file")
        unpacked = work / "unpacked"
        _PACKED[kind](source, unpacked)
        source, kind = unpacked, what_is(unpacked)
    disk = work / "disk.img"
    if kind == "qcow2":
        _check_qcow2(source)
        progress.stage("converting it to a raw disk")
        log.run(
            ["qemu-img", "convert", "-p", "-f", "qcow2", "-O", "raw", str(source), str(disk)],
            lambda line: _percent(line, progress),
        )
    elif kind == "disk":
        progress.stage("copying the disk")
        log.run(["cp", "--sparse=always", str(source), str(disk)])
    else:
        raise BackendError(f"the file is {kind}, not a disk image: use the distribution's qcow2 or raw image")
    (work / "unpacked").unlink(missing_ok=True)
    size = disk.stat().st_size
    if not _LEAST <= size <= MOST:
        raise BackendError(
            f"the disk has {size >> 20} MiB, which is too {'small for a system' if size < _LEAST else 'large'}"
        )
    return disk


def what_is(path: Path) -> str:
    """``qcow2``, ``disk`` (with a partition table), ``xz``, ``gzip``, ``zstd``, or a description of something else."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"QFI\xfb":
        return "qcow2"
    for magic, kind in ((b"\xfd7zXZ\0", "xz"), (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if head.startswith(magic):
            return kind
    if head[510:512] == b"\x55\xaa" and (head[512:520] == b"EFI PART" or any(head[446:510])):
        return "disk"
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page"
    if not head:
        return "empty"
    return "of an unknown type (not qcow2, and no partition table)"


def _percent(line: str, progress: Progress) -> None:
    if found := _PERCENT.findall(line):
        progress.step(int(found[-1]), 100)


def _check_qcow2(path: Path) -> None:
    """Check that it is self-contained and has a sane size (qemu-img(1); OpenStack's limits, CVE-2015-5162)."""
    command = [
        "prlimit",
        f"--cpu={_SECONDS}",
        "--as=1073741824",
        "qemu-img",
        "info",
        "--output=json",
        "-f",
        "qcow2",
        str(path),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=2 * _SECONDS, check=False
        )
        said: dict[str, Any] = json.loads(done.stdout)
    except FileNotFoundError:
        raise BackendError(missing_program("qemu-img")) from None
    except (subprocess.TimeoutExpired, ValueError):
        raise BackendError("the qcow2 file is damaged: download it again") from None
    data = (said.get("format-specific") or {}).get("data") or {}
    if said.get("backing-filename") or data.get("data-file"):
        raise BackendError("the qcow2 file refers to another file: it must be self-contained")
    if said.get("encrypted"):
        raise BackendError("the qcow2 file is encrypted: use an unencrypted one from the distribution")
    if not 0 < int(said.get("virtual-size", 0)) <= MOST:
        raise BackendError(f"the disk would have {int(said.get('virtual-size', 0)) >> 30} GiB, which is too large")


def _unpack(packed: BufferedIOBase, to: Path) -> None:
    """Decompress to a sparse file: blocks of zeros are not written."""
    size = 0
    try:
        with packed, to.open("wb") as out:
            while piece := packed.read(_PIECE):
                size += len(piece)
                if size > MOST:
                    raise BackendError("the compressed disk is too large")
                if piece.count(0) == len(piece):
                    out.seek(len(piece), os.SEEK_CUR)
                else:
                    out.write(piece)
            out.truncate(size)
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile):
        raise BackendError("the compressed file is damaged: download it again") from None
    except EOFError:
        raise BackendError("the compressed file is incomplete: download it again") from None


def _unzstd(source: Path, to: Path) -> None:
    """Decompress with zstd(1), which keeps holes; limited to the maximum size of a disk."""
    try:
        done = subprocess.run(
            ["prlimit", f"--fsize={MOST}", "zstd", "-q", "-d", "-f", str(source), "-o", str(to)],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
    except FileNotFoundError:
        raise BackendError(missing_program("zstd")) from None
    if done.returncode:
        raise BackendError("the compressed file is damaged or too large: download it again")


_PACKED: dict[str, Callable[[Path, Path], None]] = {
    "xz": lambda source, to: _unpack(lzma.open(source), to),  # noqa: SIM115  _unpack closes it
    "gzip": lambda source, to: _unpack(gzip.open(source), to),  # noqa: SIM115  as above
    "zstd": _unzstd,
}
