#!/bin/bash
set -e
dpkg -S /usr/sbin/semanage /usr/sbin/matchpathcon /usr/bin/seinfo | tee /root/owners.txt
dpkg -S /sbin/ausearch | tee -a /root/owners.txt
