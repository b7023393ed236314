#!/bin/bash
[ -f /root/peek.cil ] || { echo "there is no /root/peek.cil: it comes with step 7 (at home: sh selinux-debian.sh setup 7)"; exit 1; }
semodule -l | grep -qx peek || { echo "there is no module peek yet: semodule -n -i /root/peek.cil && load_policy"; exit 1; }
seen=$(ls -Z /usr/local/bin/peek /srv/notes/today 2>&1)
[[ $seen == *:peek_exec_t:* && $seen == *:peek_notes_t:* ]] ||
    { echo "the files do not have the new types: restorecon -Rv /usr/local/bin/peek /srv/notes"; exit 1; }
seen=$(peek /proc/self/attr/current 2>&1 | tr -d '\0')
[[ $seen == *:peek_t:* ]] || { echo "peek does not run in peek_t: load_policy, then restorecon -v /usr/local/bin/peek"; exit 1; }
seen=$(peek /srv/notes/today 2>&1) || { echo "peek cannot read the note ($seen): is your rule in peek.cil? compile and load it again"; exit 1; }
seen=$(peek /etc/shadow 2>&1) && { echo "peek may read /etc/shadow: your rule allows more than peek_notes_t"; exit 1; }
exit 0
