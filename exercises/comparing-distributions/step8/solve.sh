#!/bin/bash
set -e
semanage port -a -t http_port_t -p tcp 81 || semanage port -m -t http_port_t -p tcp 81
systemctl restart nginx
curl -s http://localhost:81/
