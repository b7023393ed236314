# usage: sh -c "$(this)" _ LABEL SIZE_MIB  <system.tar  >result.tar
#
# The host's disk, kernel, initrd and hypervisor, and the tiny lab where it has one.  As trainbot/images/build/pack.sh: run
# as root or as a user namespace's root, it touches no path of the caller's.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
mkdir tree out
tar -x -f - -C tree --numeric-owner --xattrs --xattrs-include=security.capability --exclude='./dev/*'
echo "stage: making the file system" >&2
cp -L tree/boot/vmlinuz-* out/vmlinuz
cp -L tree/boot/initrd.img-* out/initrd
gzip -dc tree/boot/xen-4.17-amd64.gz > out/xen   # QEMU's multiboot loader takes plain ELF only
[ ! -d tree/var/lib/tiny ] || cp -R tree/var/lib/tiny out/
rm -rf tree/boot/* tree/vmlinuz* tree/initrd.img*
rm -f tree/var/lib/dbus/machine-id
: > tree/etc/machine-id
mke2fs -q -t ext4 -L "$1" -m 0 -E lazy_itable_init=0,lazy_journal_init=0 -J size=16 -d tree out/disk.img "${2}M" >&2
cd out
tar -c -S -f - *
