#!/bin/bash
set -e
echo 'server { listen 80; root /var/www/html; location /site/ { root /srv; } location /~ann/ { alias /home/ann/; } }' > /etc/nginx/conf.d/lab.conf
systemctl restart nginx
