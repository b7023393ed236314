#!/bin/bash
ausearch --input-logs -m avc -ts boot 2>/dev/null | grep -q 'src=11399 .*permissive=1' ||
    { echo "the audit log has no permissive denial for port 11399: type the first line of the step"; exit 1; }
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is still permissive: setenforce 1"; exit 1; }
[ ! -e /etc/nginx/conf.d/11399.conf ] || { echo "11399.conf is still there: type the last line of the step"; exit 1; }
systemctl is-active -q nginx || { echo "nginx does not run: systemctl restart nginx"; exit 1; }
