"""tmux for images that have none."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from trainbot.images.importing import tmux
from trainbot.images.importing.tmux import COMMAND, FOLDER, tmux_files


def test_it_runs_with_its_own_libraries_alone(tmp_path: Path) -> None:
    """Laid out elsewhere as in an image, it starts, and none of its libraries is the system's."""
    files = tmux_files()
    for path, file in files.items():
        there = tmp_path / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        if file.file is not None:
            shutil.copy(file.file, there)
        else:
            there.write_text(file.content.replace(FOLDER, str(tmp_path / FOLDER.lstrip("/"))))
        there.chmod(file.mode)
    own = str(tmp_path / FOLDER.lstrip("/"))
    start = (tmp_path / COMMAND.lstrip("/")).read_text().splitlines()[1]
    words = shlex.split(start.removeprefix("exec ").replace('"$@"', "-V"))
    ran = subprocess.run(words, capture_output=True, text=True, env={"LD_DEBUG": "files"})
    assert ran.stdout.startswith("tmux "), ran.stderr
    loaded = [line.split("calling init: ")[1] for line in ran.stderr.splitlines() if "calling init: " in line]
    assert any("libevent" in path for path in loaded) and all(path.startswith(own) for path in loaded), loaded


def test_a_machine_without_tmux_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then image.json says so."""
    monkeypatch.setattr(tmux.shutil, "which", lambda *_, **__: None)
    assert tmux_files() == {}


def test_a_static_one_goes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No libraries, no loader: the program itself is the command."""
    (tmp_path / "tmux").write_text("#!/bin/sh\n")  # ldd calls it no dynamic executable, as it does a static program
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setattr(tmux.shutil, "which", lambda *_, **__: str(tmp_path / "tmux"))
    assert {path: file.file for path, file in tmux_files().items()} == {COMMAND: tmp_path / "tmux"}
