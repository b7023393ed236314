"""A disk with SE Linux labels through the real opener, as every CentOS or Fedora is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images.importing import odd_disks
from trainbot.images.build.command import environment
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing.opened import _PYTHON, open_disk
from trainbot.images.importing.remarks import boot_line
from trainbot.images.importing.seed import AUTHORIZED_KEYS, GETTY, HOST_KEY, PATIENCE, SEED, seed_files
from trainbot.model.host import GuestType

pytestmark = pytest.mark.images

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbW1lbnQgZG9lcyBub3QgY291bnQgaGVyZQ== lab"
EL9 = "CONFIG_XEN=y\nCONFIG_XEN_PVHVM=y\nCONFIG_PVH=y\n# CONFIG_XEN_PVH is not set\nCONFIG_VIRTIO_BLK=m\n"
FILES = {
    "etc/selinux/config": "SELINUX=permissive\nSELINUXTYPE=targeted\n",
    "etc/selinux/targeted/contexts/files/file_contexts": (
        "/.*\tsystem_u:object_r:default_t:s0\n"
        "/etc(/.*)?\tsystem_u:object_r:etc_t:s0\n"
        "/etc/ssh/ssh_host.*_key\t--\tsystem_u:object_r:sshd_key_t:s0\n"
        "/etc/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0\n"
        "/var/lib(/.*)?\tsystem_u:object_r:var_lib_t:s0\n"
    ),
    "etc/selinux/targeted/contexts/files/file_contexts.homedirs": (
        "/root(/.*)?\tsystem_u:object_r:admin_home_t:s0\n/root/\\.ssh(/.*)?\tsystem_u:object_r:ssh_home_t:s0\n"
    ),
    "boot/config-6.1.0-1-amd64": EL9,
    "root/.profile": "",
    "etc/ssh/sshd_config": "",
    "var/lib/misc/x": "",
}


def label(disk: Path, path: str) -> str:
    """As the kernel stores it, with debugfs(8)."""
    ran = subprocess.run(
        ["debugfs", "-R", f"ea_get -V {path} security.selinux", f"{disk}?offset=1048576"],
        capture_output=True,
        env=environment(),
    )
    return ran.stdout.decode().strip()


def test_keys_and_seed_get_the_labels_that_the_images_own_policy_says(tmp_path: Path) -> None:
    """Not those of another folder, with the final NUL that the kernel expects none of; modes as sshd wants them."""
    part = odd_disks.system(tmp_path, "one", FILES)
    odd_disks.label(part, ["/", "/etc", "/etc/ssh", "/root", "/var", "/var/lib"], "system_u:object_r:wrong_t:s0")
    disk = odd_disks.disk(tmp_path / "disk", part)
    (tmp_path / "to").mkdir()
    files = seed_files("centos", "centos-1", KEY, "-----BEGIN\nhost\n", "ssh-ed25519 AAAA")
    found = open_disk(disk, tmp_path / "to", "", files, Silent())
    assert found.guests == (GuestType.HVM,) and found.facts.selinux == "permissive"
    assert (tmp_path / "to/vmlinuz").read_text() == "kernel" and (tmp_path / "to/initrd").read_text() == "initrd"
    types = {
        path: label(disk, path).split(":")[2]
        for path in (AUTHORIZED_KEYS, HOST_KEY, GETTY, PATIENCE, f"{SEED}/user-data")
    }
    assert types == {
        AUTHORIZED_KEYS: "ssh_home_t",
        HOST_KEY: "sshd_key_t",
        GETTY: "systemd_unit_file_t",
        PATIENCE: "etc_t",
        f"{SEED}/user-data": "var_lib_t",
    }
    assert label(disk, "/root/.ssh") == "system_u:object_r:ssh_home_t:s0"


#: Run by the system's Python.  argv: the disk to make, a tar of the system.
BTRFS = """
import sys
import guestfs
g = guestfs.GuestFS(python_return_dict=True)
g.set_backend("direct")
g.set_backend_settings(["force_tcg"])
g.disk_create(sys.argv[1], "raw", 512 << 20)
g.add_drive_opts(sys.argv[1], format="raw", cachemode="unsafe")
g.launch()
g.part_init("/dev/sda", "gpt")
g.part_add("/dev/sda", "p", 2048, 200000)
g.part_add("/dev/sda", "p", 200704, -2048)
g.mkfs("ext4", "/dev/sda1")
g.mkfs("btrfs", "/dev/sda2")
g.mount("/dev/sda2", "/")
for name in ("/root", "/home", "/var"):
    g.btrfs_subvolume_create(name)
