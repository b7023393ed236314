# usage: sh -c "$(this)" _ LABELLER LABEL SIZE_MIB  <system.tar  >result.tar
#
# Makes the ext4 image of a system.  Run as root, or as the root of a user namespace: so it touches no path of the
# caller's, whose folders it may not be able to enter.  All comes through stdin and leaves through stdout.
set -eu
labeller=$1 label=$2 size=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
mkdir tree out
# /dev is the kernel's (devtmpfs); device nodes cannot be made in a user namespace anyway.
tar -x -f - -C tree --numeric-owner --xattrs --xattrs-include=security.capability --exclude='./dev/*'
echo "stage: making the file system" >&2
# The host boots a lab with this kernel: nothing of the learner's disk is ever read for it.
kernel=$(echo tree/boot/vmlinuz-*)
version=${kernel#tree/boot/vmlinuz-}
cp -L "$kernel" out/vmlinuz
for initrd in "tree/boot/initrd.img-$version" "tree/boot/initramfs-$version.img"; do # initramfs-tools, dracut
    [ ! -e "$initrd" ] || cp -L "$initrd" out/initrd
done
for config in "tree/boot/config-$version" "tree/usr/lib/modules/$version/config" "tree/lib/modules/$version/config"; do
    [ ! -f "$config" ] || cp -L "$config" out/config
done
rm -rf tree/boot/vmlinuz-* tree/boot/initrd.img-* tree/boot/initramfs-* tree/vmlinuz* tree/initrd.img*
# Empty, or every clone has the same identity (machine-id(5)).
rm -f tree/var/lib/dbus/machine-id tree/etc/machine-id
: > tree/etc/machine-id
mkdir -m 700 tree/lost+found   # mke2fs would make it after the labels are known
chroot tree /usr/bin/python3 -c "$labeller" > out/labels
# No lazy initialisation: a lab would do it at every first boot, into a disk of its own.
mke2fs -q -t ext4 -L "$label" -m 1 -E lazy_itable_init=0,lazy_journal_init=0 -J size=16 -d tree out/disk.img "${size}M" >&2
cd out
tar -c -S -f - *
