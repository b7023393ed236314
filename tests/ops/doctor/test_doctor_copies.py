"""Where copies of the installation go: a folder here, or another machine, asked through a stand-in for ssh."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade
from trainbot.model.copies import CopiedFile, Manifest
from trainbot.ops.doctor.finding import Level

ACCOUNT = "copier@second.example.org"


@pytest.fixture
def second(installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for copies on the second machine, which is this one: ``ssh`` runs its last word in a shell."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in (
        ("ssh", 'for last; do :; done\nexec sh -c "$last"'),
        ("trainbot", f'exec {sys.executable} -m trainbot "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    folder = tmp_path / "second"
    config = installed.change(store={**installed.sections["store"], "copies": f"{ACCOUNT}:{folder}"})
    upgrade(config.store.url)
    store = Store(config.store.url)
    with store.transaction():
        store.settings.set("owner", "ours")
    store.close()
    return folder


def test_none_are_made(installed):
    """No fault, but said."""
    heard = installed.say("copies")
    assert heard.wrong == []
    assert heard.one("none are made", Level.NOTE).line.endswith("set copies in [store] (docs/operating.md)")


def test_the_other_machine_takes_them(installed, second: Path):
    """Its receiver greets, and keeps nothing of the question."""
    installed.say("copies").one(f"{ACCOUNT}:{second} takes them", Level.OK)
    assert [path.name for path in second.iterdir() if path.name.startswith("copy-")] == []


def test_the_other_machine_takes_none(installed, second: Path):
    """Its own words, and what is lost by it."""
    second.mkdir()
    second.chmod(0o755)
    (second / "taken-over.json").write_text('{"epoch": 5, "at": "2026-11-27T08:00:00+00:00", "address": ""}')
    line = installed.say("copies").one("takes none").line
    assert "another machine has taken over" in line and "so all is lost if this machine dies" in line


def test_a_machine_that_cannot_be_reached(installed, second: Path, tmp_path: Path):
    """What ssh says."""
    (tmp_path / "programs" / "ssh").write_text("#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")
    assert "Permission denied (publickey)" in installed.say("copies").one("takes none").line


def test_before_the_first_start(installed, second: Path):
    """Nobody is asked in the name of an installation that has none yet."""
    installed.database.unlink()
    installed.say("copies").one("was not asked", Level.NOTE)
    assert not second.exists()


@pytest.mark.parametrize(("where", "words"), [("copies", "takes them"), ("bot.ini/copies", "cannot be written")])
def test_a_folder(installed, where: str, words: str):
    """It is not made: doctor changes nothing."""
    folder = installed.folder / where
    installed.change(store={**installed.sections["store"], "copies": folder})
    installed.say("copies").one(words, Level.OK if words == "takes them" else Level.WRONG)
    assert not folder.exists()


def test_a_folder_of_another_installation(installed):
    """It would take none from this one."""
    copy = installed.folder / "copies" / "copy-20261130T040618Z"
    copy.mkdir(parents=True)
    files = (CopiedFile("base/bot.ini", 1, "0" * 64),)
    manifest = Manifest("0.2.0", "0016", "another one", 1, datetime(2026, 5, 1, tzinfo=UTC), 1, files[0], files)
    (copy / "manifest.json").write_text(json.dumps(manifest.to_json()))
    installed.change(store={**installed.sections["store"], "copies": copy.parent})
    installed.say("copies").one("holds copies of another installation (id another one)", Level.WRONG)
