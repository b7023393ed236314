#!/bin/bash
[ -f /home/ann/index.html ] || { echo "there is no /home/ann/index.html: type the first line of the step"; exit 1; }
[ "$(getsebool httpd_read_user_content)" = "httpd_read_user_content --> on" ] ||
    { echo "the switch is off: setsebool -P httpd_read_user_content on"; exit 1; }
grep -qsx 'httpd_read_user_content=1' /var/lib/selinux/default/active/booleans.local ||
    { echo "the switch is on, but not for good: setsebool -P httpd_read_user_content on"; exit 1; }
curl -sf -o /dev/null --max-time 20 http://localhost/~ann/ || { echo "curl http://localhost/~ann/ fails: chmod 711 /home/ann, and is lab.conf as in step 1?"; exit 1; }
