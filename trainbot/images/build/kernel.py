"""Which Xen guest types a Linux kernel supports: from its configuration, which is sure, or else from the notes in its ELF
file (xen/include/public/elfnote.h), which a bzImage contains compressed (Documentation/arch/x86/boot.rst, "payload_offset").

The notes alone say too much: the entry for PVH is in every kernel with CONFIG_PVH, but one without CONFIG_XEN_PVH, such as
Enterprise Linux's, then ends in BUG() (arch/x86/xen/enlighten.c, "Missing xen PVH initialization").

The file comes from an image and is not trusted: malformed data counts as no information, and everything is unpacked
with a limit.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from trainbot.images.build import lz4
from trainbot.model.host import GuestType

Read = Callable[[int, int], bytes]  # (offset, length) -> the bytes there

_ELF = b"\x7fELF"
_MOST = 256 << 20  # bytes of a kernel, unpacked
_ENTRY, _PHYS32_ENTRY = 1, 18  # where a PV and a PVH guest begin
_NOTES = 4  # PT_NOTE
_HEADER = 0x250
_MOST_SEGMENTS = 64
_LARGEST_NOTES = 1 << 20


def configured_types(config: Collection[str]) -> tuple[GuestType, ...]:
    """By the lines of a kernel's configuration, the best first.  HVM needs CONFIG_XEN_PVHVM, without which it has no disk of a
    lab."""
    needs = {GuestType.PVH: "CONFIG_XEN_PVH=y", GuestType.PV: "CONFIG_XEN_PV=y", GuestType.HVM: "CONFIG_XEN_PVHVM=y"}
    return tuple(guest for guest, line in needs.items() if line in config)


def guest_types(kernel: Path) -> frozenset[GuestType] | None:
    """By its notes: HVM always; PV and PVH if they say so.  None if unknown: no such file, or a compression that Python
    does not support (zstd).  OSError if it cannot be read."""
    read = _reader(kernel.read_bytes())
    notes = _xen_notes(read) if read is not None else None
    if notes is None:
        return None
    found = {GuestType.HVM}
    if _ENTRY in notes:
        found.add(GuestType.PV)
    if _PHYS32_ENTRY in notes:
        found.add(GuestType.PVH)
    return frozenset(found)


def _reader(data: bytes) -> Read | None:
    """Reads the ELF file: the kernel itself, or what a bzImage holds."""
    if data[:4] == _ELF:
        return _from(data)
    if len(data) < _HEADER or data[0x202:0x206] != b"HdrS" or struct.unpack_from("<H", data, 0x206)[0] < 0x0208:
        return None
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = ((data[0x1F1] or 4) + 1) * 512 + offset  # setup_sects, and the boot sector
    packed = data[start : start + length]
    try:
        if packed[:2] == b"\x1f\x8b":
            return _from(zlib.decompressobj(31).decompress(packed, _MOST))
        if packed[:6] == b"\xfd7zXZ\0":
            return _from(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST).decompress(packed, _MOST))
        if packed[:3] == b"BZh":
            return _from(bz2.BZ2Decompressor().decompress(packed, _MOST))
        if packed[:3] == b"\x5d\0\0":
            return _from(lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST).decompress(packed, _MOST))
    except (lzma.LZMAError, zlib.error, OSError, EOFError, MemoryError):
        return None
    return lz4.LegacyFrames(packed).read if packed[:4] == lz4.MAGIC else None


def _from(image: bytes) -> Read:
    return lambda offset, length: image[offset : offset + length]


def _xen_notes(read: Read) -> set[int] | None:
    """The types of Xen's own notes; None if the ELF file (elf(5), 64 bits, little-endian) is cut off or is none."""
    try:
        head = read(0, 64)
        if head[:4] != _ELF or head[4:6] != b"\x02\x01":
            return None
        (at,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        found = set()
        for number in range(min(count, _MOST_SEGMENTS)):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", read(at + number * size, 40))
            if kind == _NOTES:
                found |= set(_notes(read(offset, min(length, _LARGEST_NOTES))))
        return found
    except (struct.error, ValueError):
        return None


def _notes(segment: bytes) -> Iterator[int]:
    at = 0
    while at + 12 <= len(segment):
        name, length, kind = struct.unpack_from("<III", segment, at)
        if segment[at + 12 : at + 12 + name] == b"Xen\0":
            yield kind
        at += 12 + (name + 3 & ~3) + (length + 3 & ~3)
