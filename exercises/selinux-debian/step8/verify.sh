#!/bin/bash
[ "$(getsebool squid_connect_any)" = "squid_connect_any --> on" ] ||
    { echo "the switch is off: setsebool -P squid_connect_any 1"; exit 1; }
grep -qsx 'squid_connect_any=1' /var/lib/selinux/default/active/booleans.local ||
    { echo "the switch is on, but not for good: setsebool -P squid_connect_any 1"; exit 1; }
systemctl is-active -q squid || { echo "squid does not run: systemctl start squid"; exit 1; }
systemctl is-active -q odd || { echo "nothing serves port 11380: type the first line of the step"; exit 1; }
curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:11380/hello.html ||
    { echo "squid cannot fetch http://127.0.0.1:11380/hello.html: try the curl line of the step"; exit 1; }
