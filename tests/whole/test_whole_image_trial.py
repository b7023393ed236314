"""``trainbot image try`` beside the running bot: a host where labs boot, and two where they cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.adapters.hosts.paper_host import paper_host
from tests.gateway.jump_host_peer import free_port
from tests.whole.test_whole_machine import LOGIN

pytestmark = pytest.mark.imageslong


async def test_an_image_is_tried_on_each_host(ngircd, make_bot, lab_image) -> None:
    """Booted, looked at, kept and gone back to on the embedded host, beside the bot that has it; the others say why not.
    Nothing of it stays: no lab, no folder."""
    before = set(Path("/tmp").glob("tb-try-*"))
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(
        host_one={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"},
        host_bare={"uri": paper_host(bot.folder), "images": "/srv/images"},
        host_gone={"uri": f"test+tcp://127.0.0.1:{free_port()}/default"},
    )
    await bot.start()
    await bot.logs("host one answers")
    ran = await bot.shell("image", "try", "debian", within=12 * LOGIN)
    lines = ran.out.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("host ")]
    said = {lines[at].split()[1]: lines[at + 1 : end] for at, end in zip(heads, [*heads[1:], None], strict=True)}
    assert list(said) == ["one", "bare", "gone"], (ran.out, ran.err)
    assert len(said["bare"]) == len(said["gone"]) == 1 and "has no copy of debian-" in said["bare"][0]
    answers = dict(line.strip().split(": ", 1) for line in said["one"])
    assert answers["SE Linux"].startswith("1 ") and answers["snapshot and back"] == "before", ran.out
    assert answers["console"] == "root's shell answers" and "inet 10." in answers["network"]
    assert not [line for line in said["one"] if line.endswith("not as it should be")], ran.out
    assert ran.code == 1 and "debian on one: all is well" in ran.err
    assert set(Path("/tmp").glob("tb-try-*")) <= before or os.environ.get("TMPDIR")
    assert bot.rows("select count(*) from lab") == [(0,)]
