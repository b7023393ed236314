#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
grep -qs 'tcp 11372 .*:pgpkeyserver_port_t:' /var/lib/selinux/default/active/ports.local ||
    { echo "port 11372 is not of type pgpkeyserver_port_t yet: semanage port -a -t pgpkeyserver_port_t -p tcp 11372"; exit 1; }
curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:11372/pks/lookup ||
    { echo "there is no key from 11372 through the proxy: systemctl status keys-11372 squid"; exit 1; }
