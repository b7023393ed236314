#!/bin/bash
grep -qs '^selinux-utils: ' /root/owners.txt ||
    { echo "/root/owners.txt does not say whose matchpathcon is: type the first line of the step"; exit 1; }
grep -qs '^auditd: ' /root/owners.txt ||
    { echo "/root/owners.txt does not say whose ausearch is: type the second line of the step"; exit 1; }
