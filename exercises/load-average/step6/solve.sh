#!/bin/bash
grep -qs '^1 open, 8[0-9] % busy' /root/counter || counter 50 80 | tee /root/counter
