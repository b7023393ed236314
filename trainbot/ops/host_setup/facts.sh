# Prints the state of this host as lines "key value…" for trainbot/ops/host_setup/facts.py; changes nothing.  The caller
# sets driver (libvirt's URI), folder, images, network, bridge, packages, files, units and project.  XML is printed in base64.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
IFS=' 	
'
# First, because the caller compares it with its own clock.
echo "clock $(date +%s.%N)"
echo "user $(id -u)"
echo "machine $(uname -m)"
(
    # shellcheck disable=SC1091
    . /etc/os-release 2>/dev/null
    echo "system ${PRETTY_NAME-}"
    echo "family ${ID-} ${ID_LIKE-}"
)
case $(cat /proc/xen/capabilities 2>/dev/null) in *control_d*) echo "dom0 yes" ;; esac
[ "$(id -u)" = 0 ] || exit 0
xl info 2>/dev/null | while IFS=' 	:' read -r name value; do
    case $name in xen_version | xen_scheduler | nr_cpus | total_memory | free_memory) echo "xen $name $value" ;; esac
done
case $(xl info xen_scheduler 2>/dev/null) in
credit2) xl sched-credit2 -d Domain-0 2>/dev/null ;;
credit) xl sched-credit -d Domain-0 2>/dev/null ;;
esac | while read -r name _ weight _; do
    case $name in Domain-0) echo "weight $weight" ;; esac
done
near=$folder
until [ -d "$near" ]; do near=$(dirname "$near"); done
df -mP "$near" 2>/dev/null | tail -n 1 | while read -r _ _ _ free _; do echo "disk $free"; done
findmnt -n -r -o FSTYPE,OPTIONS,TARGET -T "$near" 2>/dev/null | while read -r kind options mount; do
    case $kind,$options, in xfs,*,prjquota,* | xfs,*,pquota,*) ;; *) continue ;; esac
    whole=$(df -mP "$mount" | awk 'END { print $2 }')
    limit=$(xfs_quota -x -c 'report -p -b -n -N' "$mount" 2>/dev/null | awk -v id="#$project" '$1 == id { print int($4 / 1024) }')
    [ "$(xfs_io -r -c lsproj "$folder" 2>/dev/null)" = "projid = $project" ] || limit=0
    echo "quota $whole ${limit:-0} $mount"
done

# shellcheck disable=SC2086  # lists of words
dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null | while read -r state name; do
    [ "$state" = installed ] && echo "package $name"
done
for unit in libvirtd.service libvirtd.socket; do
    systemctl -q is-enabled "$unit" 2>/dev/null && echo "libvirtd enabled"
    systemctl -q is-active "$unit" 2>/dev/null && echo "libvirtd active"
done
for unit in $units; do
    systemctl -q is-enabled "$unit" 2>/dev/null && systemctl -q is-active "$unit" && echo "unit $unit"
done

virsh() { command virsh -q -c "$driver" "$@" 2>/dev/null </dev/null; }
encoded() { base64 -w 0; }
said() { case $(printf '%s\n' "$info" | sed -n "s/^$1: *//p") in "$2") echo yes ;; *) echo no ;; esac; }
if command -v virsh >/dev/null && virsh version >/dev/null; then
    echo "virsh yes"
    virsh version --daemon | sed -n 's/^Running against daemon: */libvirt /p'
    for pool in trainbot trainbot-images; do
        xml=$(virsh pool-dumpxml --inactive "$pool") || continue
        info=$(virsh pool-info "$pool")
        echo "pool $pool $(said State running) $(said Autostart yes) $(printf %s "$xml" | encoded)"
    done
    if xml=$(virsh net-dumpxml --inactive "$network"); then
        echo "network $(printf %s "$xml" | encoded)"
        info=$(virsh net-info "$network")
        echo "autostart $(said Autostart yes)"
        [ "$(said Active yes)" = yes ] && echo "live $(virsh net-dumpxml "$network" | encoded)"
    fi
fi
grep -ls "bridge name=['\"]${bridge}['\"]" /etc/libvirt/qemu/networks/*.xml | while read -r file; do
    name=${file##*/}
    [ "$name" = "$network.xml" ] || echo "other ${name%.xml}"
done
grep -qs urn:trainbot:network:1 "/etc/libvirt/qemu/networks/$network.xml" && echo "filed yes"
[ -e "/sys/class/net/$bridge" ] && echo "bridge yes"
groups=$(cat "/sys/class/net/$bridge/bridge/group_fwd_mask" 2>/dev/null) && echo "groups $groups"
for port in "/sys/class/net/$bridge/brif"/*; do
    [ -e "$port" ] && echo "port ${port##*/}"
done
ip -4 -o route show 2>/dev/null | while read -r route rest; do
    case $rest in *dev\ *) name=${rest#*dev } && echo "route $route ${name%% *}" ;; esac
done
echo "forwarding $(cat /proc/sys/net/ipv4/ip_forward)"
nft list chains 2>/dev/null | while read -r first rest; do
    case $first in table) table=${rest% \{} ;; esac
    case "$table:$rest" in
    'bridge trainbot:'* | 'inet trainbot:'*) ;;
    *'hook input '*'policy drop'* | *'hook forward '*'policy drop'*) echo "dropping $table" ;;
    esac
done
for file in $files; do
    [ -f "$file" ] || continue
    sum=$(sha256sum <"$file")
    echo "file $file ${sum%% *} $(stat -c '%a %U:%G' "$file")"
