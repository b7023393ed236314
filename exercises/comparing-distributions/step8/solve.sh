#!/bin/bash
. /etc/selinux/config
port=$(sed -n 's/.*listen \(8[12]\);.*/\1/p' /etc/nginx/conf.d/side.conf)
grep -qs "portcon tcp $port .*:http_port_t:" /var/lib/selinux/$SELINUXTYPE/active/ports.local ||
    semanage port -a -t http_port_t -p tcp $port || semanage port -m -t http_port_t -p tcp $port || exit 1
systemctl restart nginx && curl -s http://localhost:$port/
