# usage: unshare --mount --pid --fork --kill-child sh -c "$(this)" _ PACKAGE…
#
# The part of dnf.sh that mounts.  It is the first process of its namespace: all others end with it.
set -eu
trap 'exit 143' HUP INT TERM
mkdir -p tree/proc tree/dev
mount -t proc proc tree/proc
mount -t tmpfs -o mode=755,size=64m dev tree/dev
for node in null zero full random urandom tty; do
    : > tree/dev/$node
    mount --bind /dev/$node tree/dev/$node
done
ln -s /proc/self/fd tree/dev/fd
ln -s /proc/self/fd/0 tree/dev/stdin
ln -s /proc/self/fd/1 tree/dev/stdout
ln -s /proc/self/fd/2 tree/dev/stderr
mkdir -m 1777 tree/dev/shm

# A signal ends `wait` at once, but not a program in the foreground.
HOME=$PWD/home dnf --config dnf.conf --installroot "$PWD/tree" --releasever "$(cat release)" install "$@" < /dev/null &
wait $!
rm -rf tree/var/cache/dnf
echo "stage: setting up the lab"
[ ! -e kernel.tar ] || tar -x -f kernel.tar -C tree --wildcards './boot/vmlinuz-*' './boot/config-*' './boot/initrd.img-*' './usr/lib/modules/*'
tar -x -f overlay.tar -C tree --numeric-owner --keep-directory-symlink
for hook in $(cat hooks); do
    chroot tree /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 NAME="$(cat name)" \
        /bin/sh -eu "/$hook" < /dev/null &
    wait $!
done
rm -rf tree/var/tmp/lab-hooks
