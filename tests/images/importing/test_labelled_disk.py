"""A disk with SE Linux labels through the real opener, as every CentOS or Fedora is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.images.importing import odd_disks
from trainbot.images.build.command import environment
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing.opened import open_disk
from trainbot.images.importing.seed import AUTHORIZED_KEYS, GETTY, HOST_KEY, SEED, seed_files
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
    types = {path: label(disk, path).split(":")[2] for path in (AUTHORIZED_KEYS, HOST_KEY, GETTY, f"{SEED}/user-data")}
    assert types == {
        AUTHORIZED_KEYS: "ssh_home_t",
        HOST_KEY: "sshd_key_t",
        GETTY: "systemd_unit_file_t",
        f"{SEED}/user-data": "var_lib_t",
    }
    assert label(disk, "/root/.ssh") == "system_u:object_r:ssh_home_t:s0"
