#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
. /etc/selinux/config
port=$(sed -n 's/.*listen \(8[12]\);.*/\1/p' /etc/nginx/conf.d/side.conf 2>/dev/null)
# what semanage port -l -C lists, without the seconds that it takes
grep -qs "portcon tcp ${port:=81} .*:http_port_t:" /var/lib/selinux/$SELINUXTYPE/active/ports.local ||
    { echo "port $port is not of type http_port_t yet: semanage port -a -t http_port_t -p tcp $port"; exit 1; }
curl -s --max-time 20 http://localhost:$port/ | grep -q 'side by side' ||
    { echo "nginx does not show the page on port $port: systemctl restart nginx, and see steps 5 and 6"; exit 1; }
