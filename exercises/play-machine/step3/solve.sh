#!/bin/bash
guest() { ssh -nq -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 play@localhost "$1"; }
guest 'cat /etc/shadow; echo mallory::0:0::/:/bin/sh >> /etc/passwd; rm /etc/passwd; ls /root'
guest 'setenforce 0; kill -9 1; mount -t tmpfs none /mnt; date -s 2001-01-01'
guest 'cp /bin/sh /var/tmp/.sh; chmod 4755 /var/tmp/.sh; ls -l /var/tmp/.sh'
