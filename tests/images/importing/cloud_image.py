"""A cloud image as distributions make them, from Debian's packages: GPT, an ESP, an ext4 root, cloud-init, grub.cfg."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

from tests.images.importing.offered_image import install, kept, run_inside
from trainbot.images.build.command import environment
from trainbot.images.build.progress_bar import Progress

PACKAGES = (
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "zstd",
    "initramfs-tools",
    "linux-image-cloud-amd64",
    "openssh-server",
    "iproute2",
    "cloud-init",
    "netplan.io",
    "systemd-resolved",
    "procps",
    "python3-minimal",
)
ROOT = uuid.UUID("5a1b0c2d-0000-4000-8000-0123456789ab")  # of the root file system
_HOOK = """\
rm -f /etc/ssh/ssh_host_* /etc/machine-id
systemctl -q enable systemd-networkd.service systemd-resolved.service
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
echo 'UUID={root} / ext4 rw,discard,errors=remount-ro 0 1' > /etc/fstab
mkdir -p /boot/grub
kernel=$(ls /boot/vmlinuz-* | head -1); version=${{kernel#/boot/vmlinuz-}}
cat > /boot/grub/grub.cfg <<END
menuentry 'Debian GNU/Linux' {{
        linux   $kernel root=UUID={root} ro console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200 net.ifnames=0
        initrd  /boot/initrd.img-$version
}}
END
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
_SCRIPT = """\
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; mkdir tree
tar -x -f - -C tree --numeric-owner --exclude='./dev/*'
mke2fs -q -t ext4 -U "$1" -E lazy_itable_init=0,lazy_journal_init=0 -d tree root.img 1400M >&2
tar -c -S -f - root.img
"""
_TABLE = """\
label: gpt
start=264192, size=2867200, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
start=2048, size=262144, type=C12A7328-F81F-11D2-BA4B-00C0C93EC93B, name=esp
"""


def cloud_image(progress: Progress) -> Path:
    """A qcow2 file, compressed, as they are offered."""
    return kept("cloud", Path(__file__), _make, progress)


def _make(work: Path, progress: Progress) -> Path:
    log = install(work, "cloud", PACKAGES, _HOOK.format(root=ROOT), progress)
    progress.stage("making the cloud image's disk")
    run_inside(work, log, _SCRIPT, str(ROOT))
    disk = work / "disk.raw"
    with disk.open("wb") as file:
        file.truncate((264192 + 2867200 + 2048) * 512)
    subprocess.run(["sfdisk", "-q", disk], input=_TABLE, text=True, check=True, env=environment())
    log.run(["dd", "bs=1M", "seek=129", "conv=sparse,notrunc", f"if={work / 'root.img'}", f"of={disk}"])
    log.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", str(disk), str(work / "cloud.qcow2")])
    return work / "cloud.qcow2"
