"""Disks that become no lab: libguestfs opens them, and one sentence says what to take instead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.images.importing import odd_disks
from trainbot.core.errors import BackendError
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing import opened, opener
from trainbot.images.importing.facts import read_facts
from trainbot.images.importing.kernels import choose

#: Run by the system's Python: all disks in one virtual machine, since each takes a quarter of a minute to start.
#: stdin: {disks: {label: path}, to, looks: [what it is called, labels, file that is gone by then]};
#: stdout: {what it is called: what the opener says, or its facts}.
ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import guestfs, opener

class Only:
    def __init__(self, g, labels):
        self.g, self.drives = g, tuple(g.list_disk_labels()[label] for label in labels)
    def __getattr__(self, name):
        return getattr(self.g, name)
    def inspect_os(self):
        return sorted(root for root in roots if root.startswith(self.drives))
    def list_partitions(self):
        return [each for each in self.g.list_partitions() if each.startswith(self.drives)]
    def shutdown(self):
        pass

asked = json.loads(sys.stdin.read())
g = guestfs.GuestFS(python_return_dict=True)
g.set_backend("direct")
g.set_backend_settings(["force_tcg"])
for label, path in asked["disks"].items():
    g.add_drive_opts(path, format="raw", cachemode="unsafe", label=label)
g.launch()
roots, said = g.inspect_os(), {}
for name, labels, gone in asked["looks"]:
    only = Only(g, labels)
    if gone:
        g.mount(only.inspect_os()[0], "/")
        g.rm(gone)
        g.umount_all()
    try:
        said[name] = opener.look(only, asked["to"])
    except opener.ImageError as error:
        said[name] = str(error)
    g.umount_all()
print(json.dumps(said))
"""


BOOT_ELSEWHERE = {"etc/fstab": "# x /boot\nUUID=1234-ABCD\t/boot vfat defaults 0 1\n"}


BOOT_UNMOUNTABLE = {"etc/fstab": f"UUID={odd_disks.UNMOUNTABLE}\t/boot ext4 defaults 0 0\n", "boot/empty": ""}
#: Nothing in /etc/fstab names the EFI partition: systemd finds it by its type.
EFI_ALONE = {
    "uki alone": "EFI/Linux/arch-linux.efi",
    "sdboot alone": "EFI/systemd/systemd-bootx64.efi",
    "grub": "EFI/debian/grubx64.efi",
}
_NO_KERNEL = ("boot/",)
OTHERS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "alpine": (
        {
            "etc/alpine-release": "3.22.0\n",
            "etc/os-release": 'ID=alpine\nNAME="Alpine Linux"\nPRETTY_NAME="Alpine Linux v3.22"\nVERSION_ID=3.22.0\n',
            "boot/vmlinuz-virt": "kernel",
            "boot/initramfs-virt": "initrd",
        },
        ("boot/", "usr/lib/systemd", "etc/debian"),
    ),
    "uki": ({"boot/efi/EFI/Linux/f43-6.17.1.x86_64.efi": "MZ"}, _NO_KERNEL),
    "sdboot": (
        {
            "boot/efi/EFI/systemd/systemd-bootx64.efi": "MZ",
            "boot/efi/loader/entries/opensuse-6.17-1.conf": "linux /opensuse/6.17.1/linux-abc\n",
            "boot/efi/opensuse/6.17.1/linux-abc": "kernel",
        },
        _NO_KERNEL,
    ),
    "modules": ({"usr/lib/modules/6.17.1/vmlinuz": "kernel"}, _NO_KERNEL),
}


NO_KERNEL = "no kernel on this disk (container images have none): use the one for clouds or virtual machines"
UKI = (
    "this image boots a unified kernel image (UKI), which has kernel and initrd in one EFI file, but labs need both as files "
    "in /boot: use the distribution's image for BIOS or GRUB"
)
SD_BOOT = (
    "this image boots with systemd-boot, its kernel is on the EFI partition, but labs need kernel and initrd in /boot: use the "
    "distribution's image for BIOS or GRUB"
)


def verdict(facts: dict[str, Any]) -> str:
    """The kernel that is chosen, or why there is none."""
    try:
        return choose(read_facts(facts), "").version
    except BackendError as error:
        return str(error)


