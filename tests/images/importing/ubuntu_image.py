"""A cloud image of Ubuntu's shape, from Debian's packages: GPT with the root partition first and /boot, ESP and BIOS boot behind
it, file systems by label, GRUB's menu with a try without an initrd and a submenu of older kernels, ssh by socket,
netplan, cloud-init, no SE Linux.

It shows what import does with that shape, and nothing about Ubuntu itself.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.images.importing import cloud_image
from tests.images.importing.offered_image import install, kept, run_inside
from trainbot.images.build.command import environment
from trainbot.images.build.progress_bar import Progress

PACKAGES = (*cloud_image.PACKAGES, "dosfstools", "lsb-release")
ROOT, BOOT = "5a1b0c2d-0000-4000-8000-0123456789ef", "5a1b0c2d-0000-4000-8000-0123456789f0"
#: dpkg has it before the real one, alphabetical order behind it; it boots nothing.
OLDER = "6.1.0-9-cloud-amd64"
_MENU = """\
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${initrdfail}" = 2 ]; then
   set initrdfail=
elif [ "${initrdfail}" = 1 ]; then
   set next_entry="${prev_entry}"
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="0"
fi
"""
_ENTRY = """\
menuentry '%(title)s' --class ubuntu --class os $menuentry_id_option 'gnulinux-%(kind)s-ROOT' {
\trecordfail
\tload_video
\tinsmod ext2
\tsearch --no-floppy --fs-uuid --set=root BOOT
\tif [ "${initrdfail}" = 1 ]; then
\t  echo\t'GRUB_FORCE_PARTUUID set, initrdless boot failed. Attempting with initrd.'
\t  linux\t/vmlinuz-%(version)s root=PARTUUID=4f68bce3-0000-4000-8000-0123456789f1 ro  console=tty1 console=ttyS0
\t  initrd\t/initrd.img-%(version)s
\telse
\t  linux\t/vmlinuz-%(version)s root=PARTUUID=4f68bce3-0000-4000-8000-0123456789f1 ro  console=tty1 console=ttyS0 panic=-1
\tfi
}
"""
_HOOK = """\
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
systemctl -q enable systemd-networkd.service systemd-resolved.service ssh.socket
systemctl -q disable ssh.service
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
printf 'LABEL=%s\\t%s\\t%s\\t%s\\t0 1\\n' cloudimg-rootfs / ext4 discard,commit=30,errors=remount-ro \\
    BOOT /boot ext4 defaults UEFI /boot/efi vfat umask=0077 > /etc/fstab
echo 'PasswordAuthentication no' > /etc/ssh/sshd_config.d/60-cloudimg-settings.conf
passwd -q -l root
rm -f /etc/os-release
cat > /usr/lib/os-release <<END
PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
END
ln -s ../usr/lib/os-release /etc/os-release
printf 'DISTRIB_ID=Ubuntu\\nDISTRIB_RELEASE=24.04\\nDISTRIB_CODENAME=noble\\nDISTRIB_DESCRIPTION="Ubuntu 24.04.1 LTS"\\n' > /etc/lsb-release
kernel=$(ls /boot/vmlinuz-*); version=${kernel#/boot/vmlinuz-}
mkdir -p /boot/grub /boot/efi
for file in vmlinuz initrd.img; do
    echo 'boots nothing' > /boot/$file-OLDER
    ln -sf $file-$version /boot/$file; ln -sf $file-OLDER /boot/$file.old
done
chmod 600 /boot/vmlinuz-*
rm -f /vmlinuz* /initrd.img*
sed "s/VERSION/$version/" > /boot/grub/grub.cfg <<'END'
MENU
END
printf '# GRUB Environment Block\\n' > /boot/grub/grubenv
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
_SCRIPT = """\
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; mkdir tree out boot
tar -x -f - -C tree --numeric-owner --exclude='./dev/*'
truncate -s 106M tree/esp; chroot tree mkfs.vfat -n UEFI /esp >&2; mv tree/esp out/esp.img
cp -a tree/boot/. boot; rm -rf tree/boot; mkdir tree/boot
mke2fs -q -t ext4 -U "$1" -L cloudimg-rootfs -E lazy_itable_init=0,lazy_journal_init=0 -d tree out/root.img 1400M >&2
mke2fs -q -t ext4 -U "$2" -L BOOT -d boot out/boot.img 256M >&2
tar -c -S -f - -C out root.img boot.img esp.img
"""
_TABLE = """\
label: gpt
1: start=753664, size=2867200, type=L, uuid=4f68bce3-0000-4000-8000-0123456789f1
14: start=2048, size=8192, type=21686148-6449-6E6F-744E-656564454649
15: start=10240, size=217088, type=C12A7328-F81F-11D2-BA4B-00C0C93EC93B
16: start=229376, size=524288, type=BC13C2FF-59E6-4262-A352-B275FD6F7172
"""


def ubuntu_image(progress: Progress) -> Path:
    """A qcow2 file, compressed, as they are offered."""
    return kept("ubuntu", Path(__file__), _make, progress)


def _menu() -> str:
    older = _ENTRY % {"title": "Ubuntu, with Linux older", "kind": "older-advanced", "version": OLDER}
    newest = _ENTRY % {"title": "Ubuntu", "kind": "simple", "version": "VERSION"}
    menu = f"{_MENU}{newest}submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-ROOT' {{\n{older}}}\n"
    return menu.replace("ROOT", ROOT).replace("BOOT", BOOT)


def _make(work: Path, progress: Progress) -> Path:
    log = install(work, "ubuntu", PACKAGES, _HOOK.replace("MENU", _menu()).replace("OLDER", OLDER), progress)
    progress.stage("making the disk of Ubuntu's shape")
    run_inside(work, log, _SCRIPT, ROOT, BOOT)
    disk = work / "disk.raw"
    with disk.open("wb") as file:
        file.truncate((753664 + 2867200 + 2048) * 512)
    subprocess.run(["sfdisk", "-q", disk], input=_TABLE, text=True, check=True, env=environment())
    for part, at in (("esp", 5), ("boot", 112), ("root", 368)):
        log.run(["dd", "bs=1M", f"seek={at}", "conv=sparse,notrunc", f"if={work / f'{part}.img'}", f"of={disk}"])
    log.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", str(disk), str(work / "ubuntu.qcow2")])
    return work / "ubuntu.qcow2"
