"""trainbot restore: an installation as it was, or nothing at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from trainbot.adapters.copies.folder import Copy
from trainbot.adapters.db.upkeep import check
from trainbot.config import load
from trainbot.core.errors import BackendError
from trainbot.ops.copies.restore import listed, put_back, restore, with_address


def everything(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def fresh(tmp_path):
    """bot.ini of a machine that has none yet."""
    return tmp_path / "second" / "bot.ini"


def test_as_it_was(sender, copied, fresh):
    """Everything up to the last word of the first machine, files only their owner can read, and nothing to complain of."""
    said: list[str] = []
    assert restore(copied, fresh, replace=False, say=said.append) == 0
    assert said[0].startswith(f"restored {copied} as of ") and f" UTC: {sender.store.commits} changes" in said[0]
    assert said[-1] == f"next: trainbot check -c {fresh}, then trainbot run -c {fresh}"
    config = load(fresh)
    with closing(sqlite3.connect(fresh.parent / "trainbot.db")) as database:
        assert database.execute("select value from setting where name = 'step'").fetchone() == ("5",)
    assert check(config.store.url, config.store.state).faults == ()
    for name in ("state/pepper", "state/gateway_host_key", "keys/lab_key", "exercises/one/text.md", "bot.ini"):
        assert (fresh.parent / name).read_bytes() == (sender.folder / name).read_bytes()
        assert (fresh.parent / name).stat().st_mode & 0o777 == 0o600
    assert (fresh.parent / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_means_its_newest_copy(sender, copied, fresh):
    assert restore(sender.copies, fresh, replace=False, say=lambda line: None) == 0
    assert fresh.exists()


def test_what_is_there_is_not_overwritten(sender, copied, fresh):
    """Without --replace nothing changes; with it, what was there has another name."""
    fresh.parent.mkdir()
    (fresh.parent / "exercises" / "one").mkdir(parents=True)
    (fresh.parent / "exercises" / "one" / "text.md").write_text("mine\n")
    before = everything(fresh.parent)
    with pytest.raises(BackendError, match="text.md is there already; with --replace it is renamed first"):
        restore(copied, fresh, replace=False, say=lambda line: None)
    assert everything(fresh.parent) == before
    said: list[str] = []
    restore(copied, fresh, replace=True, say=said.append)
    [aside] = (fresh.parent / "exercises" / "one").glob("text.md.before-*")
    assert aside.read_text() == "mine\n" and f"before it there was {aside}" in said


def damage_database(copied):
    raw = bytearray((copied / "trainbot.db").read_bytes())
    raw[5000] ^= 1
    (copied / "trainbot.db").write_bytes(raw)


def lose_changes(copied):
    raw = (copied / "changes").read_bytes()
    (copied / "changes").write_bytes(raw[: len(raw) // 2])


def lose_a_file(copied):
    (copied / "files" / "base" / "state" / "pepper").unlink()


def newer(copied):
    value = json.loads((copied / "manifest.json").read_text())
    (copied / "manifest.json").write_text(json.dumps({**value, "format": 99}))


def link_a_file(copied):
    pepper = copied / "files" / "base" / "state" / "pepper"
    pepper.symlink_to(pepper.rename(copied.parent / "pepper"))


def link_the_copy(copied):
    copied.symlink_to(copied.rename(copied.parent / "elsewhere"))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (damage_database, r"is torn \(trainbot.db is not what was copied\): use another copy, trainbot copy list"),
        (lose_changes, r"is torn \(the last \d+ changes cannot be read\): use another copy"),
        (lose_a_file, r"is torn \(base/state/pepper is not what was copied\)"),
        (newer, "was made by a newer trainbot: install that one here first"),
        (lambda copied: (copied / "manifest.json").write_text("{"), "is torn"),
        (lambda copied: (copied / "manifest.json").unlink(), "is not a copy made by trainbot"),
        (lambda copied: (copied / "changes").chmod(0o644), "others can read .*changes, .*: chmod -R go= "),
        (lambda copied: copied.chmod(0o750), "others can read"),
        (link_a_file, "pepper is a symbolic link, and a copy has none: name the folder that trainbot made"),
        (link_the_copy, "is a symbolic link"),
    ],
)
def test_a_copy_that_cannot_be_used(sender, copied, fresh, harm, sentence):
    """One sentence, and nothing is there afterwards that was not there before.  The list says the same."""
    harm(copied)
    with pytest.raises(BackendError, match=sentence) as raised:
        put_back(Copy(copied), fresh, replace=False)
    assert "\n" not in str(raised.value)
    assert not fresh.parent.exists()
    said: list[str] = []
    assert listed(copied.parent, said.append) == 1 and said == [f"!  {copied.name}: {raised.value}"]


def test_the_last_transaction_may_be_cut_off(sender, copied, fresh):
    """What the first machine was not told is safe may be missing: it died in the middle of sending it."""
    sender.note("step", "6")
    raw = (copied / "changes").read_bytes()
    (copied / "changes").write_bytes(raw + b"TBc1\0\0\0")
    restore(copied, fresh, replace=False, say=lambda line: None)


def test_another_installation_is_not_replaced(sender, copied, fresh):
    """Its database stays, even with --replace."""
    fresh.parent.mkdir()
    with closing(sqlite3.connect(fresh.parent / "trainbot.db")) as database, database:
        database.execute("create table setting (name primary key, value)")
        database.execute("insert into setting values ('owner', 'somebody-else')")
    before = everything(fresh.parent)
    with pytest.raises(BackendError, match=r"belongs to another installation \(id somebody-else\)"):
        put_back(Copy(copied), fresh, replace=True)
    assert {name: text for name, text in everything(fresh.parent).items() if not name.endswith(".lock")} == before


def test_a_bot_that_runs_here(sender, copied):
    """It is told to be stopped; nothing of it is touched."""
    before = everything(sender.folder)
    with pytest.raises(BackendError, match="another trainbot already uses .*: stop it first"):
        put_back(Copy(copied), sender.ini, replace=True)
    assert everything(sender.folder) == before


def test_a_folder_that_cannot_be_made(sender, copied, fresh):
    """For root neither: there is a file where the folder should be."""
    fresh.parent.write_text("")
    with pytest.raises(BackendError, match="nothing is restored: .* cannot be written"):
        put_back(Copy(copied), fresh, replace=False)


def test_the_list_says_which_are_whole(sender, copied):
    said: list[str] = []
    assert listed(sender.copies, said.append) == 0
    assert said[0].startswith(f"ok {copied.name}: 0.1.0-test, made ")
    lose_a_file(copied)
    assert listed(sender.copies, said.append) == 1
    assert said[1].startswith(f"!  {copied.name}: ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "[labs] ; ours\nspare = 2\npublic_address = a ; people\n[irc]\npublic_address = x\n",
            "[labs] ; ours\nspare = 2\npublic_address = b ; changed by trainbot takeover\n[irc]\npublic_address = x\n",
        ),
        ("[irc]\nnick = x\n", "[irc]\nnick = x\n\n[labs]\npublic_address = b ; changed by trainbot takeover\n"),
        ("[labs]\nspare = 2\n", "[labs]\npublic_address = b ; changed by trainbot takeover\nspare = 2\n"),
    ],
)
def test_another_address_for_learners(before, after):
    """Only that line of bot.ini changes."""
    assert with_address(before, "b") == after
