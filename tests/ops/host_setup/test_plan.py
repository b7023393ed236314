"""What is done to a host, from what it is: tables, no host."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core.errors import BackendError
from trainbot.model.host import HostConfig
from trainbot.ops.host_setup import facts as facts_module
from trainbot.ops.host_setup import network
from trainbot.ops.host_setup.host_files import KEYS, filter_files, jump_host_files, weight_files
from trainbot.ops.host_setup.hypervisors import XEN
from trainbot.ops.host_setup.known_hosts import replaced
from trainbot.ops.host_setup.plan import notes, plan, refusals, summary
from trainbot.ops.host_setup.plan_images import plan_images
from trainbot.ops.host_setup.remote_shell import ssh_command
from trainbot.ops.host_setup.state import (
    GROUPS,
    WEIGHT,
    DesiredState,
    HostFacts,
    ImageFileCopy,
    InstalledFile,
    Pool,
    Quota,
)

FOLDER, IMAGES = Path("/var/lib/libvirt/trainbot"), Path("/var/lib/libvirt/trainbot-images")
HOST = HostConfig(
    "xen1",
    "xen+ssh://root@xen1.example.org/system",
    labs=3,
    folder=FOLDER,
    images=IMAGES,
    network="trainbot",
    door="trainbot-door@xen1.example.org:22",
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA trainbot"
COPIES = tuple(
    ImageFileCopy("debian-1", Path(f"/i/{name}"), f"debian-1.{name}", f"{n}" * 64, 1 << 20, 1 << 20)
    for n, name in enumerate(("img", "vmlinuz", "initrd"))
)
WANTED = DesiredState(HOST, KEY, ("xen1.example.org", 22), COPIES, 1_700_000_000.0)


def settled(desired: DesiredState = WANTED) -> HostFacts:
    """A host where nothing is to be done."""
    there = network.desired_network(desired)
    files = [*filter_files(desired), *weight_files(), *jump_host_files(desired)]
    return HostFacts(
        user=0,
        system="Debian GNU/Linux 12 (bookworm)",
        family=frozenset({"debian"}),
        dom0=True,
        xen={
            "xen_version": "4.17.7",
            "xen_scheduler": "credit2",
            "nr_cpus": "8",
            "total_memory": "16384",
            "free_memory": "8000",
        },
        clock=desired.now + 0.2,
        disk_free=50_000,
        quota=Quota(50_000, 45_904, "/var/lib/libvirt"),
        packages=frozenset(XEN.packages),
        libvirtd=frozenset({"enabled", "active"}),
        virsh=True,
        pools={"trainbot": Pool(str(FOLDER), True, True), "trainbot-images": Pool(str(IMAGES), True, True)},
        folders={
            str(FOLDER): "711 root:root",
            str(IMAGES): "711 root:root",
            "/var/lib/trainbot-door": "755 root:root",
            "/var/lib/trainbot-door/.ssh": "755 root:root",
        },
        network=there,
        live=there,
        autostart=True,
        bridge=True,
        groups=GROUPS,
        routes=(("default", "eth0"), ("192.0.2.0/24", "eth0"), ("10.77.0.0/22", "tb-labs")),
        files={file.path: _placed(file.text, file.mode) for file in files},
        keys=(f'restrict,command="x" {KEY}',),
        filters=True,
        units=frozenset({"trainbot-filters.service", "trainbot-weight.service"}),
        weight=WEIGHT,
        jump_account="trainbot-door:x:995:995::/var/lib/trainbot-door:/bin/sh",
        host_keys=("ssh-ed25519 AAAA",),
        images={copy.name: copy.size for copy in COPIES},
        verified={copy.name: copy.sha256 for copy in COPIES},
    )


def _placed(text: str, mode: str) -> InstalledFile:
    return InstalledFile(hashlib.sha256(text.encode()).hexdigest(), f"{mode} root:root")


PLAIN = HostFacts(
    user=0,
    system="Debian GNU/Linux 12 (bookworm)",
    family=frozenset({"debian"}),
    dom0=True,
    xen={"xen_scheduler": "credit2"},
    clock=WANTED.now,
    disk_free=9000,
    quota=Quota(10_000, 0, "/"),
    weight=256,
    routes=(("default", "eth0"), ("192.0.2.0/24", "eth0")),
)
NAMES = ["packages", "libvirt", "storage", "disk quota", "packet filters", "network", "scheduling", "jump host"]


def due(facts: HostFacts, desired: DesiredState = WANTED) -> list[str]:
    assert refusals(facts, desired) == []
    return [step.name for step in plan(facts, desired) if step.due]


def test_a_file_system_that_counts_projects_gets_a_limit() -> None:
    """XFS with prjquota: a tenth of it, or 4 GiB, is kept for the host; once set, it is left alone; a path that is odd is
    not put into a shell."""
    for size, limit in ((20_000, 18_000), (200_000, 195_904)):
        host = replace(settled(), quota=Quota(size, 0, "/var/lib/libvirt"))
        (step,) = [step for step in plan(host, WANTED) if step.due]
        assert (step.name, step.would) == ("disk quota", f"let labs fill {limit} MiB")
        assert f"limit -p bhard={limit}m 2007' /var/lib/libvirt\n" in step.script
        assert due(replace(host, quota=Quota(size, limit, "/var/lib/libvirt"))) == []
        assert due(replace(host, quota=Quota(size, 0, "/a b"))) == []


def test_a_host_that_is_as_wanted_is_left_alone() -> None:
    """The second run finds nothing to do, and no images to bring."""
    assert due(settled()) == []
    images = plan_images(settled(), WANTED)
    assert (images.there, images.copies, images.unsure, images.idle) == (("debian-1",), (), (), ())
    assert [step.name for step in plan(settled(), WANTED)] == NAMES
    assert "8000 of 16384 MiB memory free" in summary(settled(), WANTED)


def test_a_plain_host_gets_everything() -> None:
    """Packages first, filters before there is a network to filter; every word of what is to be done is said."""
    assert due(PLAIN) == NAMES
    assert plan_images(PLAIN, WANTED).copies == COPIES
    steps = {step.name: step for step in plan(PLAIN, WANTED)}
    assert steps["packages"].would == "install " + " ".join(XEN.packages)
    assert steps["network"].would == "create trainbot on tb-labs, 10.77.0.0/22, 3 addresses"
    assert "wrote /etc/sudoers.d/trainbot-door" in steps["jump host"].did


@pytest.mark.parametrize("step", plan(PLAIN, WANTED), ids=NAMES)
def test_every_script_is_good_shell(step) -> None:
    """What is sent to a host is at least shell, and stops at the first thing that fails."""
    done = subprocess.run(["sh", "-n"], input=step.script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and step.script.startswith("set -eu\n")


CHANGES = [
    ({"packages": frozenset(XEN.packages) - {"sudo"}}, ["packages"], "install sudo"),
    ({"libvirtd": frozenset({"active"})}, ["libvirt"], "enable and start libvirtd"),
    ({"virsh": False}, ["libvirt"], "enable and start libvirtd"),
    ({"folders": {**settled().folders, str(FOLDER): "755 root:root"}}, ["storage"], f"create {FOLDER}"),
    ({"pools": {"trainbot": Pool(str(FOLDER), True, True)}}, ["storage"], "define the pool trainbot-images"),
    ({"filters": False}, ["packet filters"], "load the filters"),
    ({"units": frozenset({"trainbot-weight.service"})}, ["packet filters"], "load the filters"),
    (
        {"files": {**settled().files, "/etc/trainbot/labs.nft": InstalledFile("0" * 64, "644 root:root")}},
        ["packet filters"],
        "write /etc/trainbot/labs.nft",
    ),
    (
        {"files": {**settled().files, KEYS: replace(settled().files[KEYS], mode="664 root:root")}},
        ["jump host"],
        f"write {KEYS}",
    ),
    ({"weight": 256}, ["scheduling"], f"give dom0 weight {WEIGHT}"),
    ({"weight": 256, "xen": {"xen_scheduler": "null"}}, [], ""),
    ({"jump_account": ""}, ["jump host"], "add the account trainbot-door"),
    ({"live": None, "bridge": False}, ["network"], "recreate it"),
    ({"autostart": False}, ["network"], "recreate it"),
    ({"groups": "0x0"}, ["network"], "set its bridge"),
    ({"live": replace(settled().live, stp=True)}, ["network"], "recreate it"),
]


@pytest.mark.parametrize(("change", "steps", "words"), CHANGES)
def test_only_what_has_changed_is_done_again(change: dict, steps: list[str], words: str) -> None:
    """Whatever somebody undid on the host is put right, and nothing else is touched."""
    facts = replace(settled(), **change)
    assert due(facts) == steps
    assert all(words in step.would for step in plan(facts, WANTED) if step.due)


REFUSED = [
    ({"user": 1000}, "but not as root: put root@"),
    ({"dom0": False}, "is not a Xen dom0"),
    (
        {"family": frozenset({"fedora"}), "system": "Fedora Linux 40"},
        "runs Fedora Linux 40, but this command supports only Debian",
    ),
    ({"clock": WANTED.now + 61}, "is 61 s ahead"),
    ({"clock": WANTED.now - 31}, "is 31 s behind"),
    ({"network": replace(settled().network, ours=False)}, "a network trainbot that is not trainbot's"),
    ({"network": replace(settled().network, bridge="br0")}, "not trainbot's"),
    ({"others": ("labs",)}, r"another network on the bridge tb-labs \(labs\)"),
    ({"network": None, "live": None}, "already has a bridge tb-labs, which trainbot did not create"),
    ({"live": None}, "already has a bridge tb-labs"),
    ({"routes": (("10.77.1.0/24", "eth1"),)}, r"subnet 10.77.0.0/22 is in use on xen1 \(10.77.1.0/24 on eth1\)"),
    ({"routes": (("10.0.0.0/8", "wg0"),)}, "is in use"),
    ({"pools": {"trainbot": Pool("/srv", True, True)}}, "already has a storage pool trainbot, in /srv"),
    ({"pools": {"trainbot": Pool("", True, True)}}, "a storage pool trainbot, in no folder"),
    ({"keys": ('restrict,command="x" ssh-ed25519 AAAAother',)}, "another installation's key"),
    ({"jump_account": "trainbot-door:x:1001:1001::/home/trainbot-door:/bin/bash"}, "that trainbot did not create"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_is_not_ours_is_not_touched(change: dict, words: str) -> None:
    """One sentence that says what is in the way and what to do; nothing is done."""
    (sentence,) = refusals(replace(settled(), **change), WANTED)
    assert (
        re.search(words, sentence)
        and "\n" not in sentence
        and sentence.startswith(("xen1 ", "the ", "libvirt ", "logged in to xen1"))
    )


def test_our_own_bridge_while_libvirt_is_off() -> None:
    """Its network lies defined there, so the bridge is ours; without that it may be anybody's."""
    off = replace(settled(), virsh=False, network=None, live=None, pools={}, libvirtd=frozenset())
    assert refusals(replace(off, filed=True), WANTED) == []
    (sentence,) = refusals(off, WANTED)
    assert "already has a bridge tb-labs" in sentence
    assert "already has a bridge tb-labs" in refusals(replace(off, virsh=True, filed=True), WANTED)[0]


