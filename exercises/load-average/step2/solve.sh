#!/bin/bash
stress -q -c 3 -t 6 &
vmstat 1 4 | tee /root/vmstat-cpu
wait
