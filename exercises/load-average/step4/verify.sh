#!/bin/bash
systemctl is-active -q payroll || exit 0
systemctl is-active -q archive || { echo "that was the harmless one: pidstat -u 3 1 shows who computes"; exit 1; }
echo "one of the two still takes the processor: pidstat -u 3 1 shows which, then systemctl stop it"
exit 1
