#!/bin/bash
set -e
echo 'password=geheim' > /etc/backup.conf
chmod 600 /etc/backup.conf
matchpathcon -n /etc/backup.conf | grep -q ':backup_store_t:' || semanage fcontext -a -t backup_store_t /etc/backup.conf
restorecon -v /etc/backup.conf
