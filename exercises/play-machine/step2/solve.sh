#!/bin/bash
set -e
printf '%s\n' 'Match User play' 'PermitRootLogin yes' 'PasswordAuthentication yes' 'PermitEmptyPasswords yes' > /etc/ssh/sshd_config.d/20-play.conf
systemctl restart ssh
