"""Which bot.ini a shell command uses, and whose installation it may touch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainbot.cli import shared
from trainbot.core.errors import UserError


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's bot.ini, not there yet; the current folder is an empty one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("TRAINBOT_CONFIG", raising=False)
    monkeypatch.setattr(shared, "PACKAGED", tmp_path / "packaged.ini")
    return tmp_path / "packaged.ini"


def used() -> str:
    parameter = shared.cli.commands["check"].params[0]
    return str(parameter.get_default(shared.click.Context(shared.cli.commands["check"])))


def test_the_nearest_bot_ini_is_used(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's one only if there is no other, and the one here also if there is none, so that its name is told."""
    assert used() == "bot.ini"
    packaged.touch()
    assert used() == str(packaged)
    Path("bot.ini").touch()
    assert used() == "bot.ini"
    monkeypatch.setenv("TRAINBOT_CONFIG", "/other.ini")
    assert used() == "/other.ini"


def test_root_leaves_no_files_in_an_installation_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's files would be root's, and the bot could not open its database any more."""
    ini = tmp_path / "bot.ini"
    ini.write_text("[irc]\nchannels = #a\n[store]\nstate = home/state\n")
    shared.read(ini)
    (tmp_path / "home").mkdir()
    if os.geteuid() == 0:
        shared.read(ini)
        os.chown(tmp_path / "home", 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UserError, match=r"home belongs to \w+: run this as that user \(runuser -u \w+ -- trainbot …\)"):
        shared.read(ini)
