#!/bin/bash
set -e
echo 'call ann' > /root/todo
peek /root/todo > /dev/null 2>&1 || true
peek /etc/shadow > /dev/null 2>&1 || true
cp /root/todo /srv/notes/
