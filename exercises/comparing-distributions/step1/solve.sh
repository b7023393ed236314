#!/bin/bash
set -e
grep -E '^(ID|VERSION_ID)=' /etc/os-release | tee /root/side.txt
sestatus | grep -E 'policy name|Current mode' | tee -a /root/side.txt
