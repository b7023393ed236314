#!/bin/bash
# from step 6 on it may be down: its port is refused there
[ -e /etc/nginx/conf.d/side.conf ] || systemctl is-active -q nginx ||
    { echo "nginx does not run: systemctl start nginx"; exit 1; }
