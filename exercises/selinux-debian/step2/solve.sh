#!/bin/bash
set -e
echo 'hello from my lab' > /root/hello.html
mv /root/hello.html /var/www/html/
curl -i http://localhost/hello.html
