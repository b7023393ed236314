#!/bin/bash
[ -s /root/vmstat-disk ] || { echo "/root/vmstat-disk is not there: type the step's second line while slowdisk runs"; exit 1; }
awk 'NR > 3 && $2 >= 2 { found = 1 } END { exit !found }' /root/vmstat-disk ||
    { echo "nothing waited for the disk while vmstat looked: start slowdisk, then vmstat at once"; exit 1; }
