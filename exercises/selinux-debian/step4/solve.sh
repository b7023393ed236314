#!/bin/bash
set -e
mkdir -p /srv/site
echo 'hello from /srv' > /srv/site/index.html
matchpathcon -n /srv/site | grep -q httpd_sys_content_t || semanage fcontext -a -t httpd_sys_content_t '/srv/site(/.*)?'
restorecon -Rv /srv/site
