# usage: sh -c "$(this)" on the host, which is ready for tests when it is done: libvirt's driver works and its default
# network is there, which lets a lab in at once.
until virsh -q -c xen:///system net-info default | grep -q 'Active: *yes'; do sleep 0.5; done
echo 0 > /sys/class/net/virbr0/bridge/forward_delay
sync
