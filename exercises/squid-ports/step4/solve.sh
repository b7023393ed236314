#!/bin/bash
set -e
grep -qs 'tcp 11372 .*:pgpkeyserver_port_t:' /var/lib/selinux/default/active/ports.local ||
    semanage port -a -t pgpkeyserver_port_t -p tcp 11372
