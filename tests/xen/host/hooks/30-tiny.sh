# The tiny lab: this system's kernel, busybox, dropbear, the two Xen front ends, and a disk of nothing.
kernel=$(ls /lib/modules)
lab=/var/lib/tiny
share=/usr/local/share/tiny
tree=$(mktemp -d)
mkdir -p "$lab" "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/modules" "$tree/etc/dropbear" "$tree/tmp" \
    "$tree/var/run"
for applet in $(busybox --list); do ln -s busybox "$tree/bin/$applet"; done
cp --remove-destination /bin/busybox "$share"/bin/* "$tree/bin/"
cp "$share/init" "$share/udhcpc" "$tree/"
for front in xen-blkfront xen-netfront; do
    modprobe -S "$kernel" --show-depends "$front" | while read -r what file _; do
        [ "$what" = insmod ] || continue
        cp "$file" "$tree/modules/"
        basename "$file" >> "$tree/modules/order"
    done
done
# ssh: whoever has the installation's key is root, and every tiny lab shows the same host key.
cp -L --parents /usr/sbin/dropbear $(ldd /usr/sbin/dropbear | grep -o '/[^ ]*') "$tree/"
dropbearkey -t ed25519 -f "$tree/etc/dropbear/host_key" | sed -n 's/^\(ssh-ed25519 [^ ]*\).*/\1/p' > "$lab/host_key.pub"
[ -s "$lab/host_key.pub" ]
# tmux, as in a real lab: it wants a terminal's description and a locale with UTF-8.
cp -L --parents /usr/bin/tmux $(ldd /usr/bin/tmux | grep -o '/[^ ]*') /usr/lib/locale/C.utf8/LC_CTYPE \
    /lib/terminfo/x/xterm-256color /lib/terminfo/s/screen* /lib/terminfo/t/tmux* "$tree/"
echo 'root:*:0:0:root:/root:/bin/sh' > "$tree/etc/passwd"
printf 'root:x:0:\ntty:x:5:\n' > "$tree/etc/group"
echo /bin/sh > "$tree/etc/shells"
echo tiny > "$tree/etc/hostname"
install -d -m 700 "$tree/root" "$tree/root/.ssh"
install -m 600 "$share/authorized_keys" "$tree/root/.ssh/"
(cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -9) > "$lab/initrd"
# Unpacked here and now: dom0 would do it at each start, and xz takes six seconds in emulation.  Where the ELF file
# lies: payload_offset and payload_length (https://docs.kernel.org/arch/x86/boot.html), behind setup_sects + 1 sectors.
at() { od -An -j "$1" -N "$2" -t "u$2" "/boot/vmlinuz-$kernel" | tr -d ' '; }
tail -c "+$((($(at 497 1) + 1) * 512 + $(at 584 4) + 1))" "/boot/vmlinuz-$kernel" | head -c "$(at 588 4)" |
    xz -dc --single-stream > "$lab/vmlinuz"
[ "$(head -c 4 "$lab/vmlinuz" | tail -c 3)" = ELF ]
truncate -s 1M "$lab/disk.img"
rm -rf "$tree"
