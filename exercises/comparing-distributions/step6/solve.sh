#!/bin/bash
for port in 81 82; do  # the first that this policy does not give to web servers
    echo "server { listen $port; root /srv/www; }" > /etc/nginx/conf.d/side.conf
    systemctl restart nginx || break  # refused, until the port has its type
done
