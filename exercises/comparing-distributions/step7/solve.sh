#!/bin/bash
found=$(ausearch --input-logs -m avc -c nginx -ts boot 2>/dev/null | grep ' src=8[12] ' | tail -1)
[ -z "$found" ] || echo "$found" | tee /root/denial.txt
grep -qs ' src=8[12] ' /root/denial.txt