g.umount_all()
g.mount_options("subvol=root", "/dev/sda2", "/")
for name in ("/boot", "/home", "/var"):
    g.mkdir(name)
g.mount("/dev/sda1", "/boot")
g.mount_options("subvol=var", "/dev/sda2", "/var")
g.tar_in(sys.argv[2], "/")
boot, root = g.vfs_uuid("/dev/sda1"), g.vfs_uuid("/dev/sda2")
lines = ["UUID=%s /boot ext4 defaults 0 0" % boot]
lines += ["UUID=%s %s btrfs subvol=%s 0 0" % (root, path, name) for path, name in (("/", "root"), ("/home", "home"), ("/var", "var"))]
g.write("/etc/fstab", chr(10).join([*lines, ""]).encode())
label = "system_u:object_r:etc_t:s0"
g.lsetxattr("security.selinux", label, len(label), "/etc/selinux/config")
g.umount_all()
g.shutdown()
print(root)
"""
VERSION = "6.17.1-300.fc43.x86_64"
FEDORA = {
    "etc/os-release": 'ID=fedora\nNAME="Fedora Linux"\nPRETTY_NAME="Fedora Linux 43"\nVERSION_ID="43"\n',
    "etc/fedora-release": "Fedora release 43 (Forty Three)\n",
    "etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    "etc/selinux/targeted/contexts/files/file_contexts": FILES["etc/selinux/targeted/contexts/files/file_contexts"],
    "usr/lib/systemd/systemd": "",
    "usr/bin/cloud-init": "",
    "usr/bin/tmux": "",
    f"boot/vmlinuz-{VERSION}": "kernel",
    f"boot/initramfs-{VERSION}.img": "initrd",
    f"boot/loader/entries/a-{VERSION}.conf": f"title F\nlinux /vmlinuz-{VERSION}\noptions rootflags=subvol=root rhgb x.y=1\n",
    f"usr/lib/modules/{VERSION}/config": "CONFIG_XEN_PV=y\nCONFIG_XEN_PVH=y\nCONFIG_XEN_PVHVM=y\nCONFIG_VIRTIO_BLK=y\n",
    f"usr/lib/modules/{VERSION}/modules.builtin": "kernel/drivers/block/xen-blkfront.ko\n",
    "var/lib/misc/x": "",
}


def test_a_disk_of_fedoras_shape(tmp_path: Path) -> None:
    """btrfs with its system in a subvolume, /boot and /var elsewhere, the kernel's configuration beside its modules, drivers
    that are part of the kernel: all of it is found, and there is no machine-id before and one afterwards."""
    tree = tmp_path / "tree"
    for path, text in FEDORA.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "bin").mkdir()
    shutil.copy("/bin/true", tree / "bin" / "ls")  # its ELF header says for which machines the system is
    subprocess.run(["tar", "-c", "-f", tmp_path / "tar", "-C", tree, "."], check=True)
    made = subprocess.run(
        [_PYTHON, "-c", BTRFS, tmp_path / "disk", tmp_path / "tar"], text=True, capture_output=True, timeout=3600
    )
    assert made.returncode == 0, made.stderr
    files = seed_files("fedora", "fedora-1", KEY, "-----BEGIN\nhost\n", "ssh-ed25519 AAAA")
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        found = open_disk(tmp_path / "disk", tmp_path / turn, "", files, Silent())
        facts = found.facts
        assert (facts.filesystem, facts.subvolume, facts.root) == ("btrfs", "root", made.stdout.strip())
        assert facts.machine_id is (turn == "second") and facts.unmounted == {} and found.tmux
        assert (found.kernel, found.guests) == (VERSION, (GuestType.PVH, GuestType.PV, GuestType.HVM))
        assert found.lacking == frozenset() and facts.packages == "rpm"
    assert boot_line(facts, found.kernel) == f"root=UUID={facts.root} rootflags=subvol=root rw quiet x.y=1"
