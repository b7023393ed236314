#!/bin/bash
grep -qs '^crowded: ' /root/jobs && grep -qs '^polite: ' /root/jobs && exit 0
job alone
stress -q -c 3 -t 60 &
sleep 1
job crowded
killall -q stress
nice -n 19 stress -q -c 3 -t 60 &
sleep 1
job polite
killall -q stress
