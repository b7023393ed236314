"""A cloud image of Ubuntu's shape, from the import to a shell in a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.importing.ubuntu_image import BOOT, OLDER, ROOT, ubuntu_image
from tests.whole.test_whole_machine import LOGIN, Learner
from trainbot.images.build.image_folder import read_image
from trainbot.images.build.progress_bar import for_terminal

pytestmark = pytest.mark.images


@pytest.fixture
def image(pytestconfig: pytest.Config) -> Path:
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return ubuntu_image(for_terminal())


async def test_an_image_of_ubuntus_shape_becomes_labs(ngircd, make_bot, people, image: Path) -> None:
    """/boot and the ESP on partitions of their own, found by label; of two kernels the one that dpkg calls newer, with the
    words of its entry; the interface has the name that udev gives it, and its address from netplan; sshd begins with the
    first connection; no SE Linux, so that a permissive lab is the same."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None, labs={"spare": 0, "public_address": "127.0.0.1"})
    done = await bot.shell("image", "import", "ubuntu", str(image), "--memory", "512", within=3 * LOGIN)
    assert done.code == 0, done.err
    assert "Ubuntu 24.04.1 LTS is ready as ubuntu, with kernel 6.1.0-" in done.err + done.out
    assert f"(there is also {OLDER}: --kernel)" in done.err + done.out
    made = read_image(bot.state / "images" / "ubuntu")
    assert made.cmdline == f"root=UUID={ROOT} rw quiet" and (made.enforcing, made.permissive) == ("", "")

    bot.change(image_ubuntu={}, host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 1, "kvm": "no"})
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host here answers")
    command, password = await alice.lab("ubuntu")
    learner = Learner(bot.folder, command, password=password)
    await bot.logs("lab tb-ubuntu-\\S+ on here is ready", 4 * LOGIN)
    assert (
        await learner.says("id -un; hostname; findmnt -no UUID /; findmnt -no UUID /boot")
        == f"root\nubuntu\n{ROOT}\n{BOOT}"
    )
    assert await learner.says("findmnt -no FSTYPE,LABEL /boot/efi | tr -s ' '") == "vfat UEFI"
    assert await learner.says("cut -d' ' -f1-2 /etc/ssh/ssh_host_ed25519_key.pub") == made.host_key
    assert (
        await learner.says("systemctl is-active ssh.socket; systemctl is-enabled ssh.service || :")
        == "active\ndisabled"
    )
    interface = await learner.says("ip -4 -o addr show scope global | cut -d' ' -f2")
    assert interface.startswith("en") and interface in await learner.says("cat /etc/netplan/50-cloud-init.yaml")
    assert await learner.says("systemctl show -p JobRunningTimeoutUSec --value dev-ttyS0.device") == "15min"
    assert "autologin root" in await learner.says("systemctl cat serial-getty@ttyS0.service")
