"""A machine is lost with everything on it: the copy elsewhere brings the class back."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime

from tests.whole.running import CHANNEL, DEADLINE
from trainbot.adapters.copies.folder import CopyFolder
from trainbot.gateway import process as gateway_process


async def safe(folder, bot):
    """Returns once all that the bot has stored is in a copy."""
    wanted = int(bot.rows("select value from setting where name = 'commits'")[0][0].split()[0])
    async with asyncio.timeout(DEADLINE):
        while True:
            found = CopyFolder(folder).copies()
            if found and (beat := found[-1].beat()) is not None and beat.commits >= wanted:
                return
            await asyncio.sleep(0.05)


async def test_a_class_after_its_machine_is_gone(ngircd, libvirtd, make_bot, russell, alice, tmp_path):
    """Step, queue, lab with its password, host key: restored on a fresh machine, they are as they were; status told the
    age of the copy, and a copy by hand its name."""
    bot = make_bot(ngircd.port, host_xen1={"uri": libvirtd.uri}, store={"copies": tmp_path / "copies"})
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins", CHANNEL)
    await alice.ask("!lab debian", "password", "")
    await alice.lab_is_ready()
    await russell.ask("!goto 2", "Step 2 of 3", CHANNEL)
    made = await bot.shell("copy")
    assert made.code == 0 and "is complete in" in made.out, made
    await alice.ask("!ask first?", "question 1", CHANNEL)
    await safe(tmp_path / "copies", bot)
    assert "ok store: copy copy-" in (await bot.shell("status")).out
    names = ("class", "attendance", "done", "question", "lease", "person")
    before = {name: bot.rows(f"select * from {name}") for name in names}
    key, domains = (bot.state / "gateway_host_key").read_bytes(), libvirtd.domains()
    await bot.kill()
    await asyncio.to_thread(gateway_process.stop, bot.state)
    await russell.bot_goes()

    second = make_bot(ngircd.port)
    for path in second.folder.iterdir():
        if path.name != "bot.ini":
            shutil.rmtree(path)
    second.ini.unlink()
    restored = await second.shell("restore", str(tmp_path / "copies"))
    assert restored.code == 0 and restored.out.startswith("restored "), restored
    await second.start()
    await russell.hear("I'm back after a restart: SE Linux for beginners is at step 2 of 3", CHANNEL)
    await second.logs("host xen1 answers: .* of ours")
    for name, was in before.items():
        assert second.rows(f"select * from {name}") == was, name
    assert (second.state / "gateway_host_key").read_bytes() == key
    await russell.ask("!q", r"1 open: 1 alice: first\?", CHANNEL)
    await alice.ask("!lab list", "on xen1: ready", "")
    assert libvirtd.domains().items() >= domains.items()
    for log in (bot.lines, second.lines):
        assert not [line for line in log if "Traceback" in line]


async def test_who_shares_the_folder_may_have_taken_over(ngircd, make_bot, alice, tmp_path):
    """The one before says so and is not seen in the channel."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None, store={"copies": tmp_path / "copies"})
    await bot.arrive(alice)
    await bot.logs("copy .* is complete")
    await bot.kill()
    await alice.bot_goes()
    CopyFolder(tmp_path / "copies").take_over(2, datetime(2026, 12, 1, tzinfo=UTC), "second.example.org")
    mark = len(alice.lines)
    await bot.start()
    assert await bot.ended() == 3
    assert "and people reach it at second.example.org: nothing is done here" in bot.lines[-1]
    alice.send("PING :all is heard")
    await alice.expect("PONG .*all is heard", DEADLINE)
    assert [line for line in alice.lines[mark:] if " JOIN " in line] == []
