"""An exercise's own files (Katacoda's details.assets) as one script that puts them into a lab."""

from __future__ import annotations

import base64
import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from trainbot.adapters.scenario_files.folder import FileMissing, FileRefused, read_bytes
from trainbot.adapters.scenario_files.reader import ExerciseReading, Table
from trainbot.core.text import one_line
from trainbot.model.exercise import Script

FOLDER = "assets"
MOST = 384 << 10  # bytes of all files: as base64, the script still fits in one request to the gateway
MOST_FILES = 200
_MODE = re.compile(r"[0-7]{3,4}|[ugoa]*[-+=][rwxXst]+")


def assets_script(reading: ExerciseReading, hosts: Table) -> Script | None:
    """The script; None if there are no files.  The files of all machines go into the single lab."""
    lines: list[str] = []
    room = MOST
    for host, entries in hosts.items():
        if not isinstance(entries, list):
            reading.fault(f"details.assets.{one_line(str(host), 40)}", "is not a list")
            continue
        for number, entry in enumerate(entries[:MOST_FILES], 1):
            at = f"details.assets.{one_line(str(host), 40)}[{number}]"
            if not isinstance(entry, dict):
                reading.fault(at, "is not a mapping of keys to values")
                continue
            room = _entry(reading, at, entry, lines, room)
    return Script("assets", "#!/bin/sh\nset -e\n" + "\n".join(lines) + "\n") if lines else None


def _entry(reading: ExerciseReading, at: str, entry: Table, lines: list[str], room: int) -> int:
    """Adds the lines of one entry; returns the bytes left for others."""
    pattern, mode = reading.line(entry, "file", at + "."), reading.line(entry, "chmod", at + ".")
    target = reading.line(entry, "target", at + ".") or "/root"
    if mode and not _MODE.fullmatch(mode):
        reading.fault(at + ".chmod", "is not a mode for chmod, such as +x or 0755")
        mode = ""
    target = re.sub(r"^~(?=/|$)", "/root", target)
    if not target.startswith("/") or ".." in PurePosixPath(target).parts:
        reading.fault(at + ".target", "is not an absolute path to a folder in the lab")
        return room
    found = _matching(reading.folder / FOLDER, pattern)
    if not found:
        reading.fault(at + ".file", f"there is no file {pattern or '(nothing)'} in {FOLDER}/", serious=False)
    for name in found:
        try:
            data = read_bytes(reading.folder, f"{FOLDER}/{name}", room)
        except (FileMissing, FileRefused) as refused:
            reading.fault(
                at + ".file",
                f"{refused}"
                + (f" (the limit for all files together is {MOST >> 10} KiB)" if "larger" in str(refused) else ""),
            )
            continue
        room -= len(data)
        kept = name if "**" in pattern else PurePosixPath(name).name
        path = shlex.quote(str(PurePosixPath(target) / kept))
        lines.append(
            f"mkdir -p \"$(dirname {path})\"\nbase64 -d > {path} <<'EOF'\n{base64.b64encode(data).decode()}\nEOF"
        )
        if mode:
            lines.append(f"chmod {mode} {path}")
    return room


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
