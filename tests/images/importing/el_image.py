"""A cloud image of Enterprise Linux's shape, from Debian's packages: GPT, ESP, a /boot of its own, Boot Loader Specification
entries with EL8's $kernelopts, initramfs-V.img, NetworkManager, cloud-init, SE Linux labels, no host keys, no tmux.

It shows what import does with that shape, and nothing about Enterprise Linux itself.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.images.importing.offered_image import install, kept, run_inside
from trainbot.images.build import pack
from trainbot.images.build.command import environment
from trainbot.images.build.labels import label_image
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
    "network-manager",
    "procps",
    "python3-minimal",
    "python3-selinux",
    "selinux-policy-default",
    "policycoreutils",
    "selinux-utils",
)
ROOT, BOOT = "5a1b0c2d-0000-4000-8000-0123456789cd", "5a1b0c2d-0000-4000-8000-0123456789ce"
MACHINE = "0123456789abcdef0123456789abcdef"
_HOOK = f"""\
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
systemctl -q enable NetworkManager.service ssh.service
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer systemd-networkd.service \\
    NetworkManager-wait-online.service selinux-autorelabel.service selinux-autorelabel-mark.service
printf 'SELINUX=enforcing\\nSELINUXTYPE=default\\n' > /etc/selinux/config
printf 'UUID={ROOT} / ext4 defaults 0 0\\nUUID={BOOT} /boot ext4 defaults 0 0\\n' > /etc/fstab
printf 'system_info:\\n  network:\\n    renderers: ["network-manager"]\\n' > /etc/cloud/cloud.cfg.d/50-el.cfg
echo 'PermitRootLogin prohibit-password' > /etc/ssh/sshd_config.d/50-redhat.conf
rm -f /etc/os-release
cat > /usr/lib/os-release <<END
NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PRETTY_NAME="CentOS Stream 9"
END
ln -s ../usr/lib/os-release /etc/os-release
echo 'CentOS Stream release 9' > /etc/centos-release
kernel=$(ls /boot/vmlinuz-*); version=${{kernel#/boot/vmlinuz-}}
mv "/boot/initrd.img-$version" "/boot/initramfs-$version.img"
rm -f /vmlinuz* /initrd.img*
mkdir -p /boot/loader/entries /boot/grub2 /boot/efi
cat > "/boot/loader/entries/{MACHINE}-$version.conf" <<END
title CentOS Stream ($version) 9
version $version
linux /vmlinuz-$version
initrd /initramfs-$version.img \\$tuned_initrd
options \\$kernelopts \\$tuned_params
END
printf '# GRUB Environment Block\\nsaved_entry=%s\\nkernelopts=root=UUID={ROOT} ro console=ttyS0,115200n8 %s\\n' \\
    "{MACHINE}-$version" "net.ifnames=0 security=selinux selinux=1 crashkernel=auto " > /boot/grub2/grubenv
printf 'set default="${{saved_entry}}"\\ninsmod blscfg\\nblscfg\\n' > /boot/grub2/grub.cfg
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
_SCRIPT = """\
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; mkdir tree out boot
tar -x -f - -C tree --numeric-owner --exclude='./dev/*'
cp -a tree/boot/. boot; rm -rf tree/boot; mkdir tree/boot
mkdir -m 700 tree/lost+found
chroot tree /usr/bin/python3 -c "$3" > out/labels
mke2fs -q -t ext4 -U "$1" -E lazy_itable_init=0,lazy_journal_init=0 -d tree out/root.img 1400M >&2
mke2fs -q -t ext4 -U "$2" -d boot out/boot.img 256M >&2
tar -c -S -f - -C out labels root.img boot.img
"""
_TABLE = """\
label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=biosboot
start=4096, size=65536, type=C12A7328-F81F-11D2-BA4B-00C0C93EC93B, name=esp
start=69632, size=524288, type=L, name=boot
start=593920, size=2867200, type=L, name=root
"""


def el_image(progress: Progress) -> Path:
    """A qcow2 file, compressed, as they are offered."""
    return kept("el", Path(__file__), _make, progress)


def _make(work: Path, progress: Progress) -> Path:
    log = install(work, "el", PACKAGES, _HOOK, progress)
    progress.stage("making the disk of Enterprise Linux's shape")
    labels = Path(pack.__file__).with_name("labeller.py").read_text(encoding="utf-8")
    run_inside(work, log, _SCRIPT, ROOT, BOOT, labels)
    label_image(work / "root.img", work / "labels", log, progress)
    disk = work / "disk.raw"
    with disk.open("wb") as file:
        file.truncate((593920 + 2867200 + 2048) * 512)
    subprocess.run(["sfdisk", "-q", disk], input=_TABLE, text=True, check=True, env=environment())
    for part, at in (("boot", 34), ("root", 290)):
        log.run(["dd", "bs=1M", f"seek={at}", "conv=sparse,notrunc", f"if={work / f'{part}.img'}", f"of={disk}"])
    log.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", str(disk), str(work / "el.qcow2")])
    return work / "el.qcow2"
