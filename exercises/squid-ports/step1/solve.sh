#!/bin/bash
set -e
mkdir -p /var/www/html/pks
echo 'the key of alice' > /var/www/html/pks/lookup
echo 'cache deny all' > /etc/squid/conf.d/lab.conf
for port in 11371 11372; do
    systemctl is-active -q keys-$port || systemd-run -q -u keys-$port python3 -m http.server $port -d /var/www/html
done
systemctl restart squid
for port in 11371 11372; do
    curl -sf -o /dev/null --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:$port/pks/lookup
done
