#!/bin/bash
[ "$(hostname)" != owned ] || { echo "the machine is still called owned: systemctl unmask systemd-hostnamed, then type the first line of the step"; exit 1; }
for unit in systemd-hostnamed systemd-logind; do
    [ "$(systemctl is-enabled $unit 2> /dev/null)" = masked ] && ! systemctl is-active -q $unit ||
        { echo "$unit still serves root: systemctl mask --now $unit"; exit 1; }
done
