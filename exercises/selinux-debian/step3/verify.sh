#!/bin/bash
page=/var/www/html/hello.html
[ -f $page ] || { echo "there is no $page: see the step before"; exit 1; }
case $(stat -c %C $page) in
    *:httpd_sys_content_t:*) ;;
    *) echo "$page still has the wrong type, $(stat -c %C $page | cut -d: -f3): restorecon -v $page"; exit 1 ;;
esac
curl -sf -o /dev/null --max-time 20 http://localhost/hello.html || { echo "curl http://localhost/hello.html fails: systemctl restart nginx"; exit 1; }
