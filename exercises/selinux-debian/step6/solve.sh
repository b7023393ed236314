#!/bin/bash
set -e
semanage port -a -t http_port_t -p tcp 11377 || semanage port -m -t http_port_t -p tcp 11377
systemctl restart nginx
