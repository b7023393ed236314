"""Checksum files of distributions.  Pure, except ``compare``, which reads the file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from trainbot.core.errors import BackendError, UserError
from trainbot.core.text import one_line

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


def find_sum(text: str, *names: str, listed: str = "") -> str:
    """The checksum of a file in a checksum file, under the first of ``names`` that is there; BackendError if it is missing
    or ambiguous.

    ``listed``: a pattern for other names that it may have there.  A name in another folder is another file.
    """
    if text.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise BackendError("the checksum file is a web page: give the address of the file itself")
    sums: dict[str, set[str]] = {}
    for line in text.splitlines():
        plain, tagged = _LINE.fullmatch(line), _TAGGED.fullmatch(line)
        told, value = (plain[2], plain[1]) if plain else (tagged[1], tagged[2]) if tagged else ("", "")
        if len(value) in _ALGORITHMS:
            sums.setdefault(told.removeprefix("./"), set()).add(value.lower())
    told_as = [each for each in names if each in sums][:1] or [each for each in sums if fnmatchcase(each, listed)]
    found = {value for told in told_as for value in sums[told]}
    longest = {len(value) for value in found}
    found = {value for value in found if len(value) == max(longest)}
    if len(found) != 1:
        what = "several checksums" if found else "no SHA-256 or SHA-512"
        elsewhere = next((told for told in sums if told.rpartition("/")[2] in names), "") if not found else ""
        hint = f" (only of {one_line(elsewhere, 100)})" if elsewhere else ""
        raise BackendError(f"the checksum file has {what} of {names[-1]}{hint}: check it, and add --sha256")
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