def test_a_foreign_folder_name_is_refused() -> None:
    """Paths that would need quotes in a shell."""
    odd = replace(WANTED, host=replace(HOST, folder=Path("/var/lib/a b;reboot")))
    assert any("use only letters, digits" in sentence for sentence in refusals(PLAIN, odd))


def _more(labs: int, **changes: object) -> DesiredState:
    return replace(WANTED, host=replace(HOST, labs=labs, **changes))


def test_more_labs_while_labs_run() -> None:
    """Slots are added one by one to the running network, which is not restarted."""
    facts = replace(settled(), ports=("tb1", "tb3"))
    (step,) = [step for step in plan(facts, _more(5)) if step.name == "network"]
    assert refusals(facts, _more(5)) == []
    assert step.script.count("net-update") == 2 and "net-destroy" not in step.script
    assert "net-update trainbot add ip-dhcp-host '<host mac='\"'\"'00:16:3e:74:00:05'" in step.script
    assert due(facts, _more(5)) == ["packet filters", "network", "jump host"]


def test_more_labs_while_none_runs() -> None:
    """Then the whole network is recreated."""
    (step,) = [step for step in plan(settled(), _more(5)) if step.name == "network"]
    assert "net-destroy" in step.script and "net-start" in step.script and "net-update" not in step.script


