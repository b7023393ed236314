"""tmux for images that have none, as Enterprise Linux's cloud images: this machine's own, with the libraries that it needs.

A lab has no way to a mirror, and without tmux nothing survives a dropped connection.  The libraries, the loader among them, are
in a folder of their own that only this tmux reads, so it does not matter which C library the image has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from trainbot.images.build.command import environment
from trainbot.images.importing.seed import SeedFile

COMMAND = "/usr/local/bin/tmux"
FOLDER = "/usr/local/lib/lab-tmux"
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_LOADER = re.compile(r"ld-linux[^/]*\.so\.[0-9]+")


def tmux_files() -> dict[str, SeedFile]:
    """Path in the image -> file; empty where this machine has no tmux, or one for another kind of machine."""
    program = shutil.which("tmux", path=environment()["PATH"])
    if program is None or os.uname().machine != "x86_64":
        return {}
    try:
        found = subprocess.run(["ldd", program], capture_output=True, text=True, env=environment(), check=False)
    except OSError:
        return {}
    libraries = [Path(path) for path in _LIBRARY.findall(found.stdout)]
    if not libraries:  # static
        return {COMMAND: SeedFile("", 0o755, Path(program))} if "not a dynamic" in found.stdout + found.stderr else {}
    loader = next((library.name for library in libraries if _LOADER.fullmatch(library.name)), None)
    if loader is None:
        return {}
    start = f'exec {FOLDER}/{loader} --argv0 tmux --library-path {FOLDER} {FOLDER}/tmux "$@"'
    files = {f"{FOLDER}/{library.name}": SeedFile("", 0o755, library.resolve()) for library in libraries}
    return {
        COMMAND: SeedFile(f"#!/bin/sh\n{start}\n", 0o755),
        f"{FOLDER}/tmux": SeedFile("", 0o755, Path(program).resolve()),
        **files,
    }
