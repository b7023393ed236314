#!/bin/bash
! systemctl is-active -q keys-11371 || systemctl stop keys-11371
echo 'server { listen 11371; root /var/www/html; }' > /etc/nginx/conf.d/keys.conf
systemctl restart nginx || echo 'refused, as it should be'
