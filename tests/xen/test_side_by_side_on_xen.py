"""Two distributions side by side on a real Xen host: a lab of Debian 12 and one of Debian 13 for one person, both PVH."""

from __future__ import annotations

import asyncio

import pytest

from tests.whole.running import PRESENTER
from tests.whole.test_whole_machine import Learner
from trainbot import shipped
from trainbot.adapters.scenario_files.library import load_library
from trainbot.images.build.image_folder import read_image
from trainbot.model.exercise import Step

pytestmark = [pytest.mark.xenlong, pytest.mark.xdist_group("bots")]  # one after the other: they are the heaviest
LONG = 1800.0  # seconds at most for anything that a host in emulation does
ABOUT = """getenforce; cat /sys/hypervisor/guest_type; systemctl is-system-running --wait; . /etc/os-release; echo $VERSION_ID
uname -r; dpkg-query -Wf '${Version}' selinux-policy-default"""
FIRST = load_library(shipped.folder("exercises")).exercises["comparing-distributions"].steps[0]


async def test_two_distributions_on_one_host(stocked, lab_image, trixie_image, ngircd, make_bot, people) -> None:
    """Their kernels boot as PVH, enforcing, without a failed unit, each with its own policy, and their person gets into each
    through the gateway and the host's door.  Without `guest` in bot.ini: it is what both kernels say themselves."""
    images = {"debian": read_image(lab_image.folder), "trixie": read_image(trixie_image.folder)}
    host = await asyncio.to_thread(stocked, "debian", *images.values())
    bot = make_bot(
        ngircd.port,
        labs={"spare": 0, "public_address": "127.0.0.1", "per_person": 2, "overcommit": 4},
        gateway={"lab_key": lab_image.key},
        **{f"image_{name}": {"folder": image.folder} for name, image in images.items()},
        host_xen1={"uri": host.ssh_uri, "labs": 2, "deadline": 120},
    )
    with host.right_clock():
        prepared = await bot.shell("host", "prepare", "xen1", within=LONG)
    assert prepared.code == 0, prepared
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(russell)
    await bot.logs("host xen1 answers", LONG)
    labs = {}
    for image in images:
        command, password = await russell.lab(image)
        labs[image] = Learner(bot.folder, command, password=password, patience=LONG)
    for _ in labs:
        await bot.logs("lab tb-\\S+ on xen1 is ready", LONG)
    said = {image: (await lab.says(ABOUT)).split() for image, lab in labs.items()}
    assert {image: words[:4] for image, words in said.items()} == {
        "debian": ["Enforcing", "PVH", "running", "12"],
        "trixie": ["Enforcing", "PVH", "running", "13"],
    }
    for fact in (4, 5):
        assert said["debian"][fact] != said["trixie"][fact], said
    for lab in labs.values():
        await solve(lab, FIRST)


async def solve(lab: Learner, step: Step) -> None:
    """The first step of the exercise that compares them, which asks the kernel for its policy: its check fails before its solve and passes after
    it."""
    for wanted, passes in ((step.verify, False), (step.solve, True), (step.verify, True)):
        process = await lab.open("bash -s")
        async with asyncio.timeout(LONG):
            out, err = await process.communicate(wanted.text.encode())
        assert (process.returncode == 0) is passes, (lab.line, wanted.name, out, err)
