# Prints settings of a host that affect labs and that facts.sh does not print, as lines "key value…" for
# trainbot/ops/doctor/host_shell.py; changes nothing.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
xl info 2>/dev/null | sed -n 's/^xen_commandline *: */xen /p'
sed -n 's/^ *autoballoon *= */autoballoon /p' /etc/libvirt/libxl.conf 2>/dev/null | tail -n 1
if pid=$(pidof -s libvirtd 2>/dev/null); then
    echo "libvirtd $(tr '\0' ' ' <"/proc/$pid/cmdline")"
else
    systemctl show -p Environment libvirtd.service 2>/dev/null | sed -n 's/^Environment=/libvirtd /p'
fi
systemctl -q is-active libvirtd.socket 2>/dev/null && echo "socket yes"
while read -r key value _; do
    case $key in MemTotal: | MemAvailable:) echo "memory $key $value" ;; esac
done </proc/meminfo
grep '^cpu ' /proc/stat
sleep 1
grep '^cpu ' /proc/stat
exit 0