def test_no_lab_loses_its_network() -> None:
    """Another subnet, or fewer slots than running labs use, has to wait until those are gone, and says so."""
    facts = replace(settled(), ports=("tb1", "tb3"))
    (sentence,) = refusals(facts, _more(3, subnet="10.78.0.0/24"))
    assert "2 running labs use the network of xen1" in sentence and "!drain xen1 now" in sentence
    (sentence,) = refusals(facts, _more(2))
    assert "labs in slots above labs = 2 are running on xen1 (tb3)" in sentence
    assert refusals(replace(facts, ports=("tb1",)), _more(2)) == []
    assert refusals(replace(settled(), routes=()), _more(3, subnet="10.78.0.0/24")) == []


def test_forwarding_only_where_something_is_allowed() -> None:
    """A host without a way out for labs needs no IP forwarding of ours."""
    desired = replace(WANTED, host=replace(HOST, allow=("192.0.2.7:3128",)))
    facts = settled(desired)
    assert due(facts, desired) == ["network"] and due(replace(facts, forwarding=True), desired) == []
    assert due(settled()) == []


def test_a_firewall_that_drops_is_said() -> None:
    """Ours cannot let in what another table drops: the organiser is told."""
    assert (
        "the host's own firewall (inet filter) drops by default"
        in notes(replace(PLAIN, dropping=("inet filter",)), WANTED)[0]
    )


