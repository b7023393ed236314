"""trainbot doctor on real Xen hosts: one that nobody has prepared, one that was, one that broke."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import outside
import pytest
from xen_host import XenHost

from trainbot.adapters.db.migrate import upgrade
from trainbot.config import Config, load
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.build.progress_bar import Silent
from trainbot.ops.doctor.doctor import doctor
from trainbot.ops.host_setup.prepare import prepare

pytestmark = pytest.mark.xenlong
OWNER = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
INI = """
[irc]
server = 127.0.0.1
tls = no
channels = #class
[store]
url = sqlite:///{folder}/trainbot.db
state = {folder}/state
[labs]
disk = 64
[host.xen1]
uri = {uri}
labs = {labs}
deadline = 300
[image.tiny]
folder = {image}
[gateway]
lab_key = {folder}/lab_key
"""


@pytest.fixture
def installed(tmp_path: Path, tiny_image: BuiltImage) -> Callable[..., Config]:
    """installed(uri, labs): an installation with an id of its own and one host."""

    def make(uri: str, labs: int = 4) -> Config:
        path = tmp_path / "bot.ini"
        path.write_text(INI.format(folder=tmp_path, uri=uri, labs=labs, image=tiny_image.folder))
        config = load(path)
        upgrade(config.store.url)
        with sqlite3.connect(tmp_path / "trainbot.db") as database:
            database.execute("insert or replace into setting values ('owner', ?)", (OWNER,))
        return config

    return make


@pytest.fixture(scope="module")
def _examined(xen_hosts: Callable[[str], XenHost]) -> XenHost:
    return xen_hosts("examined")


@pytest.fixture
def examined(_examined: XenHost) -> Iterator[XenHost]:
    """A host of these tests' own, with libvirt; each leaves it as empty as it was."""
    yield _examined
    _examined.thaw()
    outside.clear(_examined)


class Heard:
    """What doctor said of the host."""

    def __init__(self, config: Config) -> None:
        said: list[str] = []
        self.code = doctor(config, ("host", "xen1"), True, said.append)
        self.found = json.loads(said[0])
        print(*self.found, sep="\n")

    def wrong(self) -> list[str]:
        return [f"{each['what']}, {each['why']}: {each['mend']}" for each in self.found if each["level"] == "wrong"]

    def one(self, words: str, level: str = "wrong") -> str:
        """The only finding with these words, with what mends it."""
        fit = [each for each in self.found if words in each["what"] and each["level"] == level]
        assert len(fit) == 1, (words, self.found)
        return fit[0]["mend"]


def test_a_plain_host_then_a_prepared_one(plain: XenHost, installed):
    """Not prepared: everything that is missing in one line, with the command.  Prepared by that command: nothing is
    wrong.  Then one thing after the other goes, and each is found by itself."""
    config = installed(plain.ssh_uri)
    before = Heard(config)
    assert before.code == 1
    assert before.one("steps are missing: packages").startswith("trainbot host prepare xen1")
    assert "has no copy of tiny-" in " ".join(before.wrong())
    assert not any("libvirt does not" in each["what"] for each in before.found)
    assert not any("its jump host" in each["what"] for each in before.found)

    with plain.right_clock():
        assert prepare(config, "xen1", False, print, Silent()) == 0
        well = Heard(config)
    assert well.code == 0 and well.wrong() == []
    for words in (
        "the ssh login works",
        "prepared: packet filters",
        "libvirt answers",
        "the gateway can use its jump host",
        "4 labs of 128 MiB fit",
    ):
        well.one(words, "ok")

    plain.ssh("nft flush ruleset; sysctl -q -w net.ipv4.ip_forward=0")
    plain.ssh("mv /var/lib/trainbot-door/.ssh/authorized_keys /root/aside")
    plain.ssh(
        "virsh -q pool-define-as trainbot dir --target /var/lib/libvirt/trainbot; "
        "virsh -q vol-create-as trainbot claim-00000000-another 0"
    )
    plain.ssh(
        "f=$(ls /var/lib/libvirt/trainbot-images/*.img); cp --sparse=always $f /var/lib/libvirt/trainbot-images/"
        "tiny-000000000000.img; for e in vmlinuz initrd; do "
        "touch /var/lib/libvirt/trainbot-images/tiny-000000000000.$e; done"
    )
    plain.set_clock(17)
    broken = Heard(config)
    assert broken.code == 1
    things = broken.one(" missing: ")
    assert things == "trainbot host prepare xen1" and "packet filters (would load the filters)" in " ".join(
        broken.wrong()
    )
    assert "jump host (would write" in " ".join(broken.wrong())
    assert broken.one("belongs to another trainbot (id 00000000-another)").endswith("trainbot host take xen1")
    assert broken.one("its clock is", "note") and "rm " in broken.one("tiny-000000000000 is no longer used", "note")

    plain.ssh("systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service")
    dead = Heard(config)
    assert "libvirt (would enable and start libvirtd)" in " ".join(dead.wrong())