@pytest.mark.images
def test_each_disk_that_becomes_no_lab_says_what_to_take(tmp_path: Path) -> None:
    """No kernel, no cloud-init, no systemd, a /boot that cannot be mounted, two systems, encrypted, rubbish, kernels
    elsewhere than in /boot: a sentence each; one that has all of it is taken."""
    (tmp_path / "random").write_bytes(os.urandom(1 << 20))
    parts = {
        "one": odd_disks.system(tmp_path, "one"),
        "another": odd_disks.system(tmp_path, "another"),
        "luks": odd_disks.encrypted(tmp_path),
        "random": tmp_path / "random",
        "boot": odd_disks.system(tmp_path, "boot", BOOT_ELSEWHERE),
    }
    for name, (files, without) in OTHERS.items():
        parts[name] = odd_disks.system(tmp_path, name, {"etc/fstab": "", **files}, without)
    disks = {name: (part,) for name, part in parts.items()}
    system = odd_disks.system(tmp_path, "unmountable boot", BOOT_UNMOUNTABLE, _NO_KERNEL)
    disks["newboot"] = (system, odd_disks.unmountable(tmp_path))
    for letter, (name, path) in zip("abc", EFI_ALONE.items(), strict=True):
        system = odd_disks.system(tmp_path, name, {"etc/fstab": ""}, _NO_KERNEL)
        disks[f"efi{letter}"] = (odd_disks.esp(tmp_path, name, path), system)
    asked = {
        "disks": {name: str(odd_disks.disk(tmp_path / f"{name}.disk", *those)) for name, those in disks.items()},
        "to": str(tmp_path),
        "looks": [
            ("whole", ["one"], ""),
            ("no cloud-init", ["one"], "/usr/bin/cloud-init"),
            ("no initrd", ["one"], "/boot/initrd.img-6.1.0-1-amd64"),
            ("no kernel", ["one"], "/boot/vmlinuz-6.1.0-1-amd64"),
            ("no systemd", ["one"], "/usr/lib/systemd/systemd"),
            ("boot", ["boot"], ""),
            ("two", ["one", "another"], ""),
            ("encrypted", ["luks"], ""),
            ("rubbish", ["random"], ""),
            ("unmountable boot", ["newboot"], ""),
            *((name, [f"efi{letter}"], "") for letter, name in zip("abc", EFI_ALONE, strict=True)),
            *((name, [name], "") for name in OTHERS),
        ],
    }
    ran = subprocess.run(
        [opened._PYTHON, "-c", ALL, str(Path(opener.__file__).parent)],
        text=True,
        capture_output=True,
        timeout=3600,
        input=json.dumps(asked),
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    newboot = "the image's /boot cannot be mounted, so its kernel is out of reach (mount: "
    assert verdict(found["unmountable boot"]).startswith(newboot) and "wrong fs type" in verdict(
        found.pop("unmountable boot")
    )
    cloud = "use the distribution's cloud image"
    assert {name: said if isinstance(said, str) else verdict(said) for name, said in found.items()} == {
        "whole": "6.1.0-1-amd64",
        "no cloud-init": f"no cloud-init on this disk, so labs would have no network: {cloud}",
        "no initrd": f"the kernel in /boot has no initrd beside it (6.1.0-1-amd64): {cloud}",
        "no kernel": NO_KERNEL,
        "no systemd": "this system has no systemd, which labs need for their console: use another distribution",
        "boot": "the image's /boot cannot be mounted, so its kernel is out of reach "
        "(nothing on this disk is UUID=1234-ABCD, which is in /etc/fstab)",
        "two": "this disk has 2 operating systems (debian 12.1, debian 12.1): use a cloud image, which has only one",
        "encrypted": "this disk is encrypted (LUKS), so labs cannot boot it: use the distribution's cloud image",
        "rubbish": "no operating system found on this disk: use a Linux distribution's cloud image",
        "alpine": "this system has no systemd, which labs need for their console: use another distribution",
        "uki": UKI,
        "uki alone": UKI,
        "sdboot": SD_BOOT,
        "sdboot alone": SD_BOOT,
        "grub": NO_KERNEL,
        "modules": "the kernel on this disk is not /boot/vmlinuz-VERSION with an initrd: use the distribution's cloud image",
    }


def test_what_a_disk_says_of_itself_turns_no_terminal_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error holds a stranger's words: on one line, without controls, and not at any length."""
    (tmp_path / "opener.py").write_text(
        "import json\nprint(json.dumps({'error': 'two: \\x1b[2J\\r\\nx\\u202e' + 'y' * 9000}))\n"
    )
    monkeypatch.setattr(opened, "_PYTHON", sys.executable)
    monkeypatch.setattr(opened, "_OPENER", tmp_path / "opener.py")
    with pytest.raises(BackendError) as raised:
        opened.open_disk(tmp_path / "disk", tmp_path, "", {}, Silent())
    assert str(raised.value).startswith("two: [2J xyy") and len(str(raised.value)) == 500


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (RuntimeError("mount: /dev/sda1:\n wrong type"), "cannot read the disk: mount: /dev/sda1: wrong type"),
        (
            TypeError("guestfs_lsetxattr() argument 3 must be str, not bytes"),
            "cannot import this disk, because of a fault in trainbot (TypeError: guestfs_lsetxattr() argument 3 must be "
            "str, not bytes)",
        ),
        (opener.ImageError("this disk is encrypted"), "this disk is encrypted"),
    ],
)
def test_whatever_breaks_in_the_opener_is_one_sentence(
    capsys: pytest.CaptureFixture[str], raised, sentence: str
) -> None:
    """What libguestfs raises, and what a fault of ours raises: nobody reads that it ended early."""

    def broken() -> None:
        raise raised

    opener.told(broken)
    assert json.loads(capsys.readouterr().out) == {"error": sentence}
