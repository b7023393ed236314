"""A person is taken out of everything: looked for byte by byte in all that the installation has on disk."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import asyncssh

from tests.whole.running import CHANNEL, RunningBot

NICK = "zebedee"


def found(bot: RunningBot, *words: bytes) -> list[str]:
    """Where each of ``words`` stands, in file names too.  bot.log is what the bot wrote to its terminal: that is the service
    manager's (docs/operating.md)."""
    places = {
        str(path.relative_to(bot.folder)): path.read_bytes().lower()
        for path in bot.folder.rglob("*")
        if path.is_file() and path.name != "bot.log"
    }
    assert {"trainbot.db", "state/gateway.log", "state/routes.json"} <= places.keys()
    return [f"{word!r} in {place}" for place, text in places.items() for word in words if word in text + place.encode()]


async def logs_in(bot: RunningBot, password: str, key: Path) -> None:
    """With that password and an agent's key, after a wrong one; the lab is only a name, so nothing answers there."""
    (_address, port), *_ = bot.config.gateway.listen
    for tried in ("wrong", password):
        try:
            async with asyncssh.connect(
                "127.0.0.1", port, username="debian", password=tried, client_keys=[key], known_hosts=None
            ) as connection:
                await asyncio.wait_for(connection.run("true"), 3)
        except (TimeoutError, asyncssh.Error):
            continue


async def test_nothing_on_disk_knows_them(bot, russell, people, ngircd, tmp_path) -> None:
    """Somebody with a key, a lab, logins, questions, a step done and minutes: after log redact no file of the installation
    has their nick, address, key or fingerprint."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    zebedee = await people(ngircd.port, NICK, source="127.0.0.9")
    await bot.arrive(russell)
    await bot.logs("lab tb-debian-\\S+ on xen1 is ready")
    await russell.ask("!start", "begins", CHANNEL)
    said = await zebedee.ask("!lab debian", "your debian lab: password (\\S+)", "")
    await logs_in(bot, said[1], tmp_path / "key")
    await zebedee.whisper(f"key {key.export_public_key().decode().strip()}", "key saved")
    await zebedee.ask("!ask does it hurt?", "question 1", CHANNEL)
    await russell.ask("!next", "Step 1", CHANNEL)
    zebedee.say(CHANNEL, "!done")
    await russell.expect(rf"^:{NICK}!\S+ PRIVMSG {CHANNEL} :!done")  # nobody may ask before the server has it
    await russell.ask("!progress", "1 done", CHANNEL)
    assert len(found(bot, NICK.encode())) >= 2
    await russell.ask("!end", "Type !yes", CHANNEL)
    await russell.ask("!yes", "is over", CHANNEL)
    await zebedee.ask("!lab return", "Type !yes", "")
    await zebedee.ask("!yes", "you gave back your debian lab", "")
    await zebedee.close()
    ran = await bot.shell("log", "redact", NICK, "--yes")
    assert ran.code == 0, ran
    await russell.whisper("status", "I am trainbot")
    public = key.public_data
    marks = (NICK.encode(), b"127.0.0.9", base64.b64encode(public).lower(), key.get_fingerprint().lower().encode())
    assert found(bot, *marks, said[1].encode()) == []
