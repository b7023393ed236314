#!/bin/bash
echo 'server { listen 11377; root /var/www/html; }' > /etc/nginx/conf.d/11377.conf
systemctl restart nginx || echo 'refused, as it should be'
