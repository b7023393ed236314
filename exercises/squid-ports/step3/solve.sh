#!/bin/bash
set -o pipefail
grep -qs pgpkeyserver_port_t /root/squid-may ||
    sesearch -A -s squid_t -c tcp_socket -p name_connect | grep '^allow squid_t' > /root/squid-may
