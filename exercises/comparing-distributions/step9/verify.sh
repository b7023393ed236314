#!/bin/bash
# compared with the facts of the system that this is, whichever it is
. /etc/os-release
. /etc/selinux/config
f=/root/other.txt
grep -Eqs "^VERSION_ID=\"?$VERSION_ID\"?\$" $f ||
    { echo "$f in your $PRETTY_NAME lab does not say which release it is: type the grep line there"; exit 1; }
grep -qs "policy name: *$SELINUXTYPE\$" $f ||
    { echo "$f in your $PRETTY_NAME lab does not name its policy: type the sestatus line there"; exit 1; }
ports=$(semanage port -l 2>/dev/null | grep -w ^http_port_t)
[ "$ports" ] && grep -qxF "$ports" $f ||
    { echo "$f in your $PRETTY_NAME lab does not have the ports of its policy: type the semanage line there"; exit 1; }
