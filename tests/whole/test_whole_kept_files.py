"""Somebody's own files out of one real lab and into it again after a reset, with the bot and the gateway as processes."""

from __future__ import annotations

import hashlib

import pytest

from tests.whole.test_whole_machine import Learner

PATIENCE = 900.0  # seconds, an emulated boot on a busy machine included


@pytest.fixture
def bot(ngircd, make_bot, lab_image):
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1", "kept": 2},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 1, "kvm": "no"})
    return bot


@pytest.mark.content
async def test_own_files_outlive_a_lab(bot, ngircd, people):
    """Packed by the lab's own tar and unpacked by it: content, modes, links, a huge sparse file and SE Linux's contexts are
    there after a reset, the bot still gets in, and what the bot keeps is one file that only its user can read."""
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host here answers")
    command, password = await alice.lab("debian", r" \(it is booting")
    await bot.logs("lab tb-debian-\\S+ on here is ready", PATIENCE)
    learner = Learner(bot.folder, command, password=password, patience=PATIENCE)
    made = (
        "mkdir -p /root/own && cd /root/own && head -c 3000000 /dev/urandom > noise && echo mine > file && chmod 640 file "
        "&& ln -s file link && ln file hard && mkfifo pipe && mknod null c 1 3 && truncate -s 1T sparse"
    )
    look = (
        "cd /root/own && sha256sum noise file && stat -c '%n %a %F %s %h' noise file link pipe null sparse && "
        "ls -Zd /root/.ssh /root/own | cut -d' ' -f1 && du -m sparse | cut -f1"
    )
    await learner.says(made)
    before = await learner.says(look)
    await alice.whisper("lab keep", "keeping /root of your debian lab, 8 MiB packed at most")
    kept = await alice.hear(
        r"archive (\d+) is kept: your files of the debian lab, (2\.9|3) MiB, for 30 d", "", PATIENCE
    )
    (path,) = (bot.state / "kept").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert path.name == f"{kept[1]}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.tar.gz"
    await alice.whisper("lab reset", "will be lost. Type !yes")
    await alice.whisper("yes", "resetting your debian lab to the original image")
    await bot.logs("lab tb-debian-\\S+ on here is ready", PATIENCE)
    assert (await learner.run("ls /root/own"))[0] != 0
    await learner.says("mkdir -p /root/own; echo other > /root/own/file; echo stays > /root/own/new")
    await alice.whisper("lab restore", "files there with the same names are replaced. Type !yes")
    await alice.whisper("yes", "restoring archive")
    await alice.hear("archive . is restored: your files are in your lab", "", PATIENCE)
    assert await learner.says(look) == before
    assert await learner.says("cat /root/own/new") == "stays"
    assert await learner.says("ls -A /run /dev/shm /root | grep -c trainbot-kept; true") == "0"
    await alice.whisper("lab keep", "keeping /root of your debian lab")  # the bot still gets in
    await alice.hear("archive . is kept", "", PATIENCE)
    await alice.whisper("lab kept delete 1", "archive 1 is deleted")
    await alice.whisper("lab kept", "^2: debian|:2: debian")
    assert [found.name.partition("-")[0] for found in (bot.state / "kept").iterdir()] == ["2"]
