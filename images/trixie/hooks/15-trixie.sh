# This policy does not let it read the folder of credentials that systemd gives it, so it would fail at each boot.  A lab's command
# line names no network for which it would write units.
systemctl -q mask systemd-network-generator.service
