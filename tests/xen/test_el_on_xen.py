"""Enterprise Linux's shape on Debian's kernel, on a real Xen host: what the recipe `centos` makes runs as PVH."""

from __future__ import annotations

import asyncio

import pytest

from tests.images.build.el_rpm_image import el_rpm_image
from tests.whole.test_whole_machine import Learner, at
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.build.progress_bar import for_terminal

pytestmark = [pytest.mark.xenlong, pytest.mark.xdist_group("bots")]  # one after the other: they are the heaviest
LONG = 1800.0  # seconds at most for anything that a host in emulation does
ABOUT = """cat /sys/hypervisor/guest_type; systemctl is-system-running --wait; . /etc/os-release; echo $ID
uname -v | grep -o Debian; ls "/lib/modules/$(uname -r)/modules.dep" | wc -l; rpm -q tmux"""


@pytest.fixture(scope="session")
def el_image(lab_image, pytestconfig: pytest.Config) -> BuiltImage:
    """Built if the cache has none that is current."""
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return el_rpm_image(lab_key(lab_image.key), for_terminal())


async def test_enterprise_linux_on_debians_kernel(stocked, lab_image, el_image, ngircd, make_bot, people) -> None:
    """Without `guest` in bot.ini two labs of it boot as PVH, without a failed unit,
    each in the mode that was asked for, and let their people in; the kernel is Debian's, with its modules, and the lab says so
    to who logs in."""
    host = await asyncio.to_thread(stocked, "el", el_image)
    bot = make_bot(
        ngircd.port,
        image_debian=None,
        image_centos={"folder": el_image.folder, "memory": 448},
        labs={"spare": 0, "public_address": "127.0.0.1", "overcommit": 4},
        gateway={"lab_key": lab_image.key},
        host_xen1={"uri": host.ssh_uri, "labs": 2, "deadline": 120},
    )
    with host.right_clock():
        prepared = await bot.shell("host", "prepare", "xen1", within=LONG)
    assert prepared.code == 0, prepared
    alice, bob = await people(ngircd.port, "alice"), await people(ngircd.port, "bob")
    await bot.arrive(alice)
    await bot.logs("host xen1 answers", LONG)
    labs = {}
    for person, words in ((alice, "centos"), (bob, "centos permissive")):
        password = await person.ask(f"!lab {words}", r"your centos lab: password (\S+)", "")
        command = await person.hear(r"(ssh -p \d+ centos@\S+)$", "")
        (folder := bot.folder / person.nick).mkdir()
        labs[words] = Learner(folder, command[1], password=password[1], patience=LONG)
    for _ in labs:
        await bot.logs("lab tb-centos-\\S+ on xen1 is ready", LONG)
    assert {words: await lab.says("getenforce") for words, lab in labs.items()} == {
        "centos": "Enforcing",
        "centos permissive": "Permissive",
    }
    for lab in labs.values():
        said = (await lab.says(ABOUT)).split()
        assert said == ["PVH", "running", "centos", "Debian", "1", "tmux-9-1.x86_64"]
    await asyncio.to_thread(greeted, labs["centos"])


def greeted(lab: Learner) -> None:
    """What a learner reads first."""
    terminal = at(lab)
    terminal.patience = LONG
    terminal.until(b"Its kernel is Debian's, so uname -r is not this distribution's")
    terminal.until(b"# ")
    terminal.process.kill()
    terminal.close()
