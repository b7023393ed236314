#!/bin/bash
set -e
[ -x /usr/local/bin/peek ] || cp /usr/bin/cat /usr/local/bin/peek
mkdir -p /srv/notes
echo 'buy milk' > /srv/notes/today
