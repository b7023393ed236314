"""Converts a download into a raw disk.  Only a file's first bytes determine its type.

The content is not trusted: qemu-img is given the format (it never guesses), an image that refers to other files on this
machine is refused before qemu-img sees it, and what comes out of a few bytes may not fill this machine's disk.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment, missing_program
from trainbot.images.build.progress_bar import Progress

_PIECE = 1 << 20
MOST = 256 << 30  # bytes of a disk
_LEAST = 32 << 20
_SPARE = 1 << 30  # bytes that stay free on our disk
_PERCENT = re.compile(r"\((\d+)\.\d+/100%\)")
_SECONDS = 60
_MEMORY = 4 << 30
_XZ_MEMORY = 256 << 20  # `xz -9` needs 65 MiB
_SECTOR = 512
_PROTECTIVE = 0xEE  # this entry covers the whole disk, however large it is
_QCOW2 = struct.Struct(
    ">4sIQIIQII"
)  # magic, version, backing file's offset and length, cluster bits, size, encryption, L1
#: What people give by mistake: offset, first bytes, what it is, what to do.
_TAKE = "use the distribution's qcow2 or raw image"
_UNPACK = "unpack it, and import the disk that is in it"
_OTHERS = (
    (0, b"KDMV", "a VMDK disk", _TAKE),
    (0, b"# Disk DescriptorFile", "the description of a VMDK disk", _TAKE),
    (0, b"vhdxfile", "a VHDX disk", _TAKE),
    (0, b"conectix", "a VHD disk", _TAKE),
    (64, b"\x7f\x10\xda\xbe", "a VDI disk", _TAKE),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"BZh", "compressed with bzip2", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "compressed with lz4", _UNPACK),
    (32769, b"CD001", "an ISO image, as for installations", "use the distribution's cloud image"),
)
_EXTERNAL_DATA, _CORRUPT = 1 << 2, 1 << 1  # of the incompatible features (qcow2.txt)


class DiskError(BackendError):
    """The file's content is at fault: it is of no use on any machine."""


def as_raw_disk(source: Path, work: Path, log: BuildLog, progress: Progress) -> Path:
    """``work``/disk.img from a qcow2 or raw disk, compressed or not.  DiskError if it is something else."""
    kind = what_is(source)
    if kind in _PACKED:
        progress.stage(f"decompressing the {kind} file")
        unpacked = work / "unpacked"
        _unpack_with(_PACKED[kind], source, unpacked)
        source, kind = unpacked, what_is(unpacked)
    disk = work / "disk.img"
    if kind == "qcow2":
        _check_header(source)
        _check_room(work, _allocated(source))
        progress.stage("converting it to a raw disk")
        command = ["qemu-img", "convert", "-p", "-f", "qcow2", "-O", "raw", str(source), str(disk)]
        try:
            log.run(command, lambda line: _percent(line, progress))
        except BackendError:
            raise DiskError(f"the qcow2 file is damaged: download it again (the log is {log.path})") from None
    elif kind == "disk":
        _check_room(work, source.stat().st_blocks * _SECTOR)
        progress.stage("copying the disk")
        log.run(["cp", "--sparse=always", str(source), str(disk)])
    else:
        advice = next((advice for *_, name, advice in _OTHERS if name == kind), _TAKE)
        raise DiskError(f"the file is {_NAMES.get(kind, kind)}: {advice}")
    if (inner := what_is(disk)) != "disk" and not inner.startswith("of an unknown"):  # a file system is the whole disk
        raise DiskError(f"what the file holds is {_NAMES.get(inner, inner)}, not a disk: {_TAKE}")
    (work / "unpacked").unlink(missing_ok=True)
    size = disk.stat().st_size
    if not _LEAST <= size <= MOST:
        raise DiskError(
            f"the disk has {size >> 20} MiB, which is too {'small for a system' if size < _LEAST else 'large'}"
        )
    if (end := partitions_end(disk)) > size:
        raise DiskError(
            f"the disk is cut short: its partitions reach to {end >> 20} MiB, but it has {size >> 20}: download it again"
        )
    return disk


def what_is(path: Path) -> str:
    """``qcow2``, ``disk`` (with a partition table), ``xz``, ``gzip``, ``zstd``, or a description of something else."""
    head = _first(path, 36 << 10)
    if head[:4] == b"QFI\xfb":
        return "qcow2"
    for at, magic, kind, _advice in _OTHERS:
        if head[at : at + len(magic)] == magic:
            return kind
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
    return "of an unknown type (not qcow2, and without a partition table)"


