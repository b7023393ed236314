#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
semanage port -l -C < /dev/null | grep -w http_port_t | grep -qw 81 ||
    { echo "port 81 is not of type http_port_t yet: semanage port -a -t http_port_t -p tcp 81"; exit 1; }
curl -s --max-time 20 http://localhost:81/ | grep -q 'side by side' ||
    { echo "nginx does not show the page on port 81: systemctl restart nginx, and see steps 5 and 6"; exit 1; }
