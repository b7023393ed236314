# The tiny lab: this system's kernel, busybox, the two Xen front ends, and a disk of nothing.
kernel=$(ls /lib/modules)
lab=/var/lib/tiny
tree=$(mktemp -d)
mkdir -p "$lab" "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/root" "$tree/modules"
cp /bin/busybox "$tree/bin/"
cp /usr/local/share/tiny/init /usr/local/share/tiny/udhcpc "$tree/"
for front in xen-blkfront xen-netfront; do
    modprobe -S "$kernel" --show-depends "$front" | while read -r what file _; do
        [ "$what" = insmod ] || continue
        cp "$file" "$tree/modules/"
        basename "$file" >> "$tree/modules/order"
    done
done
(cd "$tree" && find . | cpio -o -H newc --quiet | gzip -9) > "$lab/initrd"
cp "/boot/vmlinuz-$kernel" "$lab/vmlinuz"
truncate -s 1M "$lab/disk.img"
rm -rf "$tree"
