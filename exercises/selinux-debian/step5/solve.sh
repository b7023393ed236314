#!/bin/bash
set -e
id -u ann > /dev/null 2>&1 || useradd -m ann
echo 'hello from ann' > /home/ann/index.html
chmod 711 /home/ann
grep -qsx 'httpd_read_user_content=1' /var/lib/selinux/default/active/booleans.local || setsebool -P httpd_read_user_content on
curl -sf -o /dev/null http://localhost/~ann/
