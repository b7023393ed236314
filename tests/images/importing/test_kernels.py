"""Which kernel an image's labs boot, how it runs on Xen, and what its initrd has."""

from __future__ import annotations

import gzip
import itertools
import lzma
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.doctor.test_doctor_image import legacy
from trainbot.core.errors import BackendError
from trainbot.images.build.kernel import configured_types
from trainbot.images.importing.bootline import command_line
from trainbot.images.importing.contexts import labels_of, with_folders
from trainbot.images.importing.facts import DiskFacts, Kernel, selinux_mode
from trainbot.images.importing.initrd import QEMU, XEN, drivers_in
from trainbot.images.importing.kernels import choose, in_order
from trainbot.images.importing.opener import CONFIG, DRIVERS, VERSION
from trainbot.images.importing.remarks import mode_words
from trainbot.model.host import GuestType

PVH, PV, HVM = GuestType.PVH, GuestType.PV, GuestType.HVM


# -- Xen -----------------------------------------------------------------------------------------------


def config(pv: str, xen_pvh: str, pvh: str, blkfront: str = "m") -> str:
    """As a distribution's kernel has it, with lines around that look similar."""
    told = {"XEN_PV": pv, "XEN_PVH": xen_pvh, "PVH": pvh, "XEN_PVHVM": "y", "XEN_BLKDEV_FRONTEND": blkfront}
    lines = [
        f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}" for name, value in told.items()
    ]
    return "\n".join(
        ["CONFIG_XEN=y", "CONFIG_XEN_PVHVM_SMP=y", "CONFIG_XEN_PV_SMP=y", *lines, "CONFIG_VIRTIO_BLK=m", ""]
    )


@pytest.mark.parametrize(
    ("pv", "xen_pvh", "pvh", "can"),
    [
        pytest.param("n", "n", "n", (HVM,), id="EL8"),
        pytest.param("n", "n", "y", (HVM,), id="EL9, EL10, ELN"),
        pytest.param("y", "y", "y", (PVH, PV, HVM), id="Fedora, Alpine, Debian"),
        pytest.param("y", "n", "y", (PV, HVM), id="PV alone"),
    ],
)
def test_a_kernels_configuration_says_how_it_runs_on_xen(
    pv: str, xen_pvh: str, pvh: str, can: tuple[GuestType, ...]
) -> None:
    """CONFIG_PVH alone makes no PVH guest: it puts the entry into the kernel, and without CONFIG_XEN_PVH that ends in
    BUG()."""
    assert configured_types(CONFIG.findall(config(pv, xen_pvh, pvh))) == can


def test_a_kernel_without_xen_runs_on_no_xen() -> None:
    """Nothing is taken for granted, not HVM either: such a kernel does not see a lab's disk."""
    assert configured_types(CONFIG.findall("CONFIG_PVH=y\n# CONFIG_XEN is not set\n")) == ()


# -- which kernel --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packages", "older", "newer"),
    [
        ("rpm", "5.14.0-362.el9.x86_64", "5.14.0-362.24.1.el9_3.x86_64"),
        ("rpm", "6.12.0-55.el10.x86_64", "6.12.0-55.9.1.el10_0.x86_64"),
        ("rpm", "4.18.0-553.el8_10.x86_64", "4.18.0-553.16.1.el8_10.x86_64"),
        ("rpm", "5.14.0-9.el9.x86_64", "5.14.0-10.el9.x86_64"),
        ("rpm", "6.1-9.fc42.x86_64", "6.1.5-1.fc42.x86_64"),
        ("rpm", "6.15.0-0.rc3.29.fc43.x86_64", "6.15.0-61.fc43.x86_64"),
        ("rpm", "6.4.0-150600.21-default", "6.4.0-150600.23.7-default"),
        ("deb", "6.1.0-9-amd64", "6.1.0-10-amd64"),
        ("deb", "6.12~rc6-amd64", "6.12-amd64"),
        ("deb", "6.12.9+deb13-cloud-amd64", "6.12.118+deb13-cloud-amd64"),
        ("deb", "6.8.0-9-generic", "6.8.0-31-generic"),
        ("pacman", "6.9.1-arch1-1", "6.10.2-arch1-1"),
    ],
)
def test_kernels_are_in_their_package_managers_order(packages: str, older: str, newer: str) -> None:
    """rpm's own, and dpkg's own."""
    assert in_order([newer, older], packages) == in_order([older, newer], packages) == [older, newer]


