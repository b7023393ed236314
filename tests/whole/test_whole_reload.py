"""A running bot whose bot.ini changes."""

from __future__ import annotations

import signal

from tests.whole.running import CHANNEL, HELPER


async def test_bot_ini_is_read_again_without_leaving(bot, ngircd, people, alice):
    """On SIGHUP a new presenter may present; a broken file changes nothing; nobody sees the bot go."""
    hannah = await people(ngircd.port, "hannah", source=HELPER)
    await bot.arrive(alice)
    await hannah.ask("!start selinux", "presenter")
    bot.change(roles={"presenter": f"mask:*!*@{HELPER}"}, labs={"spare": 3})
    bot.process.send_signal(signal.SIGHUP)
    await bot.logs(r"read again; new: \[roles\]")
    await bot.logs(r"needs a restart: \[labs\]")
    bot.ini.write_text(bot.ini.read_text() + "[rolls]\n")
    bot.process.send_signal(signal.SIGHUP)
    await bot.logs(r"is not applied: \[rolls\]: unknown section, did you mean \[roles\]")
    await hannah.ask("!start selinux", "begins, with hannah", CHANNEL)
    assert await bot.signal(signal.SIGTERM) == 0
    await alice.bot_goes()
