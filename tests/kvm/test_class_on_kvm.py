"""A class on a KVM host, and on libvirt's test driver when that host is lost: a real lab through the host's door, its console,
its snapshot, and people who are seated on another kind of host."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.peers.kvm_host import KvmHost
from tests.whole.console import console_without_network
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, PRESENTER, Participant, RunningBot
from tests.whole.test_whole_machine import Learner
from trainbot.ops.demo.ngircd import Ngircd

pytestmark = pytest.mark.kvm
LONG = 1200.0  # seconds at most for anything that an emulated lab does


async def prepared(
    host: KvmHost, image: Any, port: int, make_bot: BotMaker, people: Arrive
) -> tuple[RunningBot, Participant]:
    """A bot with that host, which ``trainbot host prepare`` has set up, and with one of libvirt's test driver; and russell."""
    bot = make_bot(
        port,
        image_debian={"folder": image.folder},
        gateway={"lab_key": image.key},
        labs={"spare": 0, "public_address": "127.0.0.1", "lost_after": "10s"},
        host_xen1={"uri": "test:///default", "labs": 8},
        host_kvm1={"uri": host.uri, "labs": 4, "deadline": 300},
    )
    done = await bot.shell("host", "prepare", "kvm1", within=LONG)
    assert done.code == 0, done
    return bot, await people(port, "russell", source=PRESENTER)


async def test_a_class(kvm_hosts, lab_image, ngircd: Ngircd, make_bot: BotMaker, people: Arrive) -> None:
    """The Debian image, brought there by host prepare, boots with SE Linux and lets a learner in through the gateway, which has
    no credential of libvirt's; the console works without a network; a rollback gives back what a snapshot kept."""
    bot, russell = await prepared(kvm_hosts("kvm1"), lab_image, ngircd.port, make_bot, people)
    alice = await people(ngircd.port, "alice")
    await bot.arrive(russell)
    await bot.logs("host kvm1 answers", LONG)
    await russell.ask("!drain xen1", "xen1", "")
    began = time.monotonic()
    command, password = await alice.lab()
    await bot.logs(r"lab tb-debian-\S+ on kvm1 is ready", LONG)
    print(f"cold boot on kvm1, from !lab to ready: {time.monotonic() - began:.0f} s")
    learner = Learner(bot.folder, command, password=password, patience=LONG)
    said = await learner.says("id -un; getenforce; cat /sys/class/dmi/id/sys_vendor; ip -br -4 address show eth0")
    assert said.split()[:3] == ["root", "Enforcing", "QEMU"] and "10.77.0.2/22" in said

    await console_without_network(learner, LONG)

    assert await learner.says("echo first > /root/word; sync; cat /root/word") == "first"
    await alice.ask("!lab snapshot", "kept|restarts", "")
    await bot.logs(r"lab tb-debian-\S+ on kvm1 is ready", LONG)
    assert await learner.says("cat /root/word; echo spoilt > /root/word; sync") == "first"
    await alice.ask("!lab rollback", "!yes")
    await alice.ask("!yes", "", "")
    await bot.logs(r"lab tb-debian-\S+ on kvm1 is ready", LONG)
    assert await learner.says("cat /root/word") == "first"
    state = [path.name for path in bot.state.rglob("*") if path.is_file()]
    assert not [name for name in state if "libvirt" in name]

    assert bot.leaks(password) == []


async def test_a_host_that_is_lost(kvm_hosts, lab_image, ngircd: Ngircd, make_bot: BotMaker, people: Arrive) -> None:
    """Its machine frozen, or its power gone, whoever has a lab there is seated on a host of another kind; it is used again once
    it answers, and thawed it still has the lab.  No lab needs to have booted for that."""
    host = kvm_hosts("kvm1")
    bot, russell = await prepared(host, lab_image, ngircd.port, make_bot, people)
    alice, bob = [await people(ngircd.port, nick) for nick in ("alice", "bob")]
    await bot.arrive(russell)
    await bot.logs("host kvm1 answers", LONG)
    for person, lose in ((alice, host.freeze), (bob, host.kill)):
        await russell.ask("!drain xen1", "xen1", "")
        await person.lab()
        await person.whisper("lab list", " on kvm1")
        while not bot.rows("select id from lab where host = 'kvm1' and state = 'booting'"):
            await asyncio.sleep(0.5)  # made; before, it would simply be made elsewhere
        await russell.ask("!undrain xen1", "xen1", "")
        began = time.monotonic()
        lose()
        await russell.hear("host kvm1 is lost: one person moves to another host", CHANNEL, LONG)
        await bot.logs(r"lab tb-debian-\S+ on xen1 is ready", LONG)
        print(f"kvm1 {lose.__name__}: seated on another kind of host after {time.monotonic() - began:.1f} s")
        if lose == host.freeze:
            host.thaw()
            await bot.logs("host kvm1 answers: .*, 1 labs of ours", LONG)
        else:
            host.start()
            await bot.logs("host kvm1 answers", LONG)
