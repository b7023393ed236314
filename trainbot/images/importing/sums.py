"""Checksum files of distributions.  Pure, except ``compare``, which reads the file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from trainbot.core.errors import BackendError, UserError

_ALGORITHMS = {64: "sha256", 128: "sha512"}
# `HEX  NAME` and `HEX *NAME` (sha256sum(1)), `SHA256 (NAME) = HEX` (--tag, as CentOS and Fedora have it)
_LINE = re.compile(r"\s*([0-9a-fA-F]+)\s+\*?(\S+)\s*")
_TAGGED = re.compile(r"\s*SHA(?:256|512)\s*\(([^)]+)\)\s*=\s*([0-9a-fA-F]+)\s*")
_PIECE = 4 << 20


def checked(text: str) -> str:
    """A SHA-256 or SHA-512 as lower-case hexadecimal digits; UserError if it is not one."""
    text = text.strip().lower()
    if len(text) not in _ALGORITHMS or not re.fullmatch(r"[0-9a-f]+", text):
        raise UserError(
            f'"{text[:80]}" is not a SHA-256 (64 hexadecimal digits): copy it from the distribution\'s page'
        )
    return text


def find_sum(text: str, name: str) -> str:
    """The checksum of the file ``name`` in a checksum file; BackendError if it is missing or ambiguous."""
    found = set()
    for line in text.splitlines():
        plain, tagged = _LINE.fullmatch(line), _TAGGED.fullmatch(line)
        told, value = (plain[2], plain[1]) if plain else (tagged[1], tagged[2]) if tagged else ("", "")
        if told.rpartition("/")[2] == name and len(value) in _ALGORITHMS:
            found.add(value.lower())
    longest = {len(value) for value in found}
    found = {value for value in found if len(value) == max(longest)}
    if len(found) != 1:
        what = "several sums" if found else "no SHA-256 or SHA-512"
        raise BackendError(f"the checksum file has {what} of {name}: check it, and add --sha256")
    return found.pop()


def compare(path: Path, request: str, step: Callable[[int, int], None]) -> str:
    """The file's checksum; BackendError if it is not the requested one ('': any, returns SHA-256).  ``step``
    gets how many of how many MiB have been read."""
    digest = hashlib.new(_ALGORITHMS[len(request)] if request else "sha256")
    size, done = path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            step(done >> 20, max(size >> 20, 1))
    found = digest.hexdigest()
    if request and found != request:
        raise BackendError(
            f"checksum mismatch: the image's {digest.name} is {found}, expected {request}; "
            "download it from another place, or find the right checksum"
        )
    return found
