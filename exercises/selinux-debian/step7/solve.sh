#!/bin/bash
set -e
semanage port -m -t http_port_t -p tcp 11371
