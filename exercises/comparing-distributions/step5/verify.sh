#!/bin/bash
[ -f /srv/www/index.html ] || { echo "there is no /srv/www/index.html: type the first line of the step"; exit 1; }
for f in /srv/www /srv/www/index.html; do
    case "$(stat -c %C $f)" in
        *:httpd_sys_content_t:*) ;;
        *) echo "$f is not labelled for web servers: restorecon -Rv /srv/www"; exit 1 ;;
    esac
done