def test_what_is_not_ours_and_what_does_not_fit(examined: XenHost, installed):
    """Labs of another installation are counted and shown, a stranger's that is called like ours is left alone, and the
    labs that bot.ini promises are compared with the memory that there is."""
    outside.make_stranger(examined, "tb-tiny-aaaa", "11111111-2222-3333-4444-555555555555", owner="gone")
    outside.make_stranger(examined, "tb-tiny-bbbb", "11111111-2222-3333-4444-666666666666")
    heard = Heard(installed(examined.ssh_uri, labs=40))
    mend = heard.one("1 labs of another installation (id gone) are there, with 128 MiB: tb-tiny-aaaa")
    assert "virsh -c " in mend and "list --all" in mend
    assert "list --all" in heard.one("tb-tiny-bbbb has a name like our labs'", "note")
    assert "labs = " in heard.one("40 labs are configured but only ")


def test_ways_in_that_are_shut(examined: XenHost, installed, tmp_path: Path):
    """An unknown host key, another host key, a key that is refused, a port where nobody listens, a host that is mute:
    each is told apart, with what mends it, and none holds doctor up."""
    config = installed(examined.ssh_uri)
    known = examined.folder / "known_hosts"
    right = known.read_text()
    script = examined.folder / "ssh"
    usual = script.read_text()
    try:
        known.write_text("")
        assert "check it and ssh there once" in " ".join(Heard(config).wrong())
        other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdXvJPDNTOsTOtsPGjt9Ckk5q5Cy5XZtyHf4VvqV5bW"
        known.write_text(right.split(" ")[0] + f" {other}\n")
        assert "the ssh host key of xen1 has changed" in " ".join(Heard(config).wrong())
        known.write_text(right)
        script.write_text(usual.replace(f"-i {examined.image.key}", "-o PubkeyAuthentication=no"))
        assert "accepts none of our ssh keys" in " ".join(Heard(config).wrong())
        script.write_text(usual)
        away = installed(examined.ssh_uri.replace(f":{examined.ssh_port}/", ":1/"))
        assert "nothing listens on the port" in " ".join(Heard(away).wrong())
        examined.freeze()
        began = time.monotonic()
        mute = Heard(installed(examined.ssh_uri))
        assert mute.code == 1 and len(mute.wrong()) == 1, mute.found
        print(f"a mute host took {time.monotonic() - began:.0f} s")
    finally:
        examined.thaw()
        known.write_text(right)
        script.write_text(usual)


def test_habits_of_the_machine(examined: XenHost, installed):
    """A dom0 whose memory Xen takes for labs, and a libvirtd that ends by itself for good."""
    try:
        examined.ssh("echo autoballoon = 1 >>/etc/libvirt/libxl.conf")
        heard = Heard(installed(examined.ssh_uri))
        assert "dom0_mem" in heard.one("autoballoon is on")
    finally:
        examined.ssh("sed -i '/^autoballoon/d' /etc/libvirt/libxl.conf")
