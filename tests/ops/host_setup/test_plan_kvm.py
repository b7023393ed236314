"""What is done to a KVM host, and what is said of it: tables, no host."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.host_setup.test_plan import FOLDER, HOST, IMAGES, PLAIN, WANTED, settled
from trainbot.ops.host_setup import facts as facts_module
from trainbot.ops.host_setup.acceleration import Kvm, emulation_cost, no_kvm
from trainbot.ops.host_setup.host_files import LIB, jump_host_files
from trainbot.ops.host_setup.hypervisors import KVM, XEN, hypervisor_of
from trainbot.ops.host_setup.plan import notes, plan, refusals, summary
from trainbot.ops.host_setup.plan_kvm import confined
from trainbot.ops.host_setup.state import SLICE_WEIGHT, DesiredState, HostFacts

KVM1 = replace(
    HOST, name="kvm1", uri="qemu+ssh://root@kvm1.example.org/system", door="trainbot-door@kvm1.example.org:22"
)
DESIRED = replace(WANTED, host=KVM1)
WORKS = Kvm(flag="svm", module="kvm_amd", device="660 root:kvm", offered=True, works=True, said="")


def kvm_host(desired: DesiredState = DESIRED) -> HostFacts:
    """A host where nothing is to be done."""
    return replace(
        settled(desired),
        dom0=False,
        xen={},
        machine="x86_64",
        units=frozenset({"trainbot-filters.service"}),
        weight=SLICE_WEIGHT,
        packages=frozenset(KVM.packages),
        cpus=8,
        memory=(16384, 12000),
        libvirt="9.0.0",
        kvm=WORKS,
        emulator="libvirt-qemu",
        security=frozenset({"apparmor", "dac"}),
        apparmor=True,
    )


NEW = replace(
    PLAIN, dom0=False, xen={}, quota=None, weight=100, cpus=8, memory=(16384, 15000), kvm=Kvm(device="660 root:kvm")
)


def test_which_hosts_are_prepared() -> None:
    """By their URI alone; the ones that the bot runs itself need nothing."""
    for uri, kind in (
        ("qemu+ssh://root@kvm1/system", KVM),
        ("qemu+tls://kvm1/system?pkipath=/p", KVM),
        ("qemu:///system", KVM),
        ("xen+ssh://root@xen1/system", XEN),
        ("xen:///system", XEN),
        ("qemu:///embed?root=/r", None),
        ("test:///default", None),
    ):
        assert hypervisor_of(uri) is kind, uri


def test_a_host_that_is_as_wanted_is_left_alone() -> None:
    """No step is due and nothing is to be said."""
    assert refusals(kvm_host(), DESIRED) == [] and notes(kvm_host(), DESIRED) == []
    assert [step.name for step in plan(kvm_host(), DESIRED) if step.due] == []
    assert summary(kvm_host(), DESIRED).startswith(
        "Debian GNU/Linux 12 (bookworm), libvirt 9.0.0, KVM, 8 CPUs, 12000 of 16384 MiB memory free, 50000 MiB disk free"
    )


def test_a_new_host_gets_everything() -> None:
    """The steps of a Xen host with QEMU's packages and libvirt's QEMU driver; each script is shell and stops when
    something fails.  Nothing is said of KVM until QEMU is there to try it."""
    assert refusals(NEW, DESIRED) == [] and notes(NEW, DESIRED) == []
    steps = {step.name: step for step in plan(NEW, DESIRED)}
    assert list(steps) == ["packages", "libvirt", "storage", "packet filters", "network", "scheduling", "jump host"]
    assert steps["packages"].would == "install " + " ".join(KVM.packages)
    assert {"qemu-system-x86", "libvirt-daemon-driver-qemu", "apparmor", "nftables"} <= set(KVM.packages)
    for step in steps.values():
        done = subprocess.run(["sh", "-n"], input=step.script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "") and step.script.startswith("set -eu\n")
        assert "xen" not in step.script and "-c qemu:///system" in step.script
    assert f"systemctl set-property machine.slice CPUWeight={SLICE_WEIGHT}\n" in steps["scheduling"].script


def test_both_kinds_get_the_same_filters_and_network() -> None:
    """One code: the scripts differ in libvirt's URI alone."""
    xen = {step.name: step.script for step in plan(PLAIN, WANTED)}
    for step in plan(NEW, DESIRED):
        if step.name in ("packet filters", "network", "storage"):
            assert step.script.replace(KVM.uri, XEN.uri) == xen[step.name]


def test_the_console_is_opened_through_the_hosts_own_libvirt() -> None:
    """lab-console on the host speaks with the libvirt that runs its labs."""
    for desired, uri in ((WANTED, "xen:///system"), (DESIRED, "qemu:///system")):
        (program,) = [file for file in jump_host_files(desired) if file.path == f"{LIB}/lab-console"]
        assert f"uri={uri} " in program.text and not re.search(r"@[A-Z]+@", program.text)


