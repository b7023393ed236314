#!/bin/bash
[ -f /srv/site/index.html ] || { echo "there is no /srv/site/index.html: type the first line of the step"; exit 1; }
matchpathcon -n /srv/site/index.html | grep -q ':httpd_sys_content_t:' ||
    { echo "there is no rule for /srv/site yet: semanage fcontext -a -t httpd_sys_content_t '/srv/site(/.*)?'"; exit 1; }
stat -c %C /srv/site/index.html | grep -q ':httpd_sys_content_t:' ||
    { echo "the rule is there, the label is not: restorecon -Rv /srv/site"; exit 1; }
curl -sf -o /dev/null --max-time 20 http://localhost/site/ || { echo "curl http://localhost/site/ fails: is lab.conf as in step 1?"; exit 1; }
