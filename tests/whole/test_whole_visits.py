"""A helper at the terminal of a learner's real machine: the bot as a process, the gateway, and two terminals."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from tests.whole.running import CHANNEL, HELPER, PRESENTER
from tests.whole.test_whole_machine import Learner, at, bot

BOOT = 900.0  # seconds, at most
__all__ = ["bot"]  # the fixture: a bot with one image and an embedded host


@pytest.mark.content
async def test_a_helper_at_a_real_terminal(bot, ngircd, people):
    """!stuck, !come, !helping; both type into the same shell of the lab; alice hears of it on IRC and at her terminal; !alone
    ends it at once, and the record says who was there until when."""
    alice = await people(ngircd.port, "alice")
    hannah = await people(ngircd.port, "hannah", source=HELPER)
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(alice)
    await bot.logs("host here answers")
    await russell.ask("!start selinux", "begins", CHANNEL)
    key = bot.folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    await hannah.whisper(f"key {key.with_suffix('.pub').read_text().strip()}", r"key saved\. .*:$")
    confirm = await hannah.hear(r"(ssh -p \d+ \w{6}@127\.0\.0\.1)$", "")
    assert (await Learner(bot.folder, confirm[1], key=key).run("true"))[0] == 255  # she has no lab
    await hannah.hear("your ssh key .* is confirmed", "")
    command, password = await alice.lab("debian", r" \(it is booting")
    await bot.logs("lab tb-debian-\\S+ on here is ready", BOOT)
    alice.say(CHANNEL, "!stuck it says no")
    await alice.hear("noted, you are next; !done clears it, !come lets a helper work at your terminal", "")
    alice.say(CHANNEL, "!come")
    await alice.hear("the helper who takes you may work at your terminal", "")
    hannah.say(CHANNEL, "!helping alice")
    way = await hannah.hear(r"(ssh -p \d+ desk\+1@127\.0\.0\.1)$", "")

    learner, helper = Learner(bot.folder, command, password=password), Learner(bot.folder, way[1], key=key)
    hers = at(learner)
    hers.patience = BOOT
    await asyncio.to_thread(hers.until, b"# ")
    guest = at(helper)
    guest.patience = BOOT
    await asyncio.to_thread(guest.until, b"# ")
    await alice.hear("hannah \\(helper\\) is at the terminal of your lab now; !alone ends it", "")
    await asyncio.to_thread(hers.until, b"hannah (helper) is at your terminal")
    guest.type(b"echo from:$((40+2)):hannah\n")
    await asyncio.to_thread(hers.until, b"from:42:hannah")
    hers.type(b"echo from:$((40+3)):alice\n")
    await asyncio.to_thread(guest.until, b"from:43:alice")
    code, out, err = await helper.run("id")
    assert code == 255 and out == "" and "at its terminal only" in err

    alice.say(CHANNEL, "!alone")
    await asyncio.to_thread(guest.until, b"the visit is over: alice has ended it")
    assert await asyncio.to_thread(guest.close) == 255
    ((visitor, owner, address, ended),) = bot.rows(
        "select g.nick, o.nick, l.address, l.ended_at from visit_login l join person g on g.id = guest_id "
        "join person o on o.id = owner_id where l.id = 1"
    )
    assert (visitor, owner, address) == ("hannah", "alice", "127.0.0.1") and ended
    hers.process.kill()
    hers.close()
