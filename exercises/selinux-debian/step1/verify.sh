#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
ps -eo label,comm | grep -q ':httpd_t:.* nginx$' ||
    { echo "no nginx runs as httpd_t: look at systemctl status nginx"; exit 1; }
grep -qs 'location /site/.*location /~ann/' /etc/nginx/conf.d/lab.conf ||
    { echo "/etc/nginx/conf.d/lab.conf is not as in the step: type its echo line again"; exit 1; }
