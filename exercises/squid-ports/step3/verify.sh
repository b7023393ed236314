#!/bin/bash
[ -s /root/squid-may ] || { echo "there is nothing in /root/squid-may: type the sesearch line of the step"; exit 1; }
grep -q 'squid_t pgpkeyserver_port_t:tcp_socket' /root/squid-may ||
    { echo "/root/squid-may does not speak of key servers: type the sesearch line again, and wait for the prompt"; exit 1; }
