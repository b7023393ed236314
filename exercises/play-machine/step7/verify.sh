#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
[ -s /etc/backup.conf ] || { echo "there is no /etc/backup.conf: type the first line of the step"; exit 1; }
matchpathcon -n /etc/backup.conf | grep -q ':backup_store_t:' ||
    { echo "there is no rule for the file yet: semanage fcontext -a -t backup_store_t /etc/backup.conf"; exit 1; }
stat -c %C /etc/backup.conf | grep -q ':backup_store_t:' || { echo "the rule is there, the label is not: restorecon -v /etc/backup.conf"; exit 1; }
