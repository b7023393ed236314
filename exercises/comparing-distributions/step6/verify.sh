#!/bin/bash
grep -qs 'listen 81;' /etc/nginx/conf.d/side.conf ||
    { echo "/etc/nginx/conf.d/side.conf does not say listen 81: type the echo line"; exit 1; }
ausearch --input-logs -m avc -ts boot 2>/dev/null | grep -q 'comm="nginx" src=81 ' ||
    curl -s -o /dev/null --max-time 20 http://localhost:81/ ||
    { echo "nginx has not tried port 81 yet: systemctl restart nginx (it is meant to fail)"; exit 1; }
