#!/bin/bash
slowdisk 3 10 &
vmstat 2 4 | tee /root/vmstat-disk
wait
