#!/bin/bash
[ "$(getsebool squid_connect_any)" = "squid_connect_any --> on" ] ||
    { echo "the switch is off: setsebool -P squid_connect_any on"; exit 1; }
grep -qsx 'squid_connect_any=1' /var/lib/selinux/default/active/booleans.local ||
    { echo "the switch is on, but not for good: setsebool -P squid_connect_any on"; exit 1; }
systemctl is-active -q database || { echo "nothing plays the database: type the first line of the step"; exit 1; }
curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:5432/ ||
    { echo "squid does not reach port 5432: systemctl status squid, then the last line of the step"; exit 1; }
