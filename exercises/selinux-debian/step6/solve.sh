#!/bin/bash
trap 'setenforce 1' EXIT
echo draft > /tmp/draft.html
mv /tmp/draft.html /var/www/html/
setenforce 0
curl -s http://localhost/draft.html
