#!/bin/bash
systemctl is-active -q keys && systemctl stop keys
echo 'server { listen 11371; root /var/www/html; }' > /etc/nginx/conf.d/keys.conf
systemctl restart nginx || echo 'refused, as it should be'
