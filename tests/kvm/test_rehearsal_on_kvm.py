"""trainbot rehearse with a lab on a KVM host that trainbot prepared: as an organiser does it before a class."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from tests.peers.kvm_host import KvmHost
from trainbot import shipped
from trainbot.images.build.image_folder import BuiltImage

pytestmark = pytest.mark.kvm
LONG = 1500.0  # seconds at most for what boots an emulated machine


def first_steps(name: str, to: Path, count: int) -> None:
    """An exercise that trainbot includes, cut off after so many steps."""
    shutil.copytree(shipped.folder("exercises") / name, to)
    index = json.loads((to / "index.json").read_text(encoding="utf-8"))
    del index["details"]["steps"][count:]
    (to / "index.json").write_text(json.dumps(index), encoding="utf-8")


async def test_an_included_exercise_is_rehearsed(
    ngircd, make_bot, people, kvm_hosts: Callable[..., KvmHost], lab_image: BuiltImage
) -> None:
    """A plain machine is prepared; a lab is made on it, logged in to through its jump host, and the first steps of an
    exercise are played there; then the lab and its disk are gone.  Doctor finds nothing wrong meanwhile."""
    host = kvm_hosts("kvm1", "plain")
    bot = make_bot(
        ngircd.port,
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": lab_image.folder},
        gateway={"lab_key": lab_image.key},
    )
    bot.change(host_kvm1={"uri": host.uri, "labs": 2, "deadline": 300})
    first_steps("selinux-debian", bot.folder / "exercises" / "first", 2)
    code, out, err = astuple(await bot.shell("host", "prepare", "kvm1", within=LONG))
    assert code == 0, (out, err)
    alice = await people(ngircd.port, "alice")
    await bot.arrive(alice)
    await bot.logs("host kvm1 answers")
    code, out, err = astuple(await bot.shell("doctor", "host", "kvm1", within=LONG))
    assert code == 0 and "the bot uses it" in out, (out, err)

    code, out, err = astuple(
        await bot.shell("rehearse", "--exercise", "first", "--seats", "1", "--within", "900", within=LONG)
    )
    print(out, err)
    assert code == 0, (out, err)
    assert re.search(r" works from the first to the last step in debian on kvm1 \(2 steps, .+\)", out)
    assert re.search(r"  kvm1: one seat, created in .+, login in .+\n", out)
    await bot.logs("lab tb-debian-\\S+ on kvm1 is gone")
    assert host.ssh("ls /var/lib/libvirt/trainbot | grep qcow2 || true; virsh -q -c qemu:///system list --all") == ""
