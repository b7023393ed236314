#!/bin/bash
systemctl cat nginx.service > /dev/null 2>&1 ||
    { echo "nginx is not installed in this lab: dnf install nginx, if it has a package mirror"; exit 1; }
# from step 6 on it may be down: its port is refused there
[ -e /etc/nginx/conf.d/side.conf ] || systemctl is-active -q nginx ||
    { echo "nginx does not run: systemctl start nginx"; exit 1; }
