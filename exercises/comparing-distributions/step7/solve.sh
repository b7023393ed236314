#!/bin/bash
found=$(ausearch --input-logs -m avc -c nginx -ts boot 2>/dev/null | grep ' src=81 ' | tail -1)
[ -z "$found" ] || echo "$found" | tee /root/denial.txt
grep -qs ' src=81 ' /root/denial.txt
