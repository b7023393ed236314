"""An exercise's own files (Katacoda's details.assets) as one script that puts them into a lab."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from trainbot.adapters.scenario_files.folder import FileMissing, FileRefused, read_bytes
from trainbot.adapters.scenario_files.reader import ExerciseReading, Table
from trainbot.core.text import one_line
from trainbot.model.exercise import Script

FOLDER = "assets"
MOST = 8 << 20  # bytes of all files, each counted once
MOST_FILES = 200
_MODE = re.compile(r"[0-7]{3,4}|[ugoa]*[-+=][rwxXst]+")


@dataclass(frozen=True, slots=True)
class _Copy:
    """One file of ``assets/`` to one place in the lab.  ``at``: the key that says so."""

    at: str
    name: str
    path: str
    mode: str


def assets_script(reading: ExerciseReading, hosts: Table) -> Script | None:
    """The script; None if there are no files.  The files of all machines go into the single lab."""
    copies: dict[tuple[str, str], _Copy] = {}
    for host, entries in hosts.items():
        if not isinstance(entries, list):
            reading.fault(f"details.assets.{one_line(str(host), 40)}", "is not a list")
            continue
        for number, entry in enumerate(entries[:MOST_FILES], 1):
            at = f"details.assets.{one_line(str(host), 40)}[{number}]"
            if not isinstance(entry, dict):
                reading.fault(at, "is not a mapping of keys to values")
                continue
            for copy in _copies(reading, at, entry):
                copies[copy.name, copy.path] = copy
    contents = _contents(reading, list(copies.values()))
    lines: list[str] = []
    first: dict[str, str] = {}  # file -> where it was put first
    for copy in copies.values():
        if copy.name not in contents:
            continue
        path = shlex.quote(copy.path)
        lines.append(f'mkdir -p "$(dirname {path})"')
        if copy.name in first:
            lines.append(f"cp {first[copy.name]} {path}")
        else:
            first[copy.name] = path
            lines.append(f"base64 -d > {path} <<'EOF'\n{base64.b64encode(contents[copy.name]).decode()}\nEOF")
        if copy.mode:
            lines.append(f"chmod {copy.mode} {path}")
    return Script("assets", "#!/bin/sh\nset -e\n" + "\n".join(lines) + "\n") if lines else None


def _copies(reading: ExerciseReading, at: str, entry: Table) -> Iterator[_Copy]:
    """What one entry wants."""
    pattern, mode = reading.line(entry, "file", at + "."), reading.line(entry, "chmod", at + ".")
    target = reading.line(entry, "target", at + ".") or "/root"
    if mode and not _MODE.fullmatch(mode):
        reading.fault(at + ".chmod", "is not a mode for chmod, such as +x or 0755")
        mode = ""
    target = re.sub(r"^~(?=/|$)", "/root", target)
    if not target.startswith("/") or ".." in PurePosixPath(target).parts:
        reading.fault(at + ".target", "is not an absolute path to a folder in the lab")
        return
    found = _matching(reading.folder / FOLDER, pattern)
    if not found:
        reading.fault(at + ".file", f"there is no file {pattern or '(nothing)'} in {FOLDER}/", serious=False)
    for name in found:
        kept = name if "**" in pattern else PurePosixPath(name).name
        yield _Copy(at, name, str(PurePosixPath(target) / kept), mode)


def _contents(reading: ExerciseReading, copies: list[_Copy]) -> dict[str, bytes]:
    """Each file once.  If all together are too large, the largest are left out, and the fault names the largest."""
    where = {copy.name: copy.at for copy in reversed(copies)}
    sizes = {name: _size(reading.folder / FOLDER / name) for name in where}
    total, largest = sum(sizes.values()), max(sizes, key=lambda name: sizes[name], default="")
    if total > MOST:
        reading.fault(
            where[largest] + ".file",
            f"all files together have {_mib(total)}, and the limit is {_mib(MOST)}: leave out or shrink the largest, "
            f"{one_line(largest)} ({_mib(sizes[largest])})",
        )
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if total > MOST:
            total -= sizes.pop(name)
    contents: dict[str, bytes] = {}
    for name in (name for name in where if name in sizes):
        try:
            contents[name] = read_bytes(reading.folder, f"{FOLDER}/{name}", sizes[name])
        except (FileMissing, FileRefused) as refused:
            reading.fault(where[name] + ".file", str(refused))
    return contents


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{-(-size // 1024)} KiB"


def _matching(folder: Path, pattern: str) -> list[str]:
    """Files below ``folder``: ``*`` matches no slash, ``**`` matches any."""
    found = []
    if pattern and folder.is_dir():
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            whole = "**" in pattern and fnmatchcase(name, pattern.replace("**/", "*").replace("**", "*"))
            if path.is_file() and (whole or (name.count("/") == pattern.count("/") and fnmatchcase(name, pattern))):
                found.append(name)
            if len(found) == MOST_FILES:
                break
    return found
