#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
[ -f /var/www/html/pks/lookup ] || { echo "there is no /var/www/html/pks/lookup: type the first line of the step"; exit 1; }
grep -qsx 'cache deny all' /etc/squid/conf.d/lab.conf || { echo "squid keeps copies: type the first line of the step, then systemctl restart squid"; exit 1; }
systemctl is-active -q squid || { echo "squid does not run: systemctl restart squid"; exit 1; }
curl -sf -o /dev/null --max-time 20 --retry 10 --retry-delay 1 --retry-connrefused http://127.0.0.1:11372/pks/lookup ||
    { echo "nothing answers on port 11372: type the second line of the step"; exit 1; }
curl -sf -o /dev/null --max-time 20 -x localhost:3128 http://127.0.0.1:11371/pks/lookup ||
    { echo "there is no key through the proxy: systemctl status keys-11371, then the curl line of the step"; exit 1; }
