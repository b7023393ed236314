#!/bin/bash
[ -f /var/www/html/hello.html ] || { echo "there is no /var/www/html/hello.html: make it, then mv it there"; exit 1; }
code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 http://localhost/hello.html)
[ "$code" = 403 ] || [ "$code" = 200 ] || { echo "nginx does not answer on port 80: systemctl restart nginx"; exit 1; }
