"""The receiver of copies: what it keeps, and what it refuses, whoever sends."""

from __future__ import annotations

import errno
import io
import os
import stat
from datetime import UTC, datetime

import pytest

from tests.ops.copies.conftest import OWNER
from trainbot.adapters.copies import wire
from trainbot.adapters.copies.folder import Copy, CopyFolder, CopyWriter
from trainbot.adapters.db.upkeep import settings_of
from trainbot.ops.copies.restore import put_back


def left(sender) -> list[str]:
    """Everything in the folder of copies but the lock."""
    return sorted(path.name for path in sender.copies.iterdir() if path.name != ".receiver.lock")


def test_a_copy_is_there_as_a_whole(sender, copied):
    """bot.ini and what it names, state without what belongs to processes, exercises, schedules; nobody else can read it."""
    found = {str(path.relative_to(copied / "files")) for path in (copied / "files").rglob("*") if path.is_file()}
    assert found == {
        "base/bot.ini",
        "base/keys/lab_key",
        "base/state/pepper",
        "base/state/gateway_host_key",
        "base/state/known_hosts",
        "base/exercises/one/text.md",
        "base/schedules/course.toml",
    }
    for path in (copied, *copied.rglob("*")):
        assert not path.stat().st_mode & 0o077, path
    assert stat.S_IMODE((copied / "trainbot.db").stat().st_mode) == 0o600
    beat = CopyFolder(sender.copies).newest().beat()
    assert beat.commits == sender.store.commits and abs(beat.clock_off) < 60 and beat.silence() < 600


def test_the_copy_before_is_followed_until_the_new_one_is_complete(sender, tmp_path):
    """A large database takes its time: whoever dies meanwhile leaves a copy that is up to date."""
    sender.note("step", "1")
    said = sender.hello() + sender.whole()
    sender.note("step", "2")
    said += sender.changes()
    whole = sender.whole()
    middle = whole.index(b'{"kind": "file", "name": "trainbot.db"')
    sender.note("step", "3")
    changes = sender.changes()
    sender.send(said, whole[:middle], changes)
    [name] = left(sender)
    ini = tmp_path / "second" / "bot.ini"
    put_back(Copy(sender.copies / name), ini, replace=False)
    assert settings_of(ini.parent / "trainbot.db")["step"] == "3"
    sender.send(said, whole[:middle], changes, whole[middle:], sender.changes())
    newest = CopyFolder(sender.copies).newest()
    put_back(newest, tmp_path / "third" / "bot.ini", replace=False)
    assert settings_of(tmp_path / "third" / "trainbot.db")["step"] == "3"


def test_as_many_are_kept_as_wanted(sender):
    """The newest three, and no draft of one that was cut off."""
    (sender.copies / ".copy-20200101T000000Z.new").mkdir(parents=True)
    for number in range(9):
        *_, published, _beat = sender.send(sender.hello(), sender.whole(), sender.changes())
        assert left(sender)[-1] == published["name"], number
        assert len(left(sender)) == min(number + 1, 3) and all(name.startswith("copy-") for name in left(sender))


def test_the_newest_is_the_last_one_that_came(sender):
    """Even if this machine's clock was set back in between."""
    sender.send(sender.hello(), sender.whole())
    [name] = left(sender)
    (sender.copies / name).rename(sender.copies / "copy-20990101T000000Z")
    for number in (1, 2):
        sender.send(sender.hello(), sender.whole())
        assert CopyFolder(sender.copies).newest().name == f"copy-20990101T000000Z-00{number}"
    for number in range(3, 9):  # the first ones are removed, and their names not used again
        sender.send(sender.hello(), sender.whole())
        assert CopyFolder(sender.copies).newest().name == f"copy-20990101T000000Z-00{number}"


@pytest.mark.parametrize("cut", [40, 400, 4000, -1])
def test_a_sender_that_goes_away_leaves_nothing(sender, cut):
    """In the middle of anything: no half copy is there, and the one before it stays."""
    sender.send(sender.hello(), sender.whole())
    before = left(sender)
    said = sender.hello() + sender.whole()
    sender.send(said[:cut])
    assert left(sender) == before


@pytest.mark.parametrize(
    "name",
    ["../bot.ini", "base/../../x", "/etc/passwd", "root//x", "base", "trainbot.db/x", "base/\x1b[2J", "base/./x"],
)
def test_names_that_would_leave_the_copy(sender, name):
    """They are refused, whatever the key's owner sends."""
    answers = sender.send(sender.hello(), wire.line({"kind": "begin"}), sender.file(name, b"x"))
    assert "do not understand each other" in answers[-1]["error"]
    assert left(sender) == []


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"kind":"beat","commits":1}\n',
        b'{"kind":"file","name":"base/x","bytes":-1}\n',
        b'{"kind":"part","generation":1,"offset":0,"bytes":99999999999}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_nonsense_is_one_sentence(sender, said):
    """Before and after the greeting."""
    for before in (b"", sender.hello()):
        answers = sender.send(before, said)
        assert answers[-1]["error"].startswith("the two trainbots do not understand each other")
        assert left(sender) == []


def test_copies_of_another_installation(sender, copied):
    """They are not mixed: the second one is told to use another folder."""
    sender.owner = "another"
    [answer] = sender.send(sender.hello(), sender.whole())
    assert answer["error"] == (
        f"{sender.copies} holds copies of another installation (id {OWNER}): name another folder in [store] copies"
    )
    assert left(sender) == [copied.name]


def test_a_file_that_is_not_what_was_sent(sender):
    """The manifest and what arrived differ: no copy."""
    said = sender.whole().replace(b"# One\n", b"# Two\n")
    assert "not what was sent" in sender.send(sender.hello(), said)[-1]["error"]
    assert left(sender) == []


def test_a_database_that_is_damaged(sender):
    """What arrived is what was sent, but SQLite finds damage in it: no copy that looks like one."""
    path = sender.folder / "trainbot.db"
    sender.store.checkpoint()
    raw = bytearray(path.read_bytes())
    raw[2 * 4096 : 6 * 4096] = os.urandom(4 * 4096)
    path.write_bytes(raw)
    answer = sender.send(sender.hello(), sender.whole())[-1]
    assert "is torn" in answer["error"]
    assert left(sender) == []


class Full(io.RawIOBase):
    """A file on a full disk."""

    def writable(self) -> bool:
        return True

    def write(self, _data) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk(sender, copied, monkeypatch):
    """One sentence, and the copies that are there stay; nothing of the new one does, though small files wait in memory."""
    monkeypatch.setattr(CopyWriter, "create", lambda _self, _name: io.BufferedWriter(Full()))
    answer = sender.send(sender.hello(), sender.whole())[-1]
    assert answer["error"] == (
        f"the copy cannot be written to {sender.copies} (its disk is full: free some space there)"
    )
    assert left(sender) == [copied.name]


def test_who_was_superseded_hears_it_at_once(sender, copied):
    """At the greeting, and at the next beat of a connection that was there before."""
    CopyFolder(sender.copies).take_over(2, datetime(2026, 5, 1, 9, tzinfo=UTC), "lab2.example.net")
    taken = {"superseded": {"epoch": 2, "at": "2026-05-01T09:00:00+00:00", "address": "lab2.example.net"}}
    assert sender.send(sender.hello(), sender.whole())[0] == taken
    sender.epoch = 2
    assert sender.send(sender.hello())[0]["ok"]
