#!/bin/bash
grep -Eqs '^([0-9.]+ ){3}[0-9]+/[0-9]+ ' /root/load-idle ||
    { echo "/root/load-idle is not there: cat /proc/loadavg | tee /root/load-idle"; exit 1; }
