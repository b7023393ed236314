systemctl -q enable libvirtd.service libvirtd-tcp.socket
mkdir -p /etc/libvirt/qemu/networks/autostart
ln -sf ../default.xml /etc/libvirt/qemu/networks/autostart/default.xml
systemctl -q disable libvirt-guests.service   # as xendomains.service
systemctl -q mask libvirtd-tls.socket logrotate.timer
fit-cpu-map /usr/share/libvirt/cpu_map
