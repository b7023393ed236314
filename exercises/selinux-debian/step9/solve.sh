#!/bin/bash
trap 'setenforce 1' EXIT
setenforce 0
echo 'server { listen 11399; }' > /etc/nginx/conf.d/11399.conf
systemctl restart nginx
rm -f /etc/nginx/conf.d/11399.conf
setenforce 1
systemctl restart nginx
