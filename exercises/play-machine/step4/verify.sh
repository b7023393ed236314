#!/bin/bash
[ -s /root/wishes ] || { echo "/root/wishes is not there: type the first line of the step"; exit 1; }
grep -q 'allow user_t .*setenforce' /root/wishes || { echo "/root/wishes does not have setenforce: attack as in step 3, then type the first line again"; exit 1; }
