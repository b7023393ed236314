#!/bin/bash
set -e
mkdir -p /var/www/html/pks
echo 'the key of alice' > /var/www/html/pks/lookup
echo 'cache deny all' > /etc/squid/conf.d/lab.conf
systemctl is-active -q keys || systemd-run -q -u keys python3 -m http.server 11371 -d /var/www/html
systemctl restart squid
curl -sf -o /dev/null --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:11371/pks/lookup
