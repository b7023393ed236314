"""Unpacks LZ4's legacy frames, in which Debian's cloud kernels are packed (lz4_Frame_format.md, "Legacy frame"):
independent blocks of 8 MiB, so that only the needed ones have to be unpacked.  Slow."""

from __future__ import annotations

import struct

MAGIC = b"\x02\x21\x4c\x18"
BLOCK = 8 << 20
_MOST_BLOCKS = 32


class LegacyFrames:
    """An LZ4 file to read from; ``read`` raises ValueError if it is cut off or damaged."""

    def __init__(self, packed: bytes) -> None:
        self._blocks: list[bytes] = []
        self._known: dict[int, bytes] = {}
        at = len(MAGIC)
        while at + 4 <= len(packed) and len(self._blocks) < _MOST_BLOCKS:
            (size,) = struct.unpack_from("<I", packed, at)
            block = packed[at + 4 : at + 4 + size]
            if not size or len(block) != size:  # what follows the last block is the unpacked size, in a kernel
                break
            self._blocks.append(block)
            at += 4 + size

    def read(self, offset: int, length: int) -> bytes:
        found = b""
        for number in range(offset // BLOCK, (offset + length - 1) // BLOCK + 1):
            found += self._block(number)
        begin = offset % BLOCK
        return found[begin : begin + length]

    def _block(self, number: int) -> bytes:
        if number >= len(self._blocks):
            return b""
        if number not in self._known:
            self._known[number] = block(self._blocks[number])
        return self._known[number]


def block(packed: bytes) -> bytes:
    """Unpacks one block (lz4_Block_format.md).  Raises ValueError if it is damaged."""
    out, at = bytearray(), 0
    try:
        while at < len(packed) and len(out) <= BLOCK:
            token = packed[at]
            count, at = _length(packed, at + 1, token >> 4)
            out += packed[at : at + count]
            at += count
            if at >= len(packed):
                break
            back = packed[at] | packed[at + 1] << 8
            count, at = _length(packed, at + 2, token & 15)
            count += 4
            begin = len(out) - back
            if back == 0 or begin < 0:
                raise ValueError("a match before the beginning")
            if back >= count:
                out += out[begin : begin + count]
            else:  # it overlaps what it makes
                out += (out[begin:] * (count // back + 1))[:count]
    except IndexError:
        raise ValueError("it is cut") from None
    return bytes(out)


def _length(packed: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 15:
        while True:
            more = packed[at]
            at += 1
            length += more
            if more != 255:
                break
            if length > BLOCK:
                raise ValueError("too long")
    return length, at