@pytest.mark.parametrize("packages", ["rpm", "deb"])
@given(versions=st.lists(st.from_regex(VERSION, fullmatch=True), max_size=3))
def test_any_names_have_an_order(packages: str, versions: list[str]) -> None:
    """Whatever files in /boot are called."""
    assert sorted(in_order(versions, packages)) == sorted(versions)


def facts(*versions: str, **more: object) -> DiskFacts:
    kernels = tuple(
        Kernel(version, f"/boot/vmlinuz-{version}", f"/boot/initramfs-{version}.img") for version in versions
    )
    return replace(DiskFacts("System", kernels, "1234", packages="rpm"), **more)


OLD, NEW = "5.14.0-362.el9.x86_64", "5.14.0-362.24.1.el9_3.x86_64"
MACHINE = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        ((OLD, NEW), NEW),
        ((OLD, f"{NEW}+debug"), OLD),
        ((OLD, f"{NEW}+rt", f"{NEW}.debug"), OLD),
        ((OLD, "5.15.0-200.131.27.el9uek.x86_64"), OLD),
        ((OLD, "5.14.0-999.rt14.1.el9.x86_64"), OLD),
        (("6.1.0-13-amd64", "6.1.0-14-rt-amd64"), "6.1.0-13-amd64"),
        (("6.8.0-31-generic", "6.8.1-1015-realtime"), "6.8.0-31-generic"),
        (("6.4.0-1-default", "6.4.0-2-debug"), "6.4.0-1-default"),
        (("5.15.0-200.131.27.el9uek.x86_64",), "5.15.0-200.131.27.el9uek.x86_64"),
    ],
)
def test_the_newest_ordinary_kernel_is_chosen(versions: tuple[str, ...], chosen: str) -> None:
    """Debug and real-time kernels and Oracle's UEK only where there is no other; the order on the disk means nothing."""
    for order in itertools.permutations(versions):
        assert choose(facts(*order), "").version == chosen


BLS = {
    f"/boot/loader/entries/{MACHINE}-{version}.conf": f"title x\nlinux /vmlinuz-{version}\noptions $kernelopts $tuned_params\n"
    for version in (OLD, NEW, f"{NEW}+debug")
}
DEFAULT_SAVED = (
    'if [ "${next_entry}" ] ; then\n  set default="${next_entry}"\nelse\n  set default="${saved_entry}"\nfi\n'
)
DEBIAN = (
    "set default=\"{}\"\nmenuentry 'Debian GNU/Linux' --class os $menuentry_id_option 'gnulinux-simple' {{\n\tlinux /boot/vmlinuz-"
    + NEW
    + "\n}}\n  menuentry 'Debian, with Linux old' $menuentry_id_option 'gnulinux-old-advanced' {{\n\tlinux /boot/vmlinuz-"
    + OLD
    + "\n}}\n"
)


@pytest.mark.parametrize(
    ("saved", "grub", "chosen"),
    [
        (f"{MACHINE}-{OLD}", DEFAULT_SAVED, OLD),
        (f"{MACHINE}-{NEW}+debug", DEFAULT_SAVED, f"{NEW}+debug"),
        (f"{MACHINE}-{OLD}", "insmod blscfg\n", OLD),
        (f"{MACHINE}-gone", DEFAULT_SAVED, NEW),
        ("", DEFAULT_SAVED, NEW),
        ("0", DEFAULT_SAVED, NEW),
        ("gnulinux-advanced>gnulinux-old-advanced", DEBIAN.format("${saved_entry}"), OLD),
        ("Debian, with Linux old", DEBIAN.format("${saved_entry}"), OLD),
        ("gnulinux-old-advanced", DEBIAN.format("0"), NEW),
    ],
)
def test_the_saved_entry_of_the_boot_loader_wins(saved: str, grub: str, chosen: str) -> None:
    """If there is a kernel of that entry, and if grub.cfg asks for it."""
    env = f"# GRUB Environment Block\nsaved_entry={saved}\nboot_success=0\n" + "#" * 900
    found = facts(OLD, NEW, f"{NEW}+debug", entries=BLS, grub=(grub,), grubenv=(env,))
    assert choose(found, "").version == chosen
    assert choose(found, OLD).version == OLD


