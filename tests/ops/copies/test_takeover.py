"""trainbot takeover and standby: when they refuse, and what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.ops.copies.conftest import Sender
from trainbot.adapters.copies.folder import Beat, Copy, CopyFolder
from trainbot.adapters.db.upkeep import settings_of
from trainbot.core.errors import BackendError
from trainbot.ops.copies import takeover as module
from trainbot.ops.copies.first_machine import Signs
from trainbot.ops.copies.standby import view
from trainbot.ops.copies.takeover import refusal, takeover

NOW = datetime(2026, 5, 1, 9, 0, 1, tzinfo=UTC)
NOBODY = Signs((), (), ())


@pytest.mark.parametrize(
    ("signs", "sentence"),
    [
        (NOBODY, ""),
        (Signs((), ("host xen1 does not answer (no route)",), ()), ""),
        (
            Signs(("it sent a copy 1 s ago", "trainbot answers on IRC"), (), ()),
            "the first machine is still there: it sent a copy 1 s ago, and trainbot answers on IRC; restart the bot there, or switch "
            "that machine off and try again",
        ),
        (
            Signs((), ("the IRC network cannot be reached (no route): look",), ()),
            "this machine may be the one that is cut off: the IRC network cannot be reached (no route): look",
        ),
    ],
)
def test_refused_while_anything_is_heard(signs, sentence):
    """One sign is enough, a host that is down is none, and without IRC nobody knows."""
    assert refusal(signs) == sentence


@pytest.fixture
def quiet(monkeypatch):
    """Nothing of the first machine is heard anywhere."""

    async def nothing(*_):
        return NOBODY

    monkeypatch.setattr(module, "signs_of_life", nothing)


def test_taken_over(sender, copied, tmp_path, quiet):
    """Everything is in place, with the next number and the new address; the first machine hears it at its next word."""
    said: list[str] = []
    ini = tmp_path / "second" / "bot.ini"
    takeover(sender.copies, ini, "second.example.net", said.append)
    assert settings_of(ini.parent / "trainbot.db")["epoch"] == "2"
    assert settings_of(ini.parent / "trainbot.db")["step"] == "5"
    assert "public_address = second.example.net" in ini.read_text()
    assert any(line.startswith("this machine has taken over (number 2), with everything until ") for line in said)
    assert sender.send(sender.hello())[0]["superseded"]["address"] == "second.example.net"


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")}


def test_typed_on_the_machine_that_is_copied(sender, copied, quiet):
    """One sentence, whether its bot runs or not, and nothing changes."""
    before = everything(sender.folder)
    with pytest.raises(BackendError, match="a trainbot runs here .*: takeover is for the other machine"):
        takeover(sender.copies, sender.ini, "", lambda line: None)
    sender.store.close()
    before = everything(sender.folder)
    with pytest.raises(BackendError, match="this is the machine that the copies are made of"):
        takeover(sender.copies, sender.ini, "", lambda line: None)
    assert everything(sender.folder) == before
    assert CopyFolder(sender.copies).taken_over() is None


def test_typed_on_the_machine_of_another_installation(sender, copied, tmp_path, quiet):
    """One sentence before anybody is asked, and nothing changes."""
    other = Sender(tmp_path / "other", tmp_path / "copies of it")
    other.note("owner", "another one")
    other.store.close()
    before, said = everything(other.folder), []
    with pytest.raises(
        BackendError, match="trainbot.db belongs to another installation .*: restore it to another folder"
    ):
        takeover(sender.copies, other.ini, "", said.append)
    assert everything(other.folder) == before and said == []


def test_typed_where_no_copies_are(tmp_path, quiet):
    with pytest.raises(BackendError, match="there is no copy in .*: run this on the machine that gets them"):
        takeover(tmp_path / "nothing", tmp_path / "bot.ini", "", lambda line: None)


def test_a_clock_that_is_off(sender, copied, tmp_path, quiet):
    """It would end leases at a wrong time: refused, with what to type."""
    value = json.loads((copied / "beat.json").read_text())
    (copied / "beat.json").write_text(json.dumps({**value, "clock_off": -3600.0}))
    with pytest.raises(BackendError, match="this machine's clock is 3600 s behind the first machine's"):
        takeover(sender.copies, tmp_path / "second" / "bot.ini", "", lambda line: None)
    assert not (tmp_path / "second").exists()


def test_a_sign_of_life_changes_nothing(sender, copied, tmp_path, monkeypatch):
    async def alive(*_):
        return Signs(("it sent a copy 0 s ago",), (), ())

    monkeypatch.setattr(module, "signs_of_life", alive)
    with pytest.raises(BackendError, match="the first machine is still there"):
        takeover(sender.copies, tmp_path / "second" / "bot.ini", "", lambda line: None)
    assert not (tmp_path / "second").exists() and CopyFolder(sender.copies).taken_over() is None


def beat(clock_off=0.0):
    return Beat(12, NOW, NOW, "boot", 1.0, clock_off)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ((None, None, None, ""), "-  no copy has arrived in /c yet: trainbot copy key on the first machine says how"),
        ((Copy, None, None, "/c/copy is torn"), "!  /c/copy is torn"),
        ((Copy, None, None, ""), "-  copy-1 has arrived"),
        ((Copy, beat(), 0.4, ""), "ok copy-1 is kept up to date: 12 changes, the last word at 09:00:01 UTC"),
        (
            (Copy, beat(), 11.0, ""),
            "!  nothing is heard of the first machine since 09:00:01 UTC; if it is gone: trainbot takeover /c",
        ),
        (
            (Copy, beat(), None, ""),
            "!  nothing is heard of the first machine since 09:00:01 UTC; if it is gone: trainbot takeover /c",
        ),
        ((Copy, beat(-90), 0.4, ""), "!  this machine's clock is -90 s off the first machine's: set it (timedatectl)"),
    ],
)
def test_what_the_standby_says(tmp_path, given, line):
    copy, *rest = given
    path = tmp_path.__class__("/c")
    assert view(path, copy and copy(path / "copy-1"), *rest).line == line
