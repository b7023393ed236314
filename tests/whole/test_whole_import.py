"""A cloud image of a distribution, from a web server to a learner's shell."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.images.importing.cloud_image import cloud_image
from tests.peers.web import serving
from tests.whole.test_whole_machine import LOGIN, Learner
from trainbot.images.build.image_folder import digest, read_image
from trainbot.images.build.progress_bar import for_terminal

pytestmark = pytest.mark.images


@pytest.fixture
def image(pytestconfig: pytest.Config) -> Path:
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return cloud_image(for_terminal())


async def test_a_cloud_image_becomes_labs(ngircd, make_bot, people, image: Path) -> None:
    """Downloaded although the connection breaks, compared with the distribution's checksum file, kernel and initrd taken
    out, seeded: a lab of it boots through the embedded driver, shows our host key to the gateway, and its learner is
    root in it; the console logs in as well."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None, labs={"spare": 0, "public_address": "127.0.0.1"})
    with serving(image.parent) as web:
        (bot.folder / "SHA256SUMS").write_text(f"{digest(image)}  {image.name}\n")
        web.cut = [50 << 20, 1 << 20]
        done = await bot.shell(
            "image",
            "import",
            "cloud",
            web.url(image.name),
            "--sums",
            str(bot.folder / "SHA256SUMS"),
            "--memory",
            "512",
            within=3 * LOGIN,
        )
        assert done.code == 0, done.err
        assert web.asked == ["", f"bytes={50 << 20}-", f"bytes={51 << 20}-"]
    assert done.out.splitlines()[-1] == "add a section to bot.ini: [image.cloud]"
    assert "its kernel can run on Xen as pvh, pv, hvm" in done.out
    made = read_image(bot.state / "images" / "cloud")
    assert made.cmdline.startswith("root=UUID=5a1b0c2d-") and "net.ifnames=0" in made.cmdline.split()
    assert not {"tty0", "ttyS0", "ro"} & set(made.cmdline.replace("=", " ").split())

    bot.change(image_cloud={}, host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 1, "kvm": "no"})
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host here answers")
    command, password = await alice.lab("cloud")
    learner = Learner(bot.folder, command, password=password)
    await bot.logs("lab tb-cloud-\\S+ on here is ready", 4 * LOGIN)
    assert await learner.says("id -un; findmnt -no FSTYPE /; hostname") == "root\next4\ncloud"
    key = await learner.says("cut -d' ' -f1-2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert key == made.host_key
    assert "autologin root" in await learner.says("systemctl cat serial-getty@ttyS0.service")
    assert "NoCloud" in await learner.says("cat /run/cloud-init/status.json")
    assert shlex.split(await learner.says("cat /proc/cmdline"))[0] == made.cmdline.split()[0]
