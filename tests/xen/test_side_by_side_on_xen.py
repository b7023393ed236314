"""Two distributions side by side on a real Xen host: a lab of Debian 12 and one of Debian 13 for one person, both PVH."""

from __future__ import annotations

import pytest

from tests.whole.running import PRESENTER
from tests.whole.test_whole_machine import Learner

pytestmark = [pytest.mark.xenlong, pytest.mark.xdist_group("bots")]  # one after the other: they are the heaviest
LONG = 900.0  # seconds at most for anything that a host in emulation does
ABOUT = "getenforce; cat /sys/hypervisor/guest_type; systemctl is-system-running --wait; . /etc/os-release; echo $VERSION_ID"


async def test_two_distributions_on_one_host(xen_hosts, lab_image, trixie_image, ngircd, make_bot, people) -> None:
    """`trainbot host prepare` brings both images there; their kernels boot as PVH, enforcing, without a failed unit, and their
    person gets into each through the gateway and the host's door."""
    host = xen_hosts("debian")
    try:
        bot = make_bot(
            ngircd.port,
            labs={"spare": 0, "public_address": "127.0.0.1", "per_person": 2, "overcommit": 4},
            gateway={"lab_key": lab_image.key},
            image_debian={"folder": lab_image.folder, "guest": "pvh"},
            image_trixie={"folder": trixie_image.folder, "guest": "pvh"},
            host_xen1={"uri": host.ssh_uri, "labs": 2, "deadline": 120},
        )
        with host.right_clock():
            prepared = await bot.shell("host", "prepare", "xen1", within=LONG)
        assert prepared.code == 0, prepared
        russell = await people(ngircd.port, "russell", source=PRESENTER)
        await bot.arrive(russell)
        await bot.logs("host xen1 answers", LONG)
        said = {}
        for image in ("debian", "trixie"):
            command, password = await russell.lab(image)
            await bot.logs(f"lab tb-{image}-\\S+ on xen1 is ready", LONG)
            said[image] = (await Learner(bot.folder, command, password=password).says(ABOUT)).split()
        assert said == {
            "debian": ["Enforcing", "PVH", "running", "12"],
            "trixie": ["Enforcing", "PVH", "running", "13"],
        }
    finally:
        host.end()
