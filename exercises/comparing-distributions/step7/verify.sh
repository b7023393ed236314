#!/bin/bash
grep -qs 'denied  { name_bind }.* src=81 ' /root/denial.txt ||
    { echo "/root/denial.txt has no denial of port 81: systemctl restart nginx, then type the ausearch line"; exit 1; }
