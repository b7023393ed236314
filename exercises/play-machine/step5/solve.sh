#!/bin/bash
[ "$(systemctl is-enabled systemd-hostnamed 2> /dev/null)" = masked ] && exit 0
ssh -nq -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 play@localhost 'hostnamectl hostname owned'