def _first(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _percent(line: str, progress: Progress) -> None:
    if found := _PERCENT.findall(line):
        progress.step(int(found[-1]), 100)


def partitions_end(disk: Path) -> int:
    """Where the last partition ends, in bytes, or the second copy of the partition table (UEFI 2.10, section 5; 0: neither)."""
    with disk.open("rb") as file:
        master, header = file.read(_SECTOR), file.read(_SECTOR)
    if header.startswith(b"EFI PART"):
        return (int.from_bytes(header[32:40], "little") + 1) * _SECTOR
    ends = [0]
    for entry in (master[at : at + 16] for at in range(446, 510, 16)):
        start, sectors = struct.unpack("<II", entry[8:16])
        ends.append((start + sectors) * _SECTOR if entry[4] not in (0, _PROTECTIVE) else 0)
    return max(ends)


def _check_header(path: Path) -> None:
    """Check that a qcow2 is self-contained and has a sane size.  qemu-img is not asked: it opens the other files first
    (CVE-2024-4467)."""
    head = _first(path, 112)
    if len(head) < _QCOW2.size:
        raise DiskError("the qcow2 file is damaged: download it again")
    _magic, version, backing, _length, bits, size, encryption, _l1 = _QCOW2.unpack_from(head)
    features = int.from_bytes(head[72:80], "big") if version == 3 else 0
    if version not in (2, 3) or not 9 <= bits <= 21 or features & _CORRUPT:
        raise DiskError("the qcow2 file is damaged: download it again")
    if backing or features & _EXTERNAL_DATA:
        raise DiskError("the qcow2 file refers to another file: it must be self-contained")
    if encryption:
        raise DiskError("the qcow2 file is encrypted: use an unencrypted one from the distribution")
    if not 0 < size <= MOST:
        raise DiskError(f"the disk would have {size >> 30} GiB, which is too large" if size else "the disk is empty")


def _allocated(path: Path) -> int:
    """How many bytes a qcow2 unpacks to at most.  qemu-img also finds one that is cut short, which it would convert
    with zeros for what is missing.  It has limits (CVE-2015-5162); up to 64 threads fit into its memory."""
    command = ["prlimit", f"--cpu={_SECONDS}", f"--as={_MEMORY}", "qemu-img", "check", "--output=json", "-f", "qcow2"]
    try:
        done = subprocess.run(
            [*command, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**environment(), "MALLOC_ARENA_MAX": "1"},
            timeout=2 * _SECONDS,
            check=False,
        )
        if done.returncode < 0:
            raise BackendError(
                f"qemu-img was killed by signal {-done.returncode} while it read the qcow2 file: it is damaged, or this machine has "
                "too little memory"
            )
        said: dict[str, Any] = json.loads(done.stdout)
        found = int(said.get("allocated-clusters", 0)) << int.from_bytes(_first(path, 24)[20:], "big")
    except FileNotFoundError:
        raise BackendError(missing_program("qemu-img")) from None
    except (subprocess.TimeoutExpired, ValueError):
        raise DiskError("the qcow2 file is damaged: download it again") from None
    if said.get("check-errors") or said.get("corruptions"):
        raise DiskError("the qcow2 file is damaged or cut short: download it again")
    return found


def _check_room(work: Path, size: int) -> None:
    free = shutil.disk_usage(work).free
    if size + _SPARE > free:
        raise BackendError(
            f"the disk needs {size >> 20} MiB in {work.parent}, but only {free >> 20} MiB are free there"
        )


def _unpack(packed: Any, to: Path) -> None:
    """Decompress to a sparse file: blocks of zeros are not written."""
    size = 0
    with to.open("wb") as out:
        while piece := packed.read(_PIECE):
            size += len(piece)
            if size > MOST:
                raise DiskError("the compressed disk is too large")
            if piece.count(0) == len(piece):
                out.seek(len(piece), os.SEEK_CUR)
            else:
                _check_room(to.parent, len(piece))
                out.write(piece)
        out.truncate(size)


def _unpack_with(opened: Callable[[Path], Any], source: Path, to: Path) -> None:
    try:
        with opened(source) as packed:
            _unpack(packed, to)
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile):
        raise DiskError("the compressed file is damaged: download it again") from None
    except EOFError:
        raise DiskError("the compressed file is incomplete: download it again") from None


@contextmanager
def _zstd(source: Path) -> Iterator[IO[bytes]]:
    """What zstd(1) unpacks, with the memory that its own largest files need."""
    try:
        process = subprocess.Popen(
            ["prlimit", f"--as={1 << 30}", "zstd", "-q", "-d", "-c", str(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
    except FileNotFoundError:
        raise BackendError(missing_program("zstd")) from None
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise DiskError("the compressed file is damaged: download it again")


class _Xz:
    """What ``lzma.open`` reads, with a limit for memory: a few bytes of a header may ask for 4 GiB."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._decoder = file, self._new()

    def read(self, size: int) -> bytes:
        while True:
            if self._decoder.eof:  # another stream may follow, after a padding of zeros
                rest = self._decoder.unused_data.lstrip(b"\0")
                while not rest and (more := self._file.read(_PIECE)):
                    rest = more.lstrip(b"\0")
                if not rest:
                    return b""
                self._decoder = self._new()
            else:
                rest = self._file.read(_PIECE) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not rest:
                    raise EOFError
            if piece := self._decoder.decompress(rest, size):
                return piece

    def _new(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


@contextmanager
def _xz(source: Path) -> Iterator[_Xz]:
    with source.open("rb") as file:
        yield _Xz(file)


_PACKED: dict[str, Callable[[Path], Any]] = {"xz": _xz, "gzip": gzip.open, "zstd": _zstd}
_NAMES = {"qcow2": "another qcow2 file", **{kind: f"compressed again ({kind})" for kind in _PACKED}}
