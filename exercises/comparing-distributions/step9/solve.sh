#!/bin/bash
grep -E '^(ID|VERSION_ID)=' /etc/os-release | tee /root/other.txt
sestatus | grep 'policy name' | tee -a /root/other.txt
semanage port -l | grep -w ^http_port_t | tee -a /root/other.txt
