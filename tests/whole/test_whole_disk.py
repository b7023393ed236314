"""What the bot acknowledges is on disk; what cannot be is said so."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.whole.running import CHANNEL, NICK, PRESENTER

NOT_DONE = "not done: I can't write to my database right now; try again in a minute"


async def test_a_database_that_another_program_holds(bot, russell, alice):
    """Whoever asks meanwhile is told that it was not done; everything else is there, and then it goes on."""
    bot.change(host_xen1=None, image_debian=None)
    await bot.arrive(alice)
    await alice.ask("!ask first?", "question 1", CHANNEL)
    with closing(sqlite3.connect(bot.folder / "trainbot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await alice.ask("!ask second?", NOT_DONE, CHANNEL)
        other.execute("ROLLBACK")
    await alice.ask("!ask third?", "question 2", CHANNEL)
    await bot.kill()
    assert bot.rows("select id, words from question order by id") == [(1, "first?"), (2, "third?")]


async def test_irc_goes_on_while_the_database_is_held(bot, russell, alice):
    """The bot answers PING, and what it is asked is done when the other program ends: in the order in which it was said,
    and with no word in between."""
    bot.change(host_xen1=None, image_debian=None)
    await bot.arrive(alice)
    await russell.ask("!start selinux", "SE Linux", CHANNEL)
    await alice.ask("!ask first?", "question 1", CHANNEL)
    heard = len(alice.lines)
    with closing(sqlite3.connect(bot.folder / "trainbot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for text in ("!ask second?", "thinking aloud", "!ask third?"):
            alice.say(CHANNEL, text)
        for number in range(20):  # each needs a turn of the loop
            alice.say(NICK, f"\x01PING {number}\x01")
            await alice.expect(rf"^:{NICK}!\S+ NOTICE alice :\x01PING {number}\x01")
        assert not [line for line in alice.lines[heard:] if "PRIVMSG" in line]
        other.execute("ROLLBACK")
    await alice.hear(r"alice: question 2\b", CHANNEL)
    await alice.hear(r"alice: question 3\b", CHANNEL)
    await bot.kill()
    assert bot.rows("select words from question order by id") == [("first?",), ("second?",), ("third?",)]
    assert bot.rows("select text from entry where text = 'thinking aloud'") == [("thinking aloud",)]


@pytest.mark.parametrize("trouble", ["full", "too large"])
async def test_a_disk_that_takes_no_more(ngircd, make_bot, people, tmp_path, trouble):
    """A file system of 2 MB that is full, and a limit on files' size: whoever asks is told that it was not done; when
    there is room again it goes on; every question, vote and answer that was acknowledged is there."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None)
    small = bot.folder / "small"
    small.mkdir()
    bot.change(store={"url": f"sqlite:///{small}/trainbot.db"}, questions={"a_person": 1000, "a_minute": 1000})
    plain = bot.command
    if trouble == "full":  # a mount of its own namespace, which needs no rights on the machine
        script = f'mount -t tmpfs -o size=2m none {small} && exec "$@"'
        bot.command = lambda *words: ("unshare", "-rm", "sh", "-c", script, "sh", *plain(*words))
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    alice = await people(ngircd.port, "alice")
    await bot.arrive(russell)
    await alice.ask("!ask first?", "question 1", CHANNEL)
    inside = Path(f"/proc/{bot.process.pid}/root{small}") if trouble == "full" else small
    with no_room(bot.process.pid, inside, trouble):
        words = "why " * 60
        told = ""
        acknowledged = 1
        while NOT_DONE not in told:  # until what is left is used up
            told = (await alice.ask(f"!ask {acknowledged} {words}", rf"(question {acknowledged + 1}\b|{NOT_DONE})"))[1]
            acknowledged += NOT_DONE not in told
    await russell.ask("!answer 1 it is so", "it is so", CHANNEL)
    found = await alice.ask("!ask last?", r"question (\d+)")
    copy = tmp_path / "copy"
    shutil.copytree(inside, copy)
    await bot.signal(signal.SIGKILL)
    with closing(sqlite3.connect(copy / "trainbot.db")) as database:
        ids = {row[0] for row in database.execute("select id from question")}
        assert ids >= {*range(1, acknowledged + 1), int(found[1])}
        assert database.execute("select answer from question where id = 1").fetchone() == ("it is so",)
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


@contextmanager
def no_room(pid: int, folder: Path, trouble: str) -> Iterator[None]:
    """Until it is left, the files in ``folder`` cannot grow."""
    if trouble == "too large":
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        size = max(path.stat().st_size for path in folder.iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 20_000, before[1]))
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        return
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    yield
    filler.unlink()