def test_without_systemd_there_is_no_weight() -> None:
    """Then nothing is due; with it, any other weight is put right."""
    for weight, due in ((None, []), (SLICE_WEIGHT, []), (100, ["scheduling"]), (20, ["scheduling"])):
        assert [step.name for step in plan(replace(kvm_host(), weight=weight), DESIRED) if step.due] == due


LOCAL = replace(DESIRED, host=replace(KVM1, uri="qemu:///system"))
REFUSED = [
    ({"user": 1000}, DESIRED, "logged in to kvm1, but not as root: put root@"),
    ({"user": 1000}, LOCAL, "kvm1 is this machine, where only root can do this: run it with sudo"),
    ({"dom0": True}, DESIRED, "kvm1 runs Xen, .*: put xen in the place of qemu into its uri"),
    (
        {},
        replace(DESIRED, host=replace(KVM1, uri="xen+ssh://root@kvm1/system")),
        "kvm1 is not a Xen dom0: .* or put qemu",
    ),
    ({"machine": "aarch64"}, DESIRED, "kvm1 is aarch64, but labs' images are for x86_64"),
    ({"family": frozenset({"fedora"}), "system": "Fedora Linux 40"}, DESIRED, "kvm1 runs Fedora Linux 40, but"),
    (
        {"emulator": "root"},
        DESIRED,
        "QEMU runs as root on kvm1, .*: remove the line user = from /etc/libvirt/qemu.conf",
    ),
    ({"barred": (f"{IMAGES}/a.img",)}, DESIRED, "libvirt-qemu, as whom .* cannot read .*/a.img: chmod 644 /var"),
    ({"barred": ("/var/lib/libvirt",)}, DESIRED, r"libvirt-qemu, as whom .* cannot enter /var/lib/libvirt: chmod o\+x"),
    ({"clock": DESIRED.now + 61}, DESIRED, "the clock of kvm1 is 61 s ahead"),
]


@pytest.mark.parametrize(("change", "desired", "words"), REFUSED)
def test_what_is_refused(change: dict, desired: DesiredState, words: str) -> None:
    """One sentence, with what to do."""
    (sentence,) = refusals(replace(kvm_host(), **change), desired)
    assert re.match(words, sentence) and "\n" not in sentence


@pytest.mark.parametrize(
    ("folder", "kept_out"),
    [
        ("/var/lib/libvirt/trainbot", False),
        ("/srv/labs", False),
        ("/home/labs", False),
        ("/usr/src/labs", False),
        ("/data", False),
        ("/binary", False),
        ("/etc/labs", True),
        ("/lib64/labs", True),
        ("/usr/lib/labs", True),
        ("/usr/local/lib/labs", True),
        ("/boot/labs", True),
        ("/root/.cache/labs", True),
        ("/home/alice/.local", True),
        ("/home/alice/bin/labs", True),
        ("/home/.labs", False),
    ],
)
def test_folders_that_virtual_machines_may_not_have(folder: str, kept_out: bool) -> None:
    """As libvirt's AppArmor helper decides: system folders, and hidden ones in homes; one sentence names another place."""
    assert confined(Path(folder)) is kept_out
    desired = replace(DESIRED, host=replace(KVM1, folder=Path(folder)))
    facts = replace(kvm_host(), pools={})
    found = [sentence for sentence in refusals(facts, desired) if "AppArmor keeps" in sentence]
    assert len(found) == kept_out and all("/var/lib/libvirt or /srv" in sentence for sentence in found)


def test_our_own_folder_is_opened() -> None:
    """If it is the one that keeps QEMU out, its mode is put right; so nothing is refused."""
    facts = replace(kvm_host(), barred=(str(FOLDER),), folders={**kvm_host().folders, str(FOLDER): "700 root:root"})
    assert refusals(facts, DESIRED) == []
    assert [step.name for step in plan(facts, DESIRED) if step.due] == ["storage"]


WITHOUT = [
    (WORKS, None, None),
    (replace(WORKS, flag="", module="kvm_pvm"), None, None),  # works all the same
    (Kvm(device="660 root:kvm"), None, None),  # QEMU is not installed yet
    (replace(WORKS, offered=False), "libvirtd was started before it worked", True),
    (Kvm(), "shows neither vmx nor svm", False),
    (Kvm(guest=True), "is a virtual machine without nested virtualisation", False),
    (Kvm(flag="vmx"), "its module kvm_intel is not loaded", True),
    (Kvm(flag="svm", guest=True), "its module kvm_amd is not loaded", True),
    (Kvm(flag="svm", module="kvm_amd"), "/dev/kvm is missing although kvm_amd is loaded", True),
    (
        Kvm(flag="svm", device="660 root:root", said="Could not access KVM kernel module: Permission denied"),
        r"libvirt-qemu, as whom QEMU runs, may not open /dev/kvm \(660 root:root\)",
        True,
    ),
    (
        Kvm(device="660 root:kvm", guest=True, said="failed to set MSR 0x10a"),
        r"fails with it \(failed to set MSR",
        False,
    ),
    (Kvm(flag="vmx", device="660 root:kvm", said=""), "it says nothing", True),
]


