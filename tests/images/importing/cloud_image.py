"""A cloud image as distributions make them, from Debian's packages: GPT, an ESP, an ext4 root, cloud-init, grub.cfg.

Made once for each version of this file and kept in the cache, outside of the checkout.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import uuid
from pathlib import Path

from trainbot.images.build.command import BuildLog, environment
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe
from trainbot.images.build.rootfs import make_rootfs, scratch
from trainbot.ops.demo.world import cache_folder

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
_INITRAMFS = b"MODULES=most\nCOMPRESS=zstd\n"
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
    name = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    there = cache_folder() / f"cloud-{name}.qcow2"
    if not there.exists():
        for old in there.parent.glob("cloud-*.qcow2"):
            old.unlink()
        with tempfile.TemporaryDirectory(prefix=".cloud-", dir=there.parent) as work:
            _make(Path(work), progress).rename(there)
    return there


def _make(work: Path, progress: Progress) -> Path:
    (work / "hooks").mkdir()
    (work / "hooks/10-cloud.sh").write_text(_HOOK.format(root=ROOT))
    recipe = Recipe(work, "cloud", "bookworm", "root", 1400, 512, "", "", "", PACKAGES)
    log = BuildLog(work.parent / "cloud-build.log")
    with tarfile.open(work / "overlay.tar", "w") as tar:
        for path, content in (
            ("./var/tmp/lab-hooks/10-cloud.sh", _HOOK.format(root=ROOT).encode()),
            ("./etc/initramfs-tools/conf.d/cloud", _INITRAMFS),
        ):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
    progress.stage("making the cloud image's disk")
    enter = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    with (work / "system.tar").open("rb") as stdin, (work / "root.tar").open("wb") as stdout:
        log.run([*enter, "sh", "-c", _SCRIPT, "_", str(ROOT)], stdin=stdin, stdout=stdout, env=scratch(work))
    log.run(["tar", "-x", "-S", "-f", str(work / "root.tar"), "-C", str(work), "--no-same-owner"])
    disk = work / "disk.raw"
    with disk.open("wb") as file:
        file.truncate((264192 + 2867200 + 2048) * 512)
    subprocess.run(["sfdisk", "-q", disk], input=_TABLE, text=True, check=True, env=environment())
    log.run(["dd", "bs=1M", "seek=129", "conv=sparse,notrunc", f"if={work / 'root.img'}", f"of={disk}"])
    log.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", str(disk), str(work / "cloud.qcow2")])
    return work / "cloud.qcow2"
