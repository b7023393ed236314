#!/bin/bash
set -e
systemctl is-active -q odd || systemd-run -q -u odd python3 -m http.server 11380 -d /var/www/html
systemctl start squid
setsebool -P squid_connect_any 1
curl -sf -o /dev/null --retry 10 --retry-connrefused http://127.0.0.1:11380/hello.html
