# What would differ from build to build, or tell about the machine that built it.
# Not /tmp: mmdebstrap keeps its own apt configuration there until the end.
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/*.log
rm -f /etc/apt/apt.conf.d/99mmdebstrap
touch /etc/.updated /var/.updated   # systemd's ConditionNeedsUpdate=: nothing to do at first boot
