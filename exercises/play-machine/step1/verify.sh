#!/bin/bash
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is not enforcing: type setenforce 1"; exit 1; }
[ "$(id -u play 2> /dev/null)" = 0 ] || { echo "there is no user play with uid 0: type the first line of the step"; exit 1; }
passwd -S play | grep -q '^play NP' || { echo "play has a password, or is locked: passwd -d play"; exit 1; }
grep -q '^play:user_u' /etc/selinux/default/seusers || { echo "play is not mapped to user_u: semanage login -a -s user_u play"; exit 1; }
stat -c %C /home/play /home/play/.bashrc | grep -qv '^user_u:' && { echo "the home is not user_u's yet: restorecon -RFv /home/play"; exit 1; }
exit 0
