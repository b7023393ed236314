"""Hosts: what was seen of one means this, each finding once; and libvirt's test driver as a host that can be killed."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from trainbot.adapters.hosts.disks import DiskSpace
from trainbot.adapters.hosts.libvirt_errors import RPC, translate
from trainbot.adapters.hosts.libvirt_look import HostLook, SeenDomain, look
from trainbot.config import Config
from trainbot.core.errors import BackendError, HostDown
from trainbot.model.disk_space import DiskUse
from trainbot.model.host import HostConfig
from trainbot.model.lab_image import LabImage
from trainbot.ops.doctor import host_shell
from trainbot.ops.doctor.finding import Level
from trainbot.ops.doctor.host_findings import HostSeen, host_findings
from trainbot.ops.doctor.host_shell import HostShell
from trainbot.ops.host_setup.acceleration import Kvm
from trainbot.ops.host_setup.state import DesiredState, HostFacts, ImageFileCopy, SetupStep

HOST = HostConfig("xen1", "xen+ssh://root@xen1/system", labs=4, images=Path("/images"), door="trainbot-door@xen1:22")
IMAGE = LabImage("debian", Path("/d"), Path("/k"), Path("/i"), "", {}, 384, 1, "root", "k", "debian-1", disk_mib=1000)
ENDINGS = (".img", ".vmlinuz", ".initrd")
COPIES = tuple(ImageFileCopy("debian-1", Path("/s"), f"debian-1{end}", "0" * 64, 5, 5) for end in ENDINGS)
WANTED = DesiredState(HOST, "", None, COPIES, 1000.0)
FACTS = HostFacts(
    system="Debian",
    virsh=True,
    family=frozenset({"debian"}),
    dom0=True,
    clock=1000.0,
    disk_free=50_000,
    verified={copy.name: copy.sha256 for copy in COPIES},
    images={f"debian-1{end}": 5 for end in ENDINGS},
)
LOOK = HostLook("Xen 4.17.3", 8192, 4096, 4, (), frozenset({"claim-me"}), frozenset({"debian-1"}))
WELL = HostSeen(
    HOST, None, told=(FACTS, WANTED, HostShell()), look=LOOK, jump_host=4, owner="me", images={"debian": IMAGE}
)


@pytest.fixture(autouse=True)
def prepared(monkeypatch):
    """What is to be prepared is host_setup's own matter (tests/ops/host_setup): here nothing is, unless a test says so."""
    due = []
    monkeypatch.setattr("trainbot.ops.doctor.host_findings.plan", lambda facts, wanted: due)
    monkeypatch.setattr("trainbot.ops.doctor.host_findings.refusals", lambda facts, wanted: [])
    return due


@pytest.fixture
def config(installed) -> Config:
    return installed.change()


def ssh(*words: str) -> HostDown:
    """As preparing.reach tells what ssh said."""
    return HostDown(f"xen1 cannot be reached with root@xen1: {'; '.join(words)}; try ssh root@xen1 true")


def libvirt(words: str):
    return translate(RPC, words, alive=False, doing="opening xen1", host="xen1")


def but(**changes) -> HostSeen:
    return replace(WELL, **changes)


def told(facts: HostFacts = FACTS, **shell) -> HostSeen:
    return but(told=(facts, WANTED, HostShell(**shell)))


def looked(**changes) -> HostSeen:
    return but(look=replace(LOOK, **changes))


def lab(name: str, owner: str | None, memory: int = 384, running: bool = True) -> SeenDomain:
    return SeenDomain(name, name, running, memory, owner)


