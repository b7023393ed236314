"""A class on two real Xen hosts, from the organiser's first command to the last learner's login: what failed in 2007.

The bot runs as an operator starts it, over ssh to both hosts; learners log in with OpenSSH's client through the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from xen_host import XenHost

from tests.gateway.terminal import Terminal
from tests.whole.console import console_without_network
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, PRESENTER, Participant, RunningBot
from tests.whole.test_whole_machine import Learner, at
from trainbot.ops.demo.ngircd import Ngircd

pytestmark = [pytest.mark.xen, pytest.mark.xdist_group("bots")]  # one after the other: they are the heaviest
LONG = 900.0  # seconds at most for anything that hosts in emulation do


@dataclass
class Classroom:
    """``hosts``: by the names they have in bot.ini."""

    bot: RunningBot
    hosts: dict[str, XenHost]
    russell: Participant
    learners: dict[str, Participant]

    async def hear(self, who: str, pattern: str, to: str = CHANNEL):
        return await (self.russell if who == "russell" else self.learners[who]).hear(pattern, to, LONG)

    async def host_of(self, nick: str) -> str:
        """Where their lab is."""
        return (await self.learners[nick].whisper("lab list", r"on (xen[0-9])"))[1]

    async def ready(self, nick: str) -> str:
        """Asks until it is; where."""
        person = self.learners[nick]
        async with asyncio.timeout(LONG):
            while (found := await person.whisper("lab list", r" on (xen[0-9]): (ready)?"))[2] is None:
                await asyncio.sleep(1)
        return found[1]

    async def lab(self, nick: str, image: str) -> Learner:
        """Asks for one; the line that they are given, as ssh sees it."""
        command, password = await self.learners[nick].lab(image)
        folder = self.bot.folder / nick
        folder.mkdir(exist_ok=True)
        return Learner(folder, command, password=password, patience=LONG)


@pytest.fixture
async def room(
    xen_hosts, tiny_image, lab_image, ngircd: Ngircd, make_bot: BotMaker, people: Arrive
) -> AsyncIterator[Classroom]:
    """Two hosts that ``trainbot host prepare`` has set up, the bot with them, russell and four learners in the channel."""
    hosts = {"xen1": xen_hosts("xen1"), "xen2": xen_hosts("xen2")}
    bot = make_bot(
        ngircd.port,
        image_debian=None,
        image_tiny={"folder": tiny_image.folder},
        image_older={"folder": tiny_image.folder, "guest": "pv"},
        gateway={"lab_key": lab_image.key},
        labs={"spare": 0, "public_address": "127.0.0.1", "lost_after": "30s"},
        **{
            f"host_{name}": {"uri": host.ssh_uri, "labs": 6, "deadline": 300, "keepalive": 15}
            for name, host in hosts.items()
        },
    )
    try:
        with hosts["xen1"].right_clock(), hosts["xen2"].right_clock():
            prepared = await asyncio.gather(*(bot.shell("host", "prepare", name, within=2 * LONG) for name in hosts))
        assert [done.code for done in prepared] == [0, 0], prepared
        russell = await people(ngircd.port, "russell", source=PRESENTER)
        learners = {nick: await people(ngircd.port, nick) for nick in ("alice", "bob", "carol", "dan")}
        await bot.arrive(russell)
        for _host in hosts:  # in any order
            await bot.logs("host xen[12] answers", LONG)
        yield Classroom(bot, hosts, russell, learners)
    finally:
        for host in hosts.values():
            host.end()


async def test_a_class_that_loses_its_hosts(room: Classroom) -> None:
    """Labs on both hosts, PVH and PV; a console without a network; snapshot, rollback, reset; kill -9 of the bot, a libvirtd
    restarted, a host that goes mute, and one that dies: everybody goes on, on the same ssh line, with a screen in tmux."""
    bot, russell, alice = room.bot, room.russell, room.learners["alice"]
    await russell.ask("!start", "begins", CHANNEL)
    ways, where = {}, {}
    for pair in ((("alice", "tiny"), ("bob", "tiny")), (("carol", "older"), ("dan", "older"))):  # one for each host
        ways |= {nick: await room.lab(nick, image) for nick, image in pair}
        where |= {nick: await room.ready(nick) for nick, _image in pair}
    assert set(where.values()) == {"xen1", "xen2"}, where
    kinds = {nick: await way.says(f"keep {nick}; cat /sys/hypervisor/guest_type") for nick, way in ways.items()}
    assert kinds == {"alice": "PVH", "bob": "PVH", "carol": "PV", "dan": "PV"}

    await console_without_network(ways["carol"], LONG)

    # what alice does with hers
    await alice.ask("!lab snapshot", "kept|restarts", "")
    await bot.logs("lab tb-tiny-\\S+ on \\S+ is ready", LONG)
    assert await ways["alice"].says("kept; keep spoilt; kept") == "alice\nspoilt"
    await alice.ask("!lab rollback", "!yes")
    await alice.ask("!yes", "", "")
    await bot.logs("lab tb-tiny-\\S+ on \\S+ is ready", LONG)
    assert await ways["alice"].says("kept") == "alice"
    await alice.ask("!lab reset", "!yes")
    await alice.ask("!yes", "resetting your .* lab to the original image", "")
    assert await ways["alice"].says("kept; keep alice") == ""

    # the bot is killed; libvirtd is restarted under running labs
    session = await ways["bob"].open("cat")
    await echo(session, b"before\n")
    await bot.kill()
    await alice.bot_goes()
    assert await ways["carol"].says("kept") == "carol"
    await bot.arrive(alice)
    for _host in room.hosts:
        await bot.logs("host xen[12] answers: .* of ours", LONG)
    await asyncio.to_thread(room.hosts["xen1"].ssh, "systemctl restart libvirtd")
    await bot.logs("host xen1 answers: .* of ours", LONG)
    await echo(session, b"and after\n")
    assert {nick: await room.ready(nick) for nick in ways} == where

    # a host goes mute: as if its network had failed
    mute, well = where["bob"], next(name for name in room.hosts if name != where["bob"])
    moving = [nick for nick, host in where.items() if host == mute]
    screen = await asyncio.to_thread(at_the_screen, ways["bob"], "first")
    room.hosts[mute].freeze()
    began = time.monotonic()
    people = "one person moves to another host" if len(moving) == 1 else f"{len(moving)} people move to other hosts"
    await room.hear("russell", f"host {mute} is lost: {people}; the same ssh command and password work again")
    for nick in moving:
        assert await room.ready(nick) == well
        assert await ways[nick].says("kept") == ""
        assert await ways[nick].says("keep new; kept") == "new"
    await asyncio.to_thread(screen.until, b"your lab is gone (reset, returned or moved to another host): run ssh again")
    assert await asyncio.to_thread(screen.close) == 255
    screen = await asyncio.to_thread(at_the_screen, ways["bob"], "second")
    screen.process.kill()
    await asyncio.to_thread(screen.close)
    print(f"frozen to seated and logged in: {time.monotonic() - began:.0f} s")
    room.hosts[mute].thaw()
    await room.hear(
        "bob",
        f"host {mute} is back: until your lease ends, you can copy what you need from your old tiny lab",
        "",
    )
    await room.hear("bob", "ssh .*old@", "")
    line = " ".join([*ways["bob"].line.split()[:-1], "old@127.0.0.1"])
    old = Learner(bot.folder / "bob", line, password=ways["bob"].password, patience=LONG)
    assert await old.says("kept") == "bob"

    # and the other one dies
    await bot.logs(f"host {mute} answers: .* of ours", LONG)
    room.hosts[well].kill()
    await room.hear("russell", f"host {well} is lost: 4 people move")
    for nick in ways:
        assert await room.ready(nick) == mute
    assert {nick: await way.says("kept") for nick, way in ways.items()} == {  # who was here before has their work again
        nick: nick if nick in moving else "" for nick in ways
    }
    await russell.ask("!progress", "introduction|step", CHANNEL)
    assert bot.leaks(*(way.password for way in ways.values())) == []


def at_the_screen(learner: Learner, word: str) -> Terminal:
    """In tmux in the lab, with where the class is above it, and nothing typed before."""
    screen = at(learner)
    screen.patience = LONG
    screen.until(b"SE Linux for beginners: the introduction")
    screen.type(f"echo $(tmux display-message -p '#S'):$kept:; kept={word}\n".encode())
    screen.until(b"lab::")
    return screen


async def echo(session, words: bytes) -> None:
    session.stdin.write(words)
    async with asyncio.timeout(LONG):
        assert await session.stdout.readline() == words, await session.stderr.read()