@pytest.mark.parametrize(("kvm", "words", "fault"), WITHOUT)
def test_why_there_is_no_hardware_virtualisation(kvm: Kvm, words: str | None, fault: bool | None) -> None:
    """Each reason in words, with what to do, and whether it is a fault or what the machine is; said with what it costs."""
    found = no_kvm(kvm, "libvirt-qemu")
    said = notes(replace(kvm_host(), kvm=kvm), DESIRED)
    if words is None:
        assert found is None and said == []
        return
    assert found is not None and re.search(words, found.why) and found.mend and found.fault is fault
    assert len(said) == 1 and found.why in said[0] and "20 s of a CPU" in said[0] and said[0].endswith(found.mend)
    assert "no KVM" in summary(replace(kvm_host(), kvm=kvm), DESIRED)


def test_where_libvirt_takes_it_for_usable() -> None:
    """Labs would be started with it and fail: the note says what keeps them from that, unless bot.ini does."""
    facts = replace(kvm_host(), kvm=Kvm(device="660 root:kvm", guest=True, offered=True, said="failed to set MSR"))
    (said,) = notes(facts, DESIRED)
    assert "set kvm = no in [host.kvm1], or labs do not start; then labs are emulated" in said
    (said,) = notes(facts, replace(DESIRED, host=replace(KVM1, kvm=False)))
    assert "kvm = no" not in said and "so labs are emulated" in said


@pytest.mark.parametrize(("labs", "cpus", "seconds"), [(15, 2, 150), (1, 8, 20), (40, 4, 200), (3, 0, 60)])
def test_what_emulation_costs(labs: int, cpus: int, seconds: int) -> None:
    """At least one boot; otherwise the boots that share a CPU, one after the other."""
    assert f"{labs} at once on its {cpus or '?'} CPUs take {seconds} s" in emulation_cost(labs, cpus)


NOTED = [
    ({"libvirt": "7.0.0"}, "kvm1 has libvirt 7.0.0, which was never tried"),
    ({"libvirt": "10.0.0"}, None),
    ({"libvirt": ""}, None),
    ({"security": frozenset({"dac"})}, "libvirt there does not use AppArmor, .*: systemctl restart libvirtd"),
    ({"security": frozenset({"dac"}), "apparmor": False}, "AppArmor is off in its kernel, .*: boot it with apparmor=1"),
    ({"security": frozenset({"selinux"})}, None),
]


@pytest.mark.parametrize(("change", "words"), NOTED)
def test_what_is_said_and_left(change: dict, words: str | None) -> None:
    """Things that trainbot does not change: each a note, and no step is due for it."""
    facts = replace(kvm_host(), **change)
    said = notes(facts, DESIRED)
    assert len(said) == (words is not None) and all(re.match(words or "", note) for note in said)
    assert not any(step.due for step in plan(facts, DESIRED))


SAID = """\
clock 1700000000.25
user 0
machine x86_64
system Ubuntu 24.04 LTS
family ubuntu debian
libvirt 10.0.0
cpus 8
memory 16384 12000
kvm flag vmx
kvm module kvm_intel
kvm device 660 root:kvm
kvm guest yes
kvm offered yes
kvm works yes
kvm said
security apparmor
security dac
apparmor yes
emulator libvirt-qemu
barred /srv/closed
weight 50
""".replace("kvm said", "kvm said ")  # QEMU said nothing


def test_what_a_kvm_host_says_is_read() -> None:
    """Each line becomes a value; what is missing of KVM is unknown, and what QEMU says has no control characters."""
    facts = facts_module.read(SAID)
    assert facts.kvm == Kvm("vmx", "kvm_intel", "660 root:kvm", guest=True, offered=True, works=True, said="")
    assert (facts.cpus, facts.memory, facts.libvirt, facts.weight) == (8, (16384, 12000), "10.0.0", 50)
    assert (facts.emulator, facts.barred) == ("libvirt-qemu", ("/srv/closed",))
    assert facts.security == {"apparmor", "dac"} and facts.apparmor
    assert facts_module.read(SAID.replace("kvm said \n", "")).kvm == replace(facts.kvm, said=None)
    assert facts_module.read(SAID.replace("offered yes", "offered no")).kvm == replace(facts.kvm, offered=False)
    odd = facts_module.read(SAID.replace("kvm said ", "kvm said \u202ebad\u009b1m"))
    assert odd.kvm is not None and odd.kvm.said is not None and odd.kvm.said.isprintable()


def test_facts_of_this_machine(tmp_path: Path) -> None:
    """facts.sh asks any Debian about KVM, with or without libvirt: the trial leaves neither words nor files behind."""
    done = subprocess.run(
        ["sh", "-s"],
        input=facts_module.facts_script(DESIRED),
        text=True,
        capture_output=True,
        check=False,
        env={"TMPDIR": str(tmp_path)},
    )
    facts = facts_module.read(done.stdout)
    assert done.stderr == "" and list(tmp_path.iterdir()) == []
    assert (facts.kvm is not None) is (facts.cpus > 0) is (0 < facts.memory[1] <= facts.memory[0]) is (facts.user == 0)