SHUT = {"look": libvirt("x"), "jump_host": BackendError("y")}  # as whenever the ssh login fails
UNREACHED = ssh("ssh: connect to host xen1 port 22: Connection refused")
CASES = [
    (WELL, None, "", ""),
    # ways in: one finding, though ssh, libvirt and jump host fail for the same reason
    (
        but(told=ssh("ssh: Could not resolve hostname xen1: Name or service not known"), **SHUT),
        "!",
        "the name of xen1 is not in the DNS",
        "correct its uri",
    ),
    (but(told=UNREACHED, **SHUT), "!", "the ssh login fails, nothing listens", "that sshd or libvirtd runs"),
    (but(told=ssh("Connection timed out during banner exchange"), **SHUT), "!", "the ssh login fails", "firewall"),
    (
        but(
            told=ssh(
                "Host key for xen1 has changed and you have requested strict checking.", "Host key verification failed."
            ),
            **SHUT,
        ),
        "!",
        "the ssh host key of xen1 has changed",
        "ssh-keygen -R",
    ),
    (
        but(told=ssh("Host key verification failed."), **SHUT),
        "!",
        "host key is unknown here or has changed",
        "check it",
    ),
    (
        but(told=ssh("root@xen1: Permission denied (publickey)."), **SHUT),
        "!",
        "accepts none of our ssh keys",
        "ssh-copy-id",
    ),
    (but(told=ssh("something new"), **SHUT), "!", "something new", "host prepare"),
    (
        but(look=libvirt("Failed to connect socket to '/var/run/libvirt/libvirt-sock: No such file")),
        "!",
        "libvirtd does not run on xen1",
        "systemctl start libvirtd",
    ),
    (but(look=libvirt("mute")), "!", "libvirt does not answer", "uri"),
    (
        but(jump_host=BackendError("it lets nobody in: trainbot host prepare NAME mends it")),
        "!",
        "the gateway cannot use its jump host (it lets",
        "trainbot host prepare xen1",
    ),
    (
        but(config=replace(HOST, door="me@xen1:22"), jump_host=BackendError("no")),
        "!",
        "the gateway cannot use its jump host",
        "door_key.pub",
    ),
    (
        but(told=BackendError("the host says something that cannot be: does its shell greet")),
        "!",
        "its shell gives no usable answer (the host says",
        "greet",
    ),
    # how it is
    (told(replace(FACTS, clock=1012.0)), "-", "its clock is 12 s ahead", "chrony"),
    (told(balloons=True), "!", "autoballoon is on", "dom0_mem"),
    (told(timeout=120, woken=False), "!", "libvirtd exits after 120 s without requests", "libvirtd.socket"),
    (told(timeout=120), None, "", ""),
    (told(memory_mib=512, available_mib=40), "!", "dom0 has 40 of its 512 MiB left", "dom0_mem"),
    (told(io_wait=0.55), "!", "wait for disks 55% of the time", "iotop"),
    (told(replace(FACTS, dropping=("inet filter",))), "-", "inet filter", "DHCP"),
    (told(replace(FACTS, verified={}, images={})), "!", "has no copy of debian-1", "host prepare xen1"),
    (told(replace(FACTS, verified={})), "!", "have not been verified", "host prepare xen1"),
    (
        told(replace(FACTS, images={**FACTS.images, "old-1.img": 5, "old-1.vmlinuz": 1, "old-1.initrd": 1})),
        "-",
        "the image old-1 is no longer used",
        "rm /images/old-1.*",
    ),
    (told(replace(FACTS, disk_free=2048)), "!", "enough for only 2 more of 4 labs", "set overcommit = 2 in [labs]"),
    (looked(space=DiskSpace(20000, 6100, {})), None, "", ""),
    (
        looked(space=DiskSpace(20000, 6000, {})),
        "!",
        "enough for only 3 more of 4 labs, each of which may write 1002",
        "",
    ),
    # a lab that has written 900 MiB may still write 102; it is one of the four
    (
        looked(domains=(lab("tb-a", "me"),), space=DiskSpace(20000, 5110, {Path("/a"): DiskUse(1000, 900)})),
        None,
        "",
        "",
    ),
    (
        looked(domains=(lab("tb-a", "me"),), space=DiskSpace(20000, 5100, {Path("/a"): DiskUse(1000, 900)})),
        "!",
        "only 2 more",
        "",
    ),
    # whose it is, and what else is on it
    (looked(volumes=frozenset({"claim-me", "claim-you"})), "!", "to another trainbot (id you)", "host take xen1"),
    (
        looked(domains=(lab("tb-a", "me"), lab("tb-b", "you"), lab("x", "you", 100, False))),
        "!",
        "2 labs of another installation (id you) are there, with 384 MiB: tb-b, x",
        "list --all",
    ),
    (looked(domains=(lab("tb-a", None), lab("mail", None))), "-", "tb-a has a name like our labs'", "list --all"),
    (looked(free_mib=1000), "!", "4 labs are configured but only 2 of 384 MiB (debian) fit", "labs = 2 in [host.xen1]"),
    (looked(free_mib=800, domains=(lab("tb-a", "me"), lab("tb-b", "me"))), None, "", ""),
    (looked(free_mib=10), "!", "4 labs are configured but only 0 of", "stop other guests"),
    # what the bot says
    (but(view={"up": True, "labs": 2}), None, "", ""),
    (but(view={"up": False, "trouble": "opening xen1: gone"}), "!", "the bot cannot reach it", "gone"),
    (but(view={"up": True, "drained": True}), "-", "it is drained", "!undrain xen1"),
    (but(view={"up": True, "last_trouble": "crashed", "last_trouble_at": "then"}), "-", "at then: crashed", ""),
    (but(view={"up": True, "io_wait": 0.4}), "!", "wait for disks 40%", "iotop"),
]