def test_the_variables_of_grubenv_stand_in_an_entry() -> None:
    """EL8 has the options there, and grub.cfg has them for a grubenv without them; what is unknown is left out."""
    env = "# GRUB Environment Block\nkernelopts=root=/dev/x ro net.ifnames=0 console=ttyS0 $x \n####"
    cfg = 'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=/dev/x ro consoleblank=0 "\nfi\n'
    assert command_line(OLD, "1234", "", BLS.values(), [cfg], [env]) == "root=UUID=1234 rw quiet net.ifnames=0"
    assert command_line(OLD, "1234", "", BLS.values(), [cfg], [""]) == "root=UUID=1234 rw quiet consoleblank=0"
    assert command_line(OLD, "1234", "", BLS.values(), [], []) == "root=UUID=1234 rw quiet"


BARE = replace(facts(), kernels=())


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(BARE, systemd=False, other_boot=frozenset({"kernel"})), "no systemd"),
        (replace(BARE, other_boot=frozenset({"uki", "sd-boot"})), "a unified kernel image"),
        (replace(BARE, other_boot=frozenset({"sd-boot"})), "boots with systemd-boot"),
        (replace(BARE, other_boot=frozenset({"kernel"})), "is not /boot/vmlinuz-VERSION with an initrd"),
        (BARE, "container images have none"),
        (
            replace(facts(OLD), unmounted={"/boot": "unknown features"}),
            r"/boot cannot be mounted.*\(unknown features\)",
        ),
        (replace(BARE, kernels=(Kernel("6.1", "/boot/vmlinuz-6.1", ""),)), r"no initrd beside it \(6.1\)"),
        (replace(facts(OLD), cloud_init=False), "no cloud-init"),
    ],
)
def test_a_refusal_names_the_true_reason(found: DiskFacts, words: str) -> None:
    """Each system that cannot be a lab's is told from the others."""
    with pytest.raises(BackendError, match=words):
        choose(found, "")


def test_a_kernel_that_is_not_there() -> None:
    """Names those that are."""
    with pytest.raises(BackendError, match=f"no kernel 1 on this disk .available: {OLD}"):
        choose(facts(OLD), "1")


# -- initrds -------------------------------------------------------------------------------------------


