#!/bin/bash
. /etc/os-release
case " $ID $ID_LIKE " in
    *" debian "*) utils='^selinux-utils: ' audit='^auditd: ' ;;
    *) utils='^libselinux-utils-[0-9]' audit='^audit-[0-9]' ;;
esac
grep -qs "$utils" /root/owners.txt ||
    { echo "/root/owners.txt does not say whose matchpathcon is: type the first line of the step"; exit 1; }
grep -qs "$audit" /root/owners.txt ||
    { echo "/root/owners.txt does not say whose ausearch is: type the line of the step that asks"; exit 1; }
