#!/bin/bash
set -e
! grep -qsx 'squid_connect_any=1' /var/lib/selinux/default/active/booleans.local || setsebool -P squid_connect_any off
