#!/bin/bash
[ -x /usr/local/bin/peek ] || { echo "there is no program /usr/local/bin/peek: type the first line of the step"; exit 1; }
[ -f /srv/notes/today ] || { echo "there is no /srv/notes/today: type the first line of the step"; exit 1; }
