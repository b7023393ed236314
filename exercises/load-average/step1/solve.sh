#!/bin/bash
cat /proc/loadavg | tee /root/load-idle
