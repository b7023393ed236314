#!/bin/bash
grep -Eqs '^1 open, 9[0-9] % busy' /root/counter || { echo "90 and 95 % are not measured yet: counter 90 95 | tee -a /root/counter"; exit 1; }
grep -qs '^2 open' /root/counter || { echo "two counters are not measured yet: counter -n 2 95 | tee -a /root/counter"; exit 1; }
