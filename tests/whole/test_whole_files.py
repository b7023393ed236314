"""Files that go, or are damaged, under the running bot or while it is away."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
from pathlib import Path

from tests.whole.running import CHANNEL
from trainbot.gateway import process as gateway_process


async def test_a_control_socket_that_is_removed(bot, alice):
    """Somebody cleans up in the state folder: shell commands and passwords work again within seconds, also with a gateway
    that was started since."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    for name in ("control.sock", "gateway.sock"):
        (bot.state / name).unlink()
    await bot.logs("control.sock was removed or replaced: it is made again")
    ran = await bot.shell("lab", "list")
    assert ran.code == 0, ran
    await asyncio.to_thread(gateway_process.stop, bot.state)
    await alice.ask("!lab debian", "your debian lab: password ", "")


async def test_a_gateway_that_hangs(bot, alice, bob):
    """It is there and takes nothing: no password is told that would open nothing.  A kill -9 of the bot meanwhile loses no
    answer; once the gateway goes on, everybody has theirs."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    pid = gateway_process.running(bot.state)
    os.kill(pid, signal.SIGSTOP)
    try:
        await alice.ask("!lab debian", "(?<!password )your lab is there, but the ssh gateway does not take new", "")
        await bot.logs("the gateway has not taken the latest table of labs")
        await bot.kill()
        await alice.bot_goes()
        assert not [line for line in alice.lines if "ssh -p" in line]
        await bot.start()
        await alice.bot_joins()
        bob.say(CHANNEL, "!lab debian")
        await bot.logs("the gateway has not taken the latest table of labs")
    finally:
        os.kill(pid, signal.SIGCONT)
    await alice.hear("your debian lab: password .*sorry for the delay", "")
    await bob.hear("your debian lab: password .*sorry for the delay", "")


async def test_no_file_descriptor_is_left(bot, alice, russell):
    """The bot says so in a sentence, answers on with what it has, and recovers when there are some again."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    pid = bot.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    await bot.logs("the gateway is down: Too many open files")
    assert "Traceback" not in bot.lines[-1] + bot.lines[-2]
    await alice.ask("!tz nowhere at all", "no place called nowhere at all")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert (await bot.shell("lab", "list")).code == 0


async def test_a_write_ahead_log_that_is_lost(bot, alice, russell):
    """A kill -9, and then somebody tidies up -wal: quiet moments have put everything into the database itself; what was
    not there yet is missed at the next start, and staff hear from when to when, once."""
    bot.change(host_xen1=None, image_debian=None)
    await bot.arrive(alice)
    await alice.ask("!ask first?", "question 1", CHANNEL)
    while (bot.folder / "trainbot.db-wal").stat().st_size:  # until a quiet moment
        await asyncio.sleep(0.1)
    reader = sqlite3.connect(bot.folder / "trainbot.db", isolation_level=None)  # now nothing can be put there
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM question").fetchall()
    await alice.ask("!ask second?", "question 2", CHANNEL)
    while json.loads((bot.state / "heartbeat.json").read_text())["commits"] < commits(bot):
        await asyncio.sleep(0.1)
    await bot.kill()
    database = bot.folder / "trainbot.db"
    alone = database.read_bytes()
    reader.close()
    for ending in ("", "-wal", "-shm"):
        Path(f"{database}{ending}").unlink(missing_ok=True)
    database.write_bytes(alone)
    assert (await bot.shell("db", "check")).code == 1
    await bot.arrive(alice)
    await russell.hear(
        "may be missing from my database .it is older than what I had stored: [0-9]+ changes? (is|are) gone", ""
    )
    assert bot.rows("select words from question") == [("first?",)]
    looked = await bot.shell("doctor", "store")
    assert looked.code == 0 and "may be missing from my database" in looked.out, looked
    await bot.kill()
    heard = len(russell.lines)
    await bot.arrive(alice)
    await russell.whisper("status", "trainbot|server|irc")
    assert not [line for line in russell.lines[heard:] if "may be missing" in line]


def commits(bot):
    return int(bot.rows("select value from setting where name = 'commits'")[0][0].split()[0])


async def test_a_database_that_is_gone(bot, alice):
    """Deleted while the bot is away: neither the bot nor a shell command makes a new one, until somebody says so."""
    bot.change(host_xen1=None, image_debian=None)
    await bot.arrive(alice)
    await alice.ask("!ask first?", "question 1", CHANNEL)
    await bot.signal(signal.SIGTERM)
    kept = bot.folder / "kept"
    assert (await bot.shell("db", "backup", str(kept))).code == 0
    (bot.folder / "trainbot.db").unlink()
    gone = "belongs to one: put it back, restore a backup with trainbot db restore FILE, or start with an empty one with trainbot run --new"
    for command in (("run",), ("db", "upgrade"), ("db", "check"), ("log", "list"), ("schedule", "publish", "there")):
        ran = await bot.shell(*command)
        assert ran.code == 1 and ran.err.count("\n") == 1 and gone in ran.err, ran
    for command in (("check",), ("doctor", "store")):
        ran = await bot.shell(*command)
        assert ran.code == 1 and "restore a backup with trainbot db restore FILE" in ran.out, ran
    assert not (bot.folder / "trainbot.db").exists()
    assert (await bot.shell("db", "restore", str(kept))).code == 0
    await bot.arrive(alice)
    assert bot.rows("select words from question") == [("first?",)]
    await bot.signal(signal.SIGTERM)
    assert "use --new" in (await bot.shell("run", "--new")).err
    (bot.folder / "trainbot.db").unlink()
    await bot.arrive(alice, "--new")
    await alice.ask("!ask anew?", "question 1", CHANNEL)
