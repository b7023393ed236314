#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
tried=$(ausearch --input-logs -m avc -ts boot 2> /dev/null | grep 'denied.*scontext=user_u:user_r:user_t')
grep -q '{ append }.*name="passwd"' <<< "$tried" || { echo "nobody tried to write to /etc/passwd as play yet: type the first line of the step"; exit 1; }
grep -q '{ setenforce }' <<< "$tried" || { echo "nobody tried setenforce as play yet: type the second line of the step"; exit 1; }
[ -u /var/tmp/.sh ] || { echo "there is no /var/tmp/.sh: type the third line of the step"; exit 1; }
