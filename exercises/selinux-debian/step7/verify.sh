#!/bin/bash
semanage port -l -C < /dev/null | grep -w http_port_t | grep -qw 11371 ||
    { echo "port 11371 is not of type http_port_t yet: semanage port -m -t http_port_t -p tcp 11371"; exit 1; }
