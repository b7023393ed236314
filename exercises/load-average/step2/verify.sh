#!/bin/bash
[ -s /root/vmstat-cpu ] || { echo "/root/vmstat-cpu is not there: type the step's second line while stress runs"; exit 1; }
awk 'NR > 3 && $1 >= 2 { found = 1 } END { exit !found }' /root/vmstat-cpu ||
    { echo "nothing waited for the processor while vmstat looked: start stress, then vmstat at once"; exit 1; }
