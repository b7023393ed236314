#!/bin/bash
grep -qs 'tcp 11371 .*:http_port_t:' /var/lib/selinux/default/active/ports.local ||
    { echo "port 11371 is not of type http_port_t yet: semanage port -m -t http_port_t -p tcp 11371"; exit 1; }
curl -sf -o /dev/null --max-time 20 http://127.0.0.1:11371/pks/lookup || { echo "nginx does not answer on port 11371: systemctl restart nginx"; exit 1; }