done
for place in "$folder" "$images" /var/lib/trainbot-door /var/lib/trainbot-door/.ssh; do
    [ -d "$place" ] && echo "folder $place $(stat -c '%a %U:%G' "$place")"
done
[ -f /var/lib/trainbot-door/.ssh/authorized_keys ] && sed 's/^/key /' /var/lib/trainbot-door/.ssh/authorized_keys
[ -x /usr/local/lib/trainbot/load-filters ] && [ -f /run/trainbot-filters ] &&
    [ "$(/usr/local/lib/trainbot/load-filters --loaded 2>/dev/null)" = "$(cat /run/trainbot-filters)" ] &&
    echo "filters yes"
getent passwd trainbot-door | sed 's/^/door /'
for file in /etc/ssh/ssh_host_*_key.pub; do
    [ -f "$file" ] && sed 's/^/hostkey /' "$file"
done


# QEMU's own: what it runs on, and as whom.
whole=0 left=0
while read -r key value _; do
    case $key in MemTotal:) whole=$((value / 1024)) ;; MemAvailable:) left=$((value / 1024)) ;; esac
done </proc/meminfo
kvm_trial() {
    # A firmware of one instruction, which leaves QEMU with the exit code (16 << 1) | 1.
    rom=$(mktemp)
    { head -c 65520 /dev/zero && printf '\260\020\346\364\364' && head -c 11 /dev/zero; } >"$rom"
    chmod 644 "$rom"
    said=$(ulimit -c 0 && timeout -k 5 20 $as qemu-system-x86_64 -no-user-config -nodefaults -display none -machine pc -accel kvm \
        -cpu host -m 16 -bios "$rom" -device isa-debug-exit,iobase=0xf4 -no-reboot 2>&1 </dev/null)
    [ $? = 33 ] && echo "kvm works yes"
    echo "kvm said $(printf '%s\n' "$said" | grep -v '^$' | head -n 1 | tr -d '\000-\037\177' | cut -c 1-200)"
    rm -f "$rom"
}
case $driver in qemu:*)
    echo "cpus $(nproc)"
    echo "memory $whole $left"
    echo "kvm flag $(grep -m 1 -o -w -E 'vmx|svm' /proc/cpuinfo | head -n 1)"
    for module in /sys/module/kvm_*; do
        [ -d "$module" ] && echo "kvm module ${module##*/}"
    done
    [ -e /dev/kvm ] && echo "kvm device $(stat -c '%a %U:%G' /dev/kvm)"
    grep -q -m 1 -w hypervisor /proc/cpuinfo && echo "kvm guest yes"
    can=$(virsh capabilities) && case $can in *"<domain type='kvm'"*) echo "kvm offered yes" ;; *) echo "kvm offered no" ;; esac
    printf '%s\n' "$can" | sed -n '/<secmodel>/,/<\/secmodel>/s/.*<model>\([a-z0-9]*\)<\/model>.*/security \1/p'
    case $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) in Y) echo "apparmor yes" ;; esac
    user=$(sed -n 's/^[ 	]*user[ 	]*=[ 	]*"+\{0,1\}\([^"]*\)".*/\1/p' /etc/libvirt/qemu.conf 2>/dev/null | tail -n 1)
    if name=$(id -nu "${user:-libvirt-qemu}" 2>/dev/null); then
        echo "emulator $name"
        as="setpriv --reuid $name --regid $(id -g "$name") --init-groups"
        for place in "$folder" "$images"; do
            while [ "$place" != / ]; do
                # shellcheck disable=SC2086  # a command and its options
                [ -d "$place" ] && ! $as test -x "$place" && echo "barred $place"
                place=$(dirname "$place")
            done
        done | sort -u
        for file in "$images"/*.img "$images"/*.vmlinuz "$images"/*.initrd; do
            # shellcheck disable=SC2086
            [ -f "$file" ] && $as test -x "$images" && ! $as test -r "$file" && echo "barred $file"
        done
        # shellcheck disable=SC2086
        [ -e /dev/kvm ] && command -v qemu-system-x86_64 >/dev/null && kvm_trial 2>/dev/null
    fi
    ;;
esac
[ -d /run/systemd/system ] && case $driver in qemu:*)
    weight=$(systemctl show -p CPUWeight --value machine.slice 2>/dev/null)
    case $weight in *[!0-9]*) weight=100 ;; esac
    [ -n "$weight" ] && echo "weight $weight"
    ;;
esac

cd "$images" 2>/dev/null || exit 0
for file in *.img *.vmlinuz *.initrd; do
    [ -f "$file" ] || continue
    state=$(stat -c '%s %Y %i' "$file")
    echo "image $file ${state%% *}"
    read -r sum then_was <".$file.sum" 2>/dev/null && [ "$then_was" = "$state" ] && echo "verified $file $sum"
done
for file in .*.part; do
    [ -f "$file" ] && echo "part $file"
done
# A disk's header contains its backing file's name as text, within the first cluster (QEMU: docs/interop/qcow2.txt).
cd "$folder" 2>/dev/null || exit 0
head -q -c 8192 -- *.qcow2 2>/dev/null | grep -aoE "$images/[a-z0-9-]+\.img" | sort -u | while read -r disk; do
    echo "backing ${disk##*/}"
done
exit 0
