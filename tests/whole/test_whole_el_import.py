"""A cloud image of Enterprise Linux's shape, from the import to a shell in a lab that enforces SE Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.importing.el_image import BOOT, ROOT, el_image
from tests.whole.test_whole_machine import LOGIN, Learner
from trainbot.images.build.image_folder import read_image
from trainbot.images.build.progress_bar import for_terminal

pytestmark = pytest.mark.images


@pytest.fixture
def image(pytestconfig: pytest.Config) -> Path:
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return el_image(for_terminal())


async def test_an_image_of_enterprise_linuxs_shape_becomes_labs(ngircd, make_bot, people, image: Path) -> None:
    """/boot of its own, the saved entry's kernel, $kernelopts, NetworkManager, labels, no host keys, no tmux: it is imported,
    and its learner logs in to an enforcing lab with the labels of the image's own policy on what was written."""
    bot = make_bot(ngircd.port, host_xen1=None, image_debian=None, labs={"spare": 0, "public_address": "127.0.0.1"})
    done = await bot.shell("image", "import", "el", str(image), "--memory", "768", within=3 * LOGIN)
    assert done.code == 0, done.err
    assert "CentOS Stream" in done.err + done.out and "its kernel can run on Xen as pvh, pv, hvm" in done.out
    assert "it had no tmux: this machine's was added" in done.err + done.out
    made = read_image(bot.state / "images" / "el")
    assert made.cmdline == f"root=UUID={ROOT} rw quiet net.ifnames=0 security=selinux selinux=1"
    assert (made.enforcing, made.permissive, made.tmux) == ("enforcing=1", "enforcing=0", True)

    bot.change(image_el={}, host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 1, "kvm": "no"})
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host here answers")
    command, password = await alice.lab("el")
    learner = Learner(bot.folder, command, password=password)
    await bot.logs("lab tb-el-\\S+ on here is ready", 4 * LOGIN)
    assert await learner.says("id -un; getenforce; findmnt -no UUID /boot") == f"root\nEnforcing\n{BOOT}"
    key = await learner.says("cut -d' ' -f1-2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert key == made.host_key
    labels = await learner.says(
        "stat -c %C /root/.ssh/authorized_keys /etc/ssh/ssh_host_ed25519_key /usr/local/bin/tmux"
    )
    assert [label.split(":")[2] for label in labels.splitlines()] == ["ssh_home_t", "sshd_key_t", "bin_t"]
    assert (await learner.says("tmux -V")).startswith("tmux ")
    assert await learner.says("tmux -u new-session -d -s x 'sleep 9'; tmux list-sessions -F '#S'") == "x"
    assert "x86_64_v2" in await learner.says("/lib64/ld-linux-x86-64.so.2 --help | grep 'v2 (supported' | tr - _")
