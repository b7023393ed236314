#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
[ "$(getsebool squid_connect_any)" = "squid_connect_any --> off" ] ||
    { echo "the switch is still on: setsebool -P squid_connect_any off"; exit 1; }
! grep -qsx 'squid_connect_any=1' /var/lib/selinux/default/active/booleans.local ||
    { echo "the switch comes back at the next boot: setsebool -P squid_connect_any off"; exit 1; }
curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:11372/pks/lookup ||
    { echo "there is no key from 11372 through the proxy: semanage port -l -C has to list it"; exit 1; }
! curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:5432/ ||
    { echo "squid still reaches port 5432: is a port of your own making left? semanage port -l -C"; exit 1; }
