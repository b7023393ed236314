"""What ``trainbot image publish`` offers, on a Xen host of somebody who has nothing of trainbot's but those files."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from xen_host import XenHost

from trainbot.images.build.image_folder import BuiltImage, read_image
from trainbot.images.build.progress_bar import Silent
from trainbot.images.publishing import configurations
from trainbot.images.publishing.publish import publish
from trainbot.model.host import GuestType

BRIDGE = "virbr0"  # of this dom0, where the how-to says to put one's own
# Types at the machine's console, again and again, until the shell there has answered.
ASK = """tty=$(xenstore-read "/local/domain/$(xl domid lab-debian)/console/tty"); exec 3<>"$tty"
while sleep 3; do echo 'echo I am $(id -un), $(getenforce), $(cat /sys/hypervisor/guest_type)' >&3; done & typist=$!
grep -aom1 'I am root, [A-Za-z]*, P[A-Z]*' <&3; kill $typist"""


@pytest.fixture(scope="module")
def host(xen_hosts, lab_image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[XenHost]:
    """Somebody's host, with the published files and nothing else of ours."""
    image = read_image(lab_image.folder)
    offered = publish(image, (), tmp_path_factory.mktemp("offered"), "", Silent())
    host = xen_hosts("published")
    fetched(host, offered, image)
    yield host
    host.end()


def fetched(host: XenHost, offered: Path, image: BuiltImage) -> None:
    """As the how-to says, with tar for curl, and that dom0's own bridge in the configurations."""
    there = configurations.home(image)
    names = shlex.join(path.name for path in offered.iterdir() if path.suffix not in (".html", ".sh"))
    pack = f"tar -C {shlex.quote(str(offered))} -h -c {names}"
    host.ssh(f"mkdir -p {there}")
    with subprocess.Popen(["sh", "-c", pack], stdout=subprocess.PIPE) as sender:
        host.feed(f"tar -C {there} -x", sender.stdout)
    assert sender.returncode == 0
    host.ssh(
        f"cd {there} && sha256sum -c --quiet --ignore-missing SHA256SUMS && "
        f"zstd -q -d --sparse --rm {image.name}.img.zst && sed -i s/xenbr0/{BRIDGE}/ *.cfg *.xml"
    )


@pytest.mark.xenlong
@pytest.mark.parametrize(
    ("tool", "guest"),
    [
        ("xl", GuestType.PVH),
        ("virsh", GuestType.PV),
        ("virsh", GuestType.PVH),
        ("xl", GuestType.PV),
    ],
)
def test_the_published_image_boots(host: XenHost, lab_image, tool: str, guest: GuestType):
    """xl's configurations and libvirt's all boot it: root at the console without a password, SE Linux enforcing."""
    image = read_image(lab_image.folder)
    there = configurations.home(image)
    host.ssh(
        f"xl create {there}/{configurations.xl_name(image, guest)}"
        if tool == "xl"
        else f"virsh -q -c xen:///system create {there}/{configurations.xml_name(image, guest)}"
    )
    assert host.ssh(ASK, 700) == f"I am root, Enforcing, {guest.upper()}"
    host.ssh(f"xl destroy lab-{image.name}")
