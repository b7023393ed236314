#!/bin/bash
# One computes, one waits for a disk that the kernel holds to 1 MB a second.
systemctl is-active -q payroll || systemd-run -q --collect -u payroll -p RuntimeMaxSec=1h sh -c 'while :; do :; done'
disk=$(findmnt -n -o SOURCE /)
systemctl is-active -q archive || systemd-run -q --collect -u archive -p IOReadBandwidthMax='/ 1M' \
    sh -c "while dd if=$disk of=/dev/null bs=1M iflag=direct status=none; do :; done"
