#!/bin/bash
set -e
grep -qs 'tcp 11371 .*:http_port_t:' /var/lib/selinux/default/active/ports.local ||
    semanage port -m -t http_port_t -p tcp 11371
systemctl restart nginx
