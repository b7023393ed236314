#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
semanage port -l -C < /dev/null | grep -w http_port_t | grep -qw 11377 ||
    { echo "port 11377 is not of type http_port_t yet: semanage port -a -t http_port_t -p tcp 11377"; exit 1; }
curl -s -o /dev/null --max-time 20 http://localhost:11377/ || { echo "nginx does not answer on port 11377: systemctl restart nginx"; exit 1; }
