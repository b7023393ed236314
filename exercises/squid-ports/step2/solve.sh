#!/bin/bash
set -e
systemctl is-active -q keys2 || systemd-run -q -u keys2 python3 -m http.server 11372 -d /var/www/html
curl -sI -x localhost:3128 http://127.0.0.1:11372/pks/lookup | head -1
curl -sf -o /dev/null --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:11372/pks/lookup
