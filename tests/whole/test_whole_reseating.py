"""Labs that nobody can log in to and hosts that are lost, while bot and gateway are killed: passwords stay."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from tests.peers.libvirtd import Libvirtd
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, DEADLINE, NICK, Participant, RunningBot
from trainbot.gateway import process as gateway_process
from trainbot.ops.demo.ngircd import Ngircd

NEVER_BOOTS = str(Path(__file__).with_name("never_boots.py"))
TOLD = re.compile(rf"^:{NICK}!\S+ PRIVMSG \S+ :.*? password ([a-z0-9]{{4}}(?:-[a-z0-9]{{4}}){{3}})")
#: After which of the bot's lines something is killed; at last none: at any time.
POINTS = (
    "is lost: nobody could log in",
    r"host xen\d is lost",
    r"host xen\d does not answer",
    "host xen.* of ours",
    "gateway is down",
    "",
)
MARGIN = 0.5  # seconds after such a line in which it happens


class Learner:
    """Somebody without an account, and the password that they were told last.  ``asked``: whether they may be told another
    one at any time, since they have asked for it."""

    def __init__(self, client: Participant) -> None:
        self.client, self.password, self.asked = client, "", False
        client.heard = self._heard

    def _heard(self, line: str) -> None:
        if found := TOLD.match(line):
            self.password = found[1]

    def ask(self) -> None:
        """For a lab, or for a new password of the one that they have."""
        self.asked = True
        self.client.say(CHANNEL, "!lab debian")


class Reseating:
    """One bot and two hosts.  ``refused``: the logins that were, with a password that somebody had been told; ``tried``: all."""

    def __init__(self, bot: RunningBot, hosts: list[Libvirtd], learners: list[Learner], chance: random.Random) -> None:
        self.bot, self.hosts, self.learners, self.chance = bot, hosts, learners, chance
        self.tried = 0
        self.refused: list[str] = []

    async def opens(self, learner: Learner) -> bool | None:
        """Whether the gateway lets them in; None if it does not answer, or they were told another password meanwhile."""
        password, there = learner.password, gateway_process.listening(self.bot.state)
        if not there:
            return None
        try:
            connection = await asyncssh.connect(
                *there[0],
                username="debian",
                password=password,
                known_hosts=None,
                config=None,
                client_keys=None,
                agent_path=None,
                preferred_auth="password",
                login_timeout=DEADLINE,
            )
        except asyncssh.PermissionDenied:
            return False if password == learner.password else None
        except (OSError, asyncssh.Error):
            return None
        connection.abort()
        return True

    async def keep_trying(self) -> None:
        """All of them in turn, except who has just asked for another password."""
        while True:
            for learner in self.learners:
                found = None if learner.asked else await self.opens(learner)
                self.tried += found is not None
                if found is False and not learner.asked:
                    self.refused.append(f"{learner.client.nick} at {self.bot.lines[-1]}")
                await asyncio.sleep(0.1)

    async def run(self) -> None:
        """One host is lost, or none; bot or gateway or both are killed; then everybody's password opens the gateway."""
        lost = self.chance.choice([None, *self.hosts])
        if lost is not None:
            lost.kill()
        for learner in self.learners:
            if self.chance.random() < 0.1:
                learner.ask()
        point = self.chance.choice(POINTS)
        if point:
            with suppress(TimeoutError):
                await self.bot.logs(point, 4)
        for kill in self.chance.choice(((self.bot_dies,), (self.gateway_dies,), (self.gateway_dies, self.bot_dies))):
            await asyncio.sleep(self.chance.uniform(0, MARGIN))
            await kill()
        if self.bot.process is None:
            await asyncio.sleep(self.chance.uniform(0, MARGIN))
            await self.bot.arrive(self.learners[0].client)
        if lost is not None:
            await asyncio.to_thread(lost.start)
        for learner in self.learners:
            try:
                async with asyncio.timeout(DEADLINE):
                    while (found := await self.opens(learner)) is None or (learner.asked and not found):
                        await asyncio.sleep(0.1)
            except TimeoutError:
                found = False
            self.tried, learner.asked = self.tried + 1, False
            if not found:
                self.refused.append(f"{learner.client.nick} after {point or 'nothing'}")

    async def bot_dies(self) -> None:
        await self.bot.kill()
        await self.learners[0].client.bot_goes()

    async def gateway_dies(self) -> None:
        pid = gateway_process.running(self.bot.state)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def hosts() -> Iterator[list[Libvirtd]]:
    with Libvirtd() as first, Libvirtd() as second:
        yield [first, second]


@pytest.mark.parametrize("runs", [3, pytest.param(10, marks=pytest.mark.kills)])
async def test_a_password_stays(
    ngircd: Ngircd, make_bot: BotMaker, people: Arrive, hosts: list[Libvirtd], runs: int
) -> None:
    """Whoever was told a password gets in with it at any time, whatever is killed while people get other labs."""
    bot = make_bot(
        ngircd.port,
        host_xen1={"uri": hosts[0].uri},
        host_xen2={"uri": hosts[1].uri, "labs": 8},
        labs={"lost_after": "1s", "spare": 0},
    )
    bot.command = lambda *words: (sys.executable, NEVER_BOOTS, *words, "-c", str(bot.ini))
    learners = [Learner(await people(ngircd.port, f"learner{number}")) for number in range(4)]
    await bot.arrive(learners[0].client)
    await bot.logs("host xen. answers")
    for learner in learners:
        learner.ask()
        async with asyncio.timeout(DEADLINE):
            while not learner.password:
                await asyncio.sleep(0.05)
    class_ = Reseating(bot, hosts, learners, random.Random(2007))
    trying = asyncio.create_task(class_.keep_trying())
    for run in range(runs):
        await class_.run()
        print(f"run {run}: {class_.tried} tried, refused: {class_.refused}", flush=True)
    trying.cancel()
    assert class_.refused == []
    assert class_.tried > 4 * runs