KVM1 = replace(HOST, name="xen1", uri="qemu+ssh://root@xen1/system")
ON_KVM = replace(WANTED, host=KVM1)
KVM_WORKS = Kvm("svm", "kvm_amd", "660 root:kvm", offered=True, works=True, said="")
BROKEN = Kvm(device="660 root:kvm", guest=True, offered=True, said="failed to set MSR")
KVM_FACTS = replace(
    FACTS, dom0=False, kvm=KVM_WORKS, cpus=2, libvirt="9.0.0", emulator="libvirt-qemu", security=frozenset({"apparmor"})
)


def on_kvm(shell: HostShell | None = None, option: bool | None = None, **changes) -> HostSeen:
    """``option``: kvm in bot.ini."""
    host = replace(KVM1, kvm=option)
    return but(config=host, told=(replace(KVM_FACTS, **changes), replace(ON_KVM, host=host), shell or HostShell()))


CASES += [
    (on_kvm(), None, "", ""),
    # what the machine is: nothing is wrong with it; what can be put right is
    (
        on_kvm(kvm=Kvm()),
        "-",
        "KVM does not work there (its CPU shows neither vmx nor svm), so labs are emulated",
        "(BIOS)",
    ),
    (on_kvm(kvm=Kvm(flag="vmx")), "!", "its module kvm_intel is not loaded", "modprobe kvm_intel"),
    (on_kvm(kvm=replace(KVM_WORKS, offered=False)), "!", "4 at once on its 2 CPUs take 40 s", "restart libvirtd"),
    (
        on_kvm(security=frozenset({"dac"})),
        "-",
        "apparmor is not installed there, so a lab that",
        "apt install apparmor",
    ),
    (on_kvm(security=frozenset({"dac"}), packages=frozenset({"apparmor"})), "-", "AppArmor is off", "apparmor=1"),
    # libvirt takes it for usable, so labs are started with it unless bot.ini says no
    (
        on_kvm(kvm=BROKEN),
        "!",
        "fails with it (failed to set MSR)), so labs do not start",
        "set kvm = no in [host.xen1]",
    ),
    (on_kvm(kvm=Kvm(), option=True), "!", "so labs do not start", "or set kvm = no"),
    (on_kvm(kvm=BROKEN, option=False), "-", "so labs are emulated", "nested"),
    (on_kvm(option=False), "-", "KVM works there, but bot.ini has kvm = no", "remove that"),
    (on_kvm(libvirt="7.0.0"), "!", "its libvirt is 7.0.0", "Debian 12"),
    # Xen's own habits are none of a KVM host's, whatever was left there
    (on_kvm(HostShell(balloons=True)), None, "", ""),
    (on_kvm(HostShell(memory_mib=512, available_mib=40)), "!", "it has 40 of its 512 MiB left", "fewer labs"),
    (on_kvm(HostShell(timeout=120, woken=False)), "!", "libvirtd exits after 120 s", "libvirtd.socket"),
]


@pytest.mark.parametrize(("seen", "mark", "words", "mend"), CASES, ids=[case[2] or "well" for case in CASES])
def test_one_thing_is_one_line(config, seen, mark, words, mend):
    """Each thing that is wrong is told once, says why it matters to a class, and what mends it."""
    found = [finding for finding in host_findings(config, seen) if finding.level is not Level.OK]
    print(*(finding.line for finding in found), sep="\n")
    assert len(found) == (1 if mark else 0)
    for finding in found:
        assert finding.line.startswith(mark) and words in finding.line and mend in finding.mend
        assert finding.level is Level.NOTE or (finding.why and finding.mend)


