# What a host of trainbot's needs, with all it depends on, so that apt-get finds it in its own cache; the lists are kept.
if ! dpkg-query -W libvirt-daemon-system >/dev/null 2>&1; then
    apt-get -q -y --no-install-recommends --download-only install libvirt-daemon-system libvirt-clients qemu-system-x86 \
        qemu-utils dnsmasq-base nftables netcat-openbsd sudo apparmor xfsprogs
fi
