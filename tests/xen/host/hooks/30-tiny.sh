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
# Unpacked here and now: dom0 would do it at each start, and xz takes six seconds in emulation.  Where the ELF file
# lies: payload_offset and payload_length (https://docs.kernel.org/arch/x86/boot.html), behind setup_sects + 1 sectors.
at() { od -An -j "$1" -N "$2" -t "u$2" "/boot/vmlinuz-$kernel" | tr -d ' '; }
tail -c "+$((($(at 497 1) + 1) * 512 + $(at 584 4) + 1))" "/boot/vmlinuz-$kernel" | head -c "$(at 588 4)" |
    xz -dc --single-stream > "$lab/vmlinuz"
[ "$(head -c 4 "$lab/vmlinuz" | tail -c 3)" = ELF ]
truncate -s 1M "$lab/disk.img"
rm -rf "$tree"