def test_steps_that_are_due(config, prepared):
    """What host prepare would still do is one line; without filters, that is why it matters."""
    prepared += [
        SetupStep("jump host", "now", "write it", "wrote", "script"),
        SetupStep("network", "fine"),
        SetupStep("packet filters", "now", "load them", "loaded", "script"),
    ]
    seen = but(jump_host=BackendError("shut"))
    found = [finding for finding in host_findings(config, seen) if finding.level is Level.WRONG]
    assert [finding.line for finding in found] == [
        "!  host xen1: 2 steps are missing: jump host (would write it); packet filters (would load them), so labs can "
        "attack each other and everything that the host reaches: trainbot host prepare xen1"
    ]


def test_without_libvirt(config, prepared):
    """While libvirt is missing nothing is said of what only it could show, nor twice that it does not answer."""
    prepared += [
        SetupStep(name, "now", "do it", "did", "script")
        for name in ("packages", "libvirt", "storage", "packet filters", "network", "scheduling")
    ]
    facts = replace(FACTS, virsh=False, bridge=True)
    seen = but(told=(facts, WANTED, HostShell(timeout=120, woken=False)), look=libvirt("nc: not found"))
    found = [finding for finding in host_findings(config, seen) if finding.level is Level.WRONG]
    assert [(finding.what, finding.why) for finding in found] == [
        ("4 steps are missing: packages; libvirt; packet filters; scheduling", "so no labs are created there")
    ]
    assert "--dry-run" in found[0].mend


@pytest.mark.parametrize(
    ("said", "shell"),
    [
        ("", HostShell(woken=False)),
        ("xen dom0_mem=768M,max:768M console=com1\nsocket yes\n", HostShell()),
        ("xen placeholder\nsocket yes", HostShell(balloons=True)),
        ("xen dom0_mem=2G\nautoballoon 1\nsocket yes", HostShell(balloons=True)),
        ('xen x\nautoballoon "0"\nsocket yes', HostShell()),
        ("libvirtd /usr/sbin/libvirtd --timeout 120 ", HostShell(timeout=120, woken=False)),
        ('libvirtd LIBVIRTD_ARGS="--timeout=60"\nsocket yes', HostShell(timeout=60)),
        ("libvirtd /usr/sbin/libvirtd --listen", HostShell(woken=False)),
        (
            "memory MemTotal: 786432\nmemory MemAvailable: 204800\nsocket yes",
            HostShell(memory_mib=768, available_mib=200),
        ),
        ("cpu  0 0 0 0 0 0 0 0 0 0\ncpu  10 0 10 40 40 0 0 0 0 0\nsocket yes", HostShell(io_wait=0.4)),
        ("cpu x\ncpu 1\nmemory MemTotal: -5\nmemory\nnonsense \x1b[2J", HostShell(woken=False)),
    ],
)
def test_what_the_shell_says(said, shell):
    """Of the form: read; anything else: not known."""
    assert host_shell.read(said) == shell


def test_a_libvirtd_that_dies(installed, libvirtd):
    """It answers; killed, it does not, and what to do is said.  Looking claims nothing and makes no pool."""
    host = {"uri": libvirtd.uri, "labs": 2}
    before = installed.say("host", host_xen1=host)
    assert before.wrong == []
    before.one("test driver", Level.NOTE)
    seen = look(HostConfig("xen1", libvirtd.uri))
    assert seen.volumes is None and seen.images is None
    libvirtd.kill()
    assert "libvirtd" in installed.say("host", "xen1").one("libvirt does not answer").mend


def test_a_host_that_is_mute(installed):
    """It accepts and says nothing: doctor does not wait for libvirt, which would for minutes."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        uri = f"test+tcp://127.0.0.1:{mute.getsockname()[1]}/default"
        heard = installed.say("host", host_xen1={"uri": uri, "deadline": 1})
    heard.one("took longer than 1 s")


def test_an_embedded_host(installed, monkeypatch):
    """Only the bot opens it: without one, its programs and its folder are looked at, and nothing is made."""
    with tempfile.TemporaryDirectory(prefix="tb-") as short:  # its sockets' paths hold about 100 bytes (unix(7))
        root = Path(short) / "root"
        heard = installed.say("host", host_here={"uri": f"qemu:///embed?root={root}"})
        heard.one("only the bot can open it", Level.NOTE)
        assert heard.wrong == [] and not root.exists()
        monkeypatch.setenv("PATH", "/nowhere")
        missing = installed.say("host").one("qemu-img and qemu-system-x86_64 are not installed")
    assert "apt install" in missing.mend