def test_images_that_came_before() -> None:
    """Verified ones stay, unknown ones are looked at, others are replaced unless labs' disks are based on them; what is no
    longer named and not in use is told and never deleted."""
    name = COPIES[0].name
    unknown = replace(settled(), verified={copy.name: copy.sha256 for copy in COPIES[1:]})
    assert plan_images(unknown, WANTED).unsure == COPIES[:1]
    other = replace(settled(), verified={**settled().verified, name: "f" * 64})
    assert plan_images(other, WANTED).copies == COPIES[:1]
    (sentence,) = plan_images(replace(other, backing=frozenset({name})), WANTED).refusals
    assert "labs' disks are based on it" in sentence
    old = {f"debian-0.{ending}": 1 for ending in ("img", "vmlinuz", "initrd")}
    facts = replace(settled(), images={**settled().images, **old})
    assert plan_images(facts, WANTED).idle == ("debian-0",)
    assert plan_images(replace(facts, backing=frozenset({"debian-0.img"})), WANTED).idle == ()


def test_no_room_for_images() -> None:
    """Said before anything is copied."""
    assert "free some space there" in plan_images(replace(PLAIN, disk_free=2), WANTED).refusals[0]


# -- what the host says -------------------------------------------------------------------------------------------


def test_the_network_is_read_as_it_was_written() -> None:
    """What libvirt is given is what is looked for later; a host of ours is known by its mark."""
    xml = ET.fromstring(network.network_xml(WANTED))
    assert network.read(xml) == network.desired_network(WANTED)
    assert network.network_xml(WANTED) == network.network_xml(WANTED)
    assert not network.read(ET.fromstring("<network><name>trainbot</name></network>")).ours


