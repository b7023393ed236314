"""Checksum files of distributions.  Pure, but for ``compare``, which reads the file."""

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
    """A SHA-256 or SHA-512 in hexadecimal digits, in lower case; UserError where it is none."""
    text = text.strip().lower()
    if len(text) not in _ALGORITHMS or not re.fullmatch(r"[0-9a-f]+", text):
        raise UserError(f"{text[:80]!r} is no SHA-256 (64 hexadecimal digits): copy it from the distribution's page")
    return text


def find_sum(text: str, name: str) -> str:
    """The sum of the file ``name`` in a checksum file; BackendError where it is not in there, or twice and different."""
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
        raise BackendError(f"the checksum file has {what} of {name}: look at it, and say --sha256")
    return found.pop()


def compare(path: Path, request: str, step: Callable[[int, int], None]) -> str:
    """The file's own sum; BackendError where it is not the wanted one ('': any will do, SHA-256 is told).  ``step``
    hears how many of how many MiB were read."""
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
            f"the image is not the one that was meant: its {digest.name} is {found}, wanted is {request}; "
            "take it from another place, or look for the right sum"
        )
    return found
