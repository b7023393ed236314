#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
grep -qs '^ID=' /root/side.txt || { echo "/root/side.txt does not say which system this is: type the grep line"; exit 1; }
grep -qs "policy name: *$(sed -n 's/^SELINUXTYPE=//p' /etc/selinux/config)\$" /root/side.txt ||
    { echo "/root/side.txt does not name the policy: type the sestatus line"; exit 1; }