def test_facts_are_read_strictly() -> None:
    """What facts.sh says becomes values; a greeting in between, or nothing at all, becomes a sentence."""
    xml = base64.b64encode(network.network_xml(WANTED).encode()).decode()
    pool = base64.b64encode(b"<pool type='dir'><name>trainbot</name><target><path>/p</path></target></pool>").decode()
    said = (
        f"clock 1700000000.25\nuser 0\nsystem Debian\nfamily debian \ndom0 yes\nxen xen_version 4.17.7\n"
        f"pool trainbot yes no {pool}\nnetwork {xml}\nlive {xml}\nautostart yes\nport tb1\nroute 10.0.0.0/8 eth0\n"
        f"file /etc/trainbot/door {'0' * 64} 644 root:root\nhostkey ssh-ed25519 AAAA root@xen1\nbacking a.img\n"
    )
    facts = facts_module.read(said)
    assert facts.network == facts.live == network.desired_network(WANTED)
    assert facts.pools == {"trainbot": Pool("/p", True, False)} and facts.ports == ("tb1",)
    assert facts.host_keys == ("ssh-ed25519 AAAA",) and facts.clock == 1700000000.25
    for bad in ("Welcome to xen1!\n" + said, said + "port tb1 x\n", said + "weight \x1b[2J\n", "network !!!!\n" + said):
        with pytest.raises(BackendError, match="unexpected output from the host|invalid XML"):
            facts_module.read(bad)
    with pytest.raises(BackendError, match="reported nothing about itself"):
        facts_module.read("")
    with pytest.raises(BackendError, match="more than 20000 lines"):
        facts_module.read("port tb1\n" * 20_001)


@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "clock 1700000000.5",
                "user 0",
                "network AAAA",
                "port x",
                "route default eth0",
                "pool a yes yes AAAA",
                "hostkey x y",
                "weight 9",
                "disk 1",
                "file / x",
                "forwarding 2",
                "xen a",
                "key \x07",
            ]
        ),
        max_size=8,
    ).map("\n".join)
)
def test_whatever_a_host_says(said: str) -> None:
    """Facts or a sentence, never anything else."""
    try:
        assert isinstance(facts_module.read(said), HostFacts)
    except BackendError as error:
        assert "\n" not in str(error) and "\x07" not in str(error)


def test_facts_of_this_machine() -> None:
    """facts.sh runs on any Debian, with or without Xen, and what it says is of the form."""
    said = subprocess.run(
        ["sh", "-s"], input=facts_module.facts_script(WANTED), text=True, capture_output=True, check=False
    )
    assert said.stderr == ""
    assert isinstance(facts_module.read(said.stdout), HostFacts)


def test_a_hosts_keys_replace_its_old_ones() -> None:
    """Other hosts' lines stay, and their order."""
    before = "[a]:2201 ssh-rsa OLD\nb ssh-ed25519 B\na ssh-ed25519 OTHER\n[a]:2201 ssh-ed25519 OLD\n"
    after = "b ssh-ed25519 B\na ssh-ed25519 OTHER\n[a]:2201 ssh-ed25519 NEW\n"
    assert replaced(before, "a", 2201, ["ssh-ed25519 NEW", "ssh-ed25519 NEW"]) == after
    assert replaced(after, "a", 2201, ["ssh-ed25519 NEW"]) == after
    assert replaced("", "a", 22, ["ssh-ed25519 K"]) == "a ssh-ed25519 K\n"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("xen:///system", []),
        ("xen+ssh://root@xen1.example.org/system", ["ssh", "root@xen1.example.org"]),
        ("xen+ssh://xen1:2222/system?keyfile=/k&command=/my/ssh", ["/my/ssh", "-i", "/k", "-p", "2222", "root@xen1"]),
        ("xen+tls://xen1:16514/system", ["ssh", "root@xen1"]),
        ("xen+libssh2://me@xen1/", ["ssh", "me@xen1"]),
    ],
)
def test_the_way_to_a_host_is_libvirts(uri: str, words: list[str]) -> None:
    """User, host, port, key and program of the URI; never a question, never an option in the place of a host."""
    command = ssh_command(uri)
    plain = [word for word in command if word not in ("-o", "BatchMode=yes", "ConnectTimeout=20", "-T", "--")]
    assert plain == words
    assert not words or ("BatchMode=yes" in command and command[-2] == "--")