def cpio(*names: str) -> bytes:
    """An archive as cpio -H newc makes it, of files that hold what looks like the beginning of another."""
    made, content = b"", b"070701" * 5001
    for name in (*names, "TRAILER!!!"):
        size = 0 if name == "TRAILER!!!" else len(content)
        values = (1, 0o100644, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name) + 1, 0)
        made += b"070701" + b"".join(b"%08X" % value for value in values) + name.encode() + b"\0"
        made += bytes(-len(made) % 4) + content[:size]
        made += bytes(-len(made) % 4)
    return made.ljust(-(-len(made) // 512) * 512, b"\0")


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


BLK = "usr/lib/modules/6/kernel/drivers/block/"
PACK = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress, "zstd": zstd, "lz4": legacy}


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("early", [False, True])
def test_the_drivers_in_an_initrd(tmp_path: Path, pack: str, early: bool) -> None:
    """However it is packed, behind microcode or not, with modules that are packed themselves."""
    main = PACK[pack](cpio("init", f"{BLK}xen-blkfront.ko.xz", "etc/virtio_blk.conf"))
    first = cpio("kernel/x86/microcode/GenuineIntel.bin").ljust(65536, b"\0") if early else b""
    (tmp_path / "initrd").write_bytes(first + main)
    assert drivers_in(tmp_path / "initrd") == {XEN}
    more = cpio(f"{BLK}virtio_blk.ko")
    (tmp_path / "initrd").write_bytes(more + bytes(8) + first + main)
    assert drivers_in(tmp_path / "initrd") == {XEN, QEMU}


def test_archives_one_after_another_in_one_compressed_file(tmp_path: Path) -> None:
    """As some tools pack them."""
    both = cpio("a").ljust(1024, b"\0") + cpio(f"{BLK}virtio_blk.ko.zst")
    (tmp_path / "initrd").write_bytes(gzip.compress(both))
    assert drivers_in(tmp_path / "initrd") == {QEMU}


@pytest.mark.parametrize(
    "data", [b"", bytes(4096), b"initrd", b"070701nothex" + bytes(200), b"\x1f\x8bno", b"\x28\xb5\x2f\xfdno"]
)
def test_what_is_no_initrd_is_unknown(tmp_path: Path, data: bytes) -> None:
    """Nothing is said of what cannot be read."""
    (tmp_path / "initrd").write_bytes(data)
    assert drivers_in(tmp_path / "initrd") is None


@given(st.binary(max_size=300), st.integers(0, 600))
def test_any_initrd_is_an_answer(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    """One that somebody bent on purpose, too."""
    folder = tmp_path_factory.mktemp("initrd")
    data = bytearray(cpio("init", f"{BLK}virtio_blk.ko")[:1200])
    data[at : at + len(noise)] = noise
    (folder / "initrd").write_bytes(data)
    assert drivers_in(folder / "initrd") in (None, frozenset(), {QEMU})


def test_built_in_drivers_are_read_from_modules_builtin() -> None:
    """Only these, by their whole names."""
    assert DRIVERS.findall("kernel/drivers/block/virtio_blk.ko\nkernel/drivers/block/xen-blkback/xen-blkback.ko\n") == [
        QEMU
    ]


# -- SE Linux ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("", "", ("", "")),
        (
            "# SELINUX= can take one of these\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
            "enforcing",
            ("enforcing=0", "enforcing=1"),
        ),
        ("SELINUX=permissive\n", "permissive", ("enforcing=0", "")),
        ("SELINUX=Disabled \n", "disabled", ("", "")),
        ("SELINUXTYPE=targeted\n", "permissive", ("enforcing=0", "")),
    ],
)
def test_a_labs_mode_is_the_images(text: str, mode: str, words: tuple[str, str]) -> None:
    """What /etc/selinux/config says; a permissive lab can be asked for where there is SE Linux at all."""
    assert selinux_mode(text) == mode and mode_words(mode) == words


def test_labels_are_those_of_file_contexts(tmp_path: Path) -> None:
    """The last line that fits counts, .local and .subs_dist are read too; <<none>> and strange ones are no label."""
    (tmp_path / "file_contexts").write_text(
        "/.*\tu:r:default_t:s0\n/root(/.*)?\tu:r:admin_home_t:s0\n/root/\\.ssh(/.*)?\tu:r:ssh_home_t:s0\n"
        "/root/\\.ssh\t-d\tu:r:ssh_dir_t:s0\n/proc/.*\t<<none>>\n/odd\tu:r:x;y:s0\n"
    )
    (tmp_path / "file_contexts.local").write_text("/srv/a\tu:r:local_t:s0\n")
    (tmp_path / "file_contexts.subs_dist").write_text("/home2 /root\n")
    files = dict.fromkeys(("/root/.ssh/authorized_keys", "/srv/a", "/home2/x", "/proc/x", "/odd"), 0o600)
    assert labels_of(tmp_path / "file_contexts", with_folders(files)) == {
        "/root": "u:r:admin_home_t:s0",
        "/root/.ssh": "u:r:ssh_dir_t:s0",
        "/root/.ssh/authorized_keys": "u:r:ssh_home_t:s0",
        "/srv": "u:r:default_t:s0",
        "/srv/a": "u:r:local_t:s0",
        "/home2": "u:r:admin_home_t:s0",
        "/home2/x": "u:r:admin_home_t:s0",
        "/proc": "u:r:default_t:s0",
    }


@pytest.mark.parametrize("text", ["", "nonsense\n", "/[ u:r:x:s0\n", "\0\xff"])
def test_a_policy_that_cannot_be_read_has_no_labels(tmp_path: Path, text: str) -> None:
    """Then files get the labels of their folders."""
    (tmp_path / "file_contexts").write_text(text)
    assert labels_of(tmp_path / "file_contexts", {"/a": 0o100600}) == {}
    assert labels_of(tmp_path / "none", {"/a": 0o100600}) == {}
