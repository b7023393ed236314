"""The bot and its gateway as systemd's services."""

from __future__ import annotations

import asyncio
import configparser
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.whole.running import DEADLINE, RunningBot
from trainbot.gateway import process

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))


class Systemd:
    """The socket to which a service reports; ``told`` waits for the next report that matches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    async def told(self, pattern: str) -> re.Match[str]:
        async with asyncio.timeout(DEADLINE):
            while True:
                said = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
                if found := re.match(pattern, said.decode()):
                    return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def systemd(bot: RunningBot, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Systemd]:
    """What runs next is its service, watched."""
    found = Systemd(bot.folder / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(found.path))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    yield found
    found.close()


async def test_the_bot_says_how_it_is_from_start_to_stop(bot, systemd):
    """Ready even though there is no network, alive, reloading, ready again, stopping; its gateway is not the service."""
    bot.change(irc={"port": 1})
    await bot.start()
    await systemd.told("STATUS=opening the database$")
    await systemd.told("STATUS=not connected to 127.0.0.1, in 0 of 1 channels; . of 1 hosts up$")
    await systemd.told("READY=1$")
    assert (await bot.shell("status", "--json")).code == 1  # it serves, and says that it is not on IRC
    for _ in range(3):
        await systemd.told("WATCHDOG=1$")
    bot.process.send_signal(signal.SIGHUP)
    await systemd.told(r"RELOADING=1\nMONOTONIC_USEC=\d+$")
    await systemd.told("READY=1$")
    gateway = process.running(bot.state)
    environment = Path(f"/proc/{gateway}/environ").read_bytes()
    assert b"NOTIFY_SOCKET" not in environment and b"WATCHDOG" not in environment
    bot.process.send_signal(signal.SIGTERM)
    await systemd.told("STOPPING=1$")
    assert await bot.ended() == 0


async def test_the_gateway_says_how_it_is_from_start_to_stop(bot, systemd):
    """Ready when it listens, alive, stopping."""
    service = await asyncio.create_subprocess_exec(*bot.command("gateway"), stderr=subprocess.DEVNULL)
    try:
        await systemd.told(r"STATUS=listening on 127.0.0.1 port \d+$")
        await systemd.told("READY=1$")
        for _ in range(3):
            await systemd.told("WATCHDOG=1$")
        service.send_signal(signal.SIGTERM)
        await systemd.told("STOPPING=1$")
        assert await service.wait() == 0
    finally:
        if service.returncode is None:
            service.kill()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_units_expect_what_is_said(unit):
    """What serves people says READY and is watched; what they start is a command of ours, with these options."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(unit)
    service = parser["Service"]
    _program, *words = service["ExecStart"].split()
    if words[0] != "standby":
        assert (service["Type"], service["NotifyAccess"]) == ("notify", "main") and int(service["WatchdogSec"]) >= 30
    ran = subprocess.run([sys.executable, "-m", "trainbot", words[0], "--help"], capture_output=True, text=True)
    assert ran.returncode == 0 and [word for word in words if word.startswith("-") and word not in ran.stdout] == []
