#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
# what semanage port -l -C lists, without the seconds that it takes
grep -qs 'portcon tcp 81 .*:http_port_t:' /var/lib/selinux/default/active/ports.local ||
    { echo "port 81 is not of type http_port_t yet: semanage port -a -t http_port_t -p tcp 81"; exit 1; }
curl -s --max-time 20 http://localhost:81/ | grep -q 'side by side' ||
    { echo "nginx does not show the page on port 81: systemctl restart nginx, and see steps 5 and 6"; exit 1; }
