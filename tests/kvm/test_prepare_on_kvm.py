"""trainbot host prepare and doctor on a Debian machine as its admin has it, over ssh."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.kvm_host import KvmHost
from trainbot.adapters.db.migrate import upgrade
from trainbot.config import Config, load
from trainbot.images.build.image_folder import BuiltImage
from trainbot.ops.doctor.doctor import doctor
from trainbot.ops.host_setup.hypervisors import KVM

pytestmark = pytest.mark.kvm
ROOT = Path(__file__).parents[2]
OWNER = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
# All that a machine could be changed by: packages, accounts, interfaces, and where we put files.
_STATE = (
    "dpkg-query -W | sha256sum; cat /etc/passwd /etc/group; ip -o link | cut -d' ' -f2;"
    " find /etc /usr/local /var/lib/libvirt /var/lib/trainbot* -newer /proc/1 2>/dev/null | sort"
)
_OTHER = "/etc/libvirt/qemu/networks/other.xml"
_DOOR = "/var/lib/trainbot-door/.ssh/authorized_keys"


@dataclass
class Organiser:
    """Somebody with a bot.ini in ``folder`` and ssh as root to ``host``."""

    folder: Path
    host: KvmHost
    config: Config

    def prepare(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trainbot", "host", "prepare", "kvm1", *options],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=1800,
            check=False,
        )

    def prepared(self, *options: str) -> list[str]:
        """The lines of what is to be done or was; exit code 0."""
        done = self.prepare(*options)
        assert done.returncode == 0, done.stdout + done.stderr
        print(done.stdout)
        return [line for line in done.stdout.splitlines() if line.startswith("+ ")]

    def findings(self, level: str = "wrong") -> list[str]:
        """What doctor says of the host, of that level."""
        said: list[str] = []
        code = doctor(self.config, ("host", "kvm1"), True, said.append)
        found = json.loads(said[0])
        print(*found, sep="\n")
        assert (code == 1) is any(each["level"] == "wrong" for each in found)
        return [f"{each['what']}, {each['why']}: {each['mend']}" for each in found if each["level"] == level]


@pytest.fixture(scope="module")
def organiser(
    tmp_path_factory: pytest.TempPathFactory, kvm_hosts: Callable[..., KvmHost], lab_image: BuiltImage
) -> Organiser:
    """The machine that these tests share, in the order in which they stand here: new at first, then prepared."""
    folder, host = tmp_path_factory.mktemp("organiser"), kvm_hosts("kvm1", "plain")
    (folder / "bot.ini").write_text(
        f"[irc]\nchannels = #a\n[store]\nurl = sqlite:///trainbot.db\nstate = state\n[host.kvm1]\nuri = {host.uri}\n"
        f"labs = 2\ndeadline = 300\n[image.debian]\nfolder = {lab_image.folder}\n[gateway]\nlab_key = {lab_image.key}\n"
    )
    config = load(folder / "bot.ini")
    upgrade(config.store.url)
    with sqlite3.connect(folder / "trainbot.db") as database:
        database.execute("insert or replace into setting values ('owner', ?)", (OWNER,))
    return Organiser(folder, host, config)


def test_a_plain_machine_becomes_one_of_ours(organiser: Organiser) -> None:
    """Doctor says in one line what is missing; --dry-run changes nothing; the first run does all, the second nothing, nor
    does one after a loss of power; then doctor finds nothing wrong, and says what the machine lacks."""
    host = organiser.host
    (missing, copies) = organiser.findings()
    assert "steps are missing: packages; libvirt; packet filters; scheduling; jump host" in missing
    assert "has no copy of debian-" in copies
    before = host.ssh(_STATE)
    (planned, *_) = organiser.prepared("--dry-run")
    assert planned.endswith(" would install " + " ".join(KVM.packages))
    assert host.ssh(_STATE) == before and not (organiser.folder / "state").exists()

    done = [line.split(":")[0] for line in organiser.prepared()]
    assert done == [
        *("+ packages", "+ storage", "+ packet filters", "+ network", "+ scheduling", "+ jump host"),
        *("+ image",) * 3,
        "+ host key",
    ]
    assert organiser.prepared() == []
    assert organiser.findings() == []
    host.kill()  # its power is gone
    host.start()
    assert organiser.prepared() == []  # filters, network, weight: all of it is there again by itself
    assert organiser.findings() == []
    notes = organiser.findings("note")
    assert len(notes) == 2 and re.match(r"KVM does not work there \(.*, so labs are emulated", notes[0])
    assert notes[1].startswith("AppArmor is off in its kernel, so a lab that breaks out of QEMU")
    assert host.ssh("cat /proc/sys/net/ipv4/ip_forward; systemctl show -p CPUWeight --value machine.slice") == "1\n50"


VIRSH = "virsh -q -c qemu:///system"
#: What somebody does to a prepared host, what doctor says of it, and what undoes it.
FAULTS = [
    (f"{VIRSH} net-destroy trainbot", "network (would recreate it", f"{VIRSH} net-start trainbot && GROUPS"),
    (f"{VIRSH} net-autostart --disable trainbot", "network (would recreate it", f"{VIRSH} net-autostart trainbot"),
    ("echo 0 >/sys/class/net/tb-labs/bridge/group_fwd_mask", "network (would set its bridge", "GROUPS"),
    ("nft flush ruleset", "packet filters (would load the filters)", "systemctl restart trainbot-filters"),
    ("nft add rule inet trainbot forward accept", "packet filters (would load", "systemctl restart trainbot-filters"),
    ("systemctl -q disable trainbot-filters", "packet filters (would load", "systemctl -q enable trainbot-filters"),
    (f"{VIRSH} pool-destroy trainbot", "storage (would define the pool trainbot)", f"{VIRSH} pool-start trainbot"),
    (
        "chmod 700 /var/lib/libvirt/trainbot-images",
        "storage (would create /var",
        "chmod 711 /var/lib/libvirt/trainbot-images",
    ),
    ("chmod 700 /var/lib/libvirt", "cannot enter /var/lib/libvirt, ", "chmod 755 /var/lib/libvirt"),
    ("chmod 600 IMAGES/*.img", "libvirt-qemu, as whom QEMU runs on kvm1, cannot read /var", "chmod 644 IMAGES/*.img"),
    (
        "cd IMAGES && cp -p *.initrd /srv && echo x >>*.initrd",
        "has no copy of debian-",
        "cd IMAGES && cp -p /srv/*.initrd .",
    ),
    ("cd IMAGES && touch *.initrd", "that have not been verified", "cd IMAGES && RECORD"),
    (f"mv {_DOOR} /srv/keys", "jump host (would write /var/lib/trainbot-door", f"mv /srv/keys {_DOOR}"),
    (
        "echo >>/usr/local/lib/trainbot/lab-console",
        "jump host (would write /usr/local/lib/trainbot/lab-console)",
        "sed -i '$d' /usr/local/lib/trainbot/lab-console",
    ),
    (
        "mv /etc/sudoers.d/trainbot-door /srv",
        "jump host (would write /etc/sudoers.d",
        "mv /srv/trainbot-door /etc/sudoers.d",
    ),
    (
        "systemctl set-property machine.slice CPUWeight=100",
        "scheduling (would give",
        "systemctl set-property machine.slice CPUWeight=50",
    ),
    (
        "echo 'user = \"root\"' >>/etc/libvirt/qemu.conf",
        "QEMU runs as root on kvm1",
        "sed -i '$d' /etc/libvirt/qemu.conf",
    ),
    (
        "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service",
        "libvirt (would enable and start libvirtd)",
        "systemctl start libvirtd.socket libvirtd.service",
    ),
]
WORDS = {
    "GROUPS": "echo 0xfff8 >/sys/class/net/tb-labs/bridge/group_fwd_mask",
    "IMAGES": "/var/lib/libvirt/trainbot-images",
    "RECORD": 'for f in *.initrd; do s=$(sha256sum <$f); echo "${s%% *} $(stat -c "%s %Y %i" $f)" >.$f.sum; done',
}


def _command(text: str) -> str:
    for word, meaning in WORDS.items():
        text = text.replace(word, meaning)
    return text


@pytest.mark.parametrize(("harm", "words", "undo"), FAULTS, ids=[fault[0][:60] for fault in FAULTS])
def test_each_fault_is_found_by_itself(organiser: Organiser, harm: str, words: str, undo: str) -> None:
    """One finding, in words that name it, with what mends it; nothing else is said."""
    organiser.host.ssh(_command(harm))
    try:
        (found,) = organiser.findings()
    finally:
        organiser.host.ssh(_command(undo))
    assert words in found and ("trainbot host prepare kvm1" in found or "there" in found)


def test_what_was_undone_is_well_again(organiser: Organiser) -> None:
    """Nothing is left of the faults; and all of those that prepare can mend are mended in one run."""
    assert organiser.findings() == [] and organiser.prepared() == []
    mended = [harm for harm, words, _ in FAULTS if "would" in words or "debian-" in words]
    for harm in mended:
        if "libvirtd" not in harm:
            organiser.host.ssh(f"({_command(harm)}) || true")
    organiser.host.ssh(_command(next(harm for harm in mended if "libvirtd" in harm)))
    assert organiser.prepared() != []
    assert organiser.findings() == [] and organiser.prepared() == []


@pytest.mark.parametrize(
    ("harm", "words", "undo"),
    [
        (
            f"echo 'ssh-ed25519 AAAAother x' >>{_DOOR}",
            "the jump host account on kvm1 accepts another installation's key",
            f"sed -i '/AAAAother/d' {_DOOR}",
        ),
        (
            f"echo \"<network><name>other</name><bridge name='tb-labs'/></network>\" >{_OTHER}",
            "libvirt on kvm1 has another network on the bridge tb-labs (other)",
            f"rm {_OTHER}",
        ),
        (
            "ip link add other type bridge && ip addr add 10.77.1.1/24 dev other && ip link set other up",
            "the subnet 10.77.0.0/22 is in use on kvm1 (10.77.1.0/24 on other)",
            "ip link delete other",
        ),
        (
            "chmod 700 /var/lib/libvirt",
            "libvirt-qemu, as whom QEMU runs on kvm1, cannot enter",
            "chmod 755 /var/lib/libvirt",
        ),
    ],
)
def test_what_is_in_the_way_is_refused(organiser: Organiser, harm: str, words: str, undo: str) -> None:
    """One sentence, and nothing is changed."""
    organiser.host.ssh(harm)
    try:
        before = organiser.host.ssh(_STATE)
        refused = organiser.prepare()
        assert (refused.returncode, refused.stdout) == (1, "") and words in refused.stderr
        assert organiser.host.ssh(_STATE) == before
    finally:
        organiser.host.ssh(undo)
    assert organiser.prepared() == []


def test_kvm_is_tried_as_qemus_user(organiser: Organiser) -> None:
    """A device that is no KVM, then one that only root may open: each is told apart; so is a QEMU that runs with it."""
    host = organiser.host
    host.ssh("mknod -m 600 /dev/kvm c 1 3")  # as /dev/null
    try:
        assert any(
            "libvirt-qemu, as whom QEMU runs, may not open /dev/kvm (600 root:root)" in each
            for each in _both(organiser)
        )
        host.ssh("chgrp kvm /dev/kvm && chmod 660 /dev/kvm")
        assert any("/dev/kvm is there, but QEMU fails with it (" in each for each in _both(organiser))
        host.ssh(
            "printf '#!/bin/sh\\nexit 33\\n' >/usr/local/bin/qemu-system-x86_64 && chmod 755 /usr/local/bin/qemu-*"
        )
        assert not any("QEMU fails" in each for each in _both(organiser))
    finally:
        host.ssh("rm -f /dev/kvm /usr/local/bin/qemu-system-x86_64")


def _both(organiser: Organiser) -> list[str]:
    return organiser.findings("wrong") + organiser.findings("note")
