#!/bin/bash
grep -qs 'portcon tcp 81 .*:http_port_t:' /var/lib/selinux/default/active/ports.local ||
    semanage port -a -t http_port_t -p tcp 81 || semanage port -m -t http_port_t -p tcp 81 || exit 1
systemctl restart nginx && curl -s http://localhost:81/
