"""The shipped Debian image and exercise on a real Xen host, brought there by ``trainbot host prepare``."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from outside import domains
from xen_host import XenHost

from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import PRESENTER, Participant, RunningBot
from tests.whole.test_whole_machine import Learner
from trainbot import shipped
from trainbot.ops.demo.ngircd import Ngircd

pytestmark = [pytest.mark.xenlong, pytest.mark.xdist_group("bots")]  # one after the other: they are the heaviest
LONG = 600.0  # seconds at most for anything that a host in emulation does


@dataclass
class Course:
    bot: RunningBot
    second: RunningBot
    host: XenHost
    russell: Participant


@pytest.fixture
async def course(xen_hosts, lab_image, ngircd: Ngircd, make_bot: BotMaker, people: Arrive) -> AsyncIterator[Course]:
    """A prepared host with the Debian image (PV: as PVH it takes twice as long where everything is emulated), a bot that
    runs with it, and another one's bot.ini that names the same host."""
    host = xen_hosts("debian")
    bot, second = (
        make_bot(
            ngircd.port,
            irc={"nick": nick},
            labs={"spare": 0, "public_address": "127.0.0.1"},
            gateway={"lab_key": lab_image.key},
            image_debian={"folder": lab_image.folder, "guest": "pv"},
            host_xen1={"uri": host.ssh_uri, "labs": 2, "deadline": 120},
        )
        for nick in ("trainbot", "second")
    )
    beginning(bot.folder / "exercises" / "selinux-debian")
    try:
        with host.right_clock():
            prepared = await bot.shell("host", "prepare", "xen1", within=LONG)
        assert prepared.code == 0, prepared
        assert prepared.out.count("copied, ") == prepared.out.count(" and verified") == 3, prepared.out
        russell = await people(ngircd.port, "russell", source=PRESENTER)
        await bot.arrive(russell)
        await bot.logs("host xen1 answers", LONG)
        yield Course(bot, second, host, russell)
    finally:
        host.end()


def beginning(folder: Path) -> None:
    """The shipped exercise's first steps: what differs on Xen is not in its later ones, which take many minutes there."""
    shutil.copytree(shipped.folder("exercises") / "selinux-debian", folder)
    index = json.loads((folder / "index.json").read_text())
    del index["details"]["steps"][4:]
    (folder / "index.json").write_text(json.dumps(index))


async def test_from_image_to_go(course: Course) -> None:
    """The copied image boots with SE Linux enforcing and lets a learner in with OpenSSH's client, through the gateway and
    the host's door; a second trainbot is refused there, and touches nothing; the shipped exercise's beginning rehearses to go."""
    bot, russell = course.bot, course.russell
    command, password = await russell.lab()
    learner = Learner(bot.folder, command, password=password)
    await bot.logs("lab tb-debian-\\S+ on xen1 is ready", LONG)
    assert await learner.says("id -un; getenforce; cat /sys/hypervisor/guest_type") == "root\nEnforcing\nPV"

    running = domains(course.host)
    await course.second.start()
    await course.second.logs(
        r"host xen1 belongs to another trainbot \(id \S+\): stop that one, or if it is gone for "
        "good: trainbot host take xen1",
        LONG,
    )
    assert domains(course.host) == running
    assert await learner.says("echo still here") == "still here"

    await russell.ask("!lab return", "will be deleted. Type !yes")
    await russell.ask("!yes", "you gave back your debian lab", "")
    ran = await bot.shell("rehearse", "--exercise", "selinux-debian", "--seats", "1", within=LONG)
    assert ran.code == 0 and ran.out.startswith("go: SE Linux on Debian"), ran
    assert re.search(r"works from the first to the last step in debian on xen1 \(9 steps, \S+ s\)", ran.out), ran.out
    await bot.logs("lab tb-debian-\\S+ on xen1 is gone", LONG)
    assert bot.leaks(password) == []
