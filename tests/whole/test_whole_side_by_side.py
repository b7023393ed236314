"""Two distributions side by side: somebody has a lab of each, and plays the exercise that compares them."""

from __future__ import annotations

import asyncio

import pytest

from tests.whole.running import CHANNEL, PRESENTER
from tests.whole.test_whole_machine import LOGIN, Learner, at
from trainbot import shipped
from trainbot.adapters.scenario_files.library import load_library

STEPS = load_library(shipped.folder("exercises")).exercises["comparing-distributions"].steps
READY = 2 * LOGIN  # two boot at once
FAILED = "systemctl --failed --plain --no-legend | wc -l"
ABOUT = (
    f"getenforce; systemctl is-system-running --wait; {FAILED}; . /etc/os-release; echo $VERSION_ID; cat /etc/hostname"
)


@pytest.fixture
def bot(ngircd, make_bot, lab_image, trixie_image):
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1", "per_person": 2},
        image_debian={"folder": lab_image.folder},
        image_trixie={"folder": trixie_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
    return bot


@pytest.mark.parametrize(
    "steps",
    [pytest.param(3, marks=pytest.mark.content), pytest.param(len(STEPS), marks=pytest.mark.contentlong)],
)
async def test_debian_12_and_13_for_one_person(bot, ngircd, people, steps):
    """Both boot on one host, enforcing and without a failed unit; each has its own console, policy and kernel.  A step passes
    its check in either lab, but counts only when it is done in the one that it is about."""
    alice = await people(ngircd.port, "alice")
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    await bot.arrive(alice)
    await bot.logs("host here answers")
    await russell.ask(
        "!start comparing", "!lab debian gives you a machine of your own, !lab trixie another, !done when", CHANNEL
    )
    labs = {}
    for image in ("debian", "trixie"):
        command, password = await alice.lab(image)
        labs[image] = Learner(bot.folder, command, password=password)
    for _ in labs:
        await bot.logs("lab tb-\\S+ on here is ready", READY)
    said = {image: (await lab.says(ABOUT)).split() for image, lab in labs.items()}
    assert said == {
        "debian": ["Enforcing", "running", "0", "12", "debian"],
        "trixie": ["Enforcing", "running", "0", "13", "trixie"],
    }
    facts = [
        (await lab.says("uname -r; dpkg-query -Wf '${Version}' selinux-policy-default")).split()
        for lab in labs.values()
    ]
    assert facts[0][0] != facts[1][0] and facts[0][1] != facts[1][1]
    for image, lab in labs.items():
        await asyncio.to_thread(console, lab, image)
    for step in STEPS[:steps]:
        await russell.ask("!next", f"Step {step.number} of {len(STEPS)}", CHANNEL)
        own, other = ("trixie", "debian") if step.second_lab else ("debian", "trixie")
        await script(labs[other], step.solve)
        await script(labs[other], step.verify)
        alice.say(CHANNEL, "!done")
        await alice.hear(f"step {step.number} is not done yet: ", "", LOGIN)
        await script(labs[own], step.solve)
        alice.say(CHANNEL, "!done")
        await bot.logs(f"verify of step {step.number} in lab \\S+ exit 0", LOGIN)
    checked = bot.rows("SELECT step, image FROM lab JOIN play ON lab.id = lab_id WHERE kind = 'verify'")
    second = {step.number for step in STEPS[:steps] if step.second_lab}
    assert {(step, image) for step, image in checked} == {
        (number, "trixie" if number in second else "debian") for number in range(1, steps + 1)
    }


async def script(lab: Learner, wanted) -> None:
    """Runs a step's script in that lab, as root there would."""
    process = await lab.open("bash -s")
    async with asyncio.timeout(LOGIN):
        out, err = await process.communicate(wanted.text.encode())
    assert process.returncode == 0, (lab.line, wanted.name, out, err)


def console(lab: Learner, name: str) -> None:
    """Root is logged in on it, in a lab of that name."""
    terminal = at(lab, "xen-manage", "console", name)
    terminal.until(b"ctrl-] to leave")
    terminal.type(b"\n")
    terminal.until(b"# ")
    terminal.type(b"id -un; cat /etc/hostname; echo in:$((1+1))\n")
    terminal.until(name.encode() + b"\r\nin:2")
    terminal.type(b"\x1d")
    assert terminal.close() == 0
