#!/bin/bash
[ -f /etc/ssh/sshd_config.d/20-play.conf ] || { echo "there is no /etc/ssh/sshd_config.d/20-play.conf: type the first line of the step"; exit 1; }
context=$(ssh -nq -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 play@localhost id -Z)
case $context in
    user_u:user_r:user_t:*) ;;
    "") echo "ssh play@localhost does not get in: systemctl restart ssh, and look at sshd -t"; exit 1 ;;
    *) echo "play comes in as $context: is play mapped to user_u, as in step 1?"; exit 1 ;;
esac
