#!/bin/bash
trap 'setenforce 1' EXIT
echo draft > /var/log/draft.html
mv /var/log/draft.html /var/www/html/
setenforce 0
curl -s http://localhost/draft.html
