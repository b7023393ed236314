# What would differ from build to build, or tell about the machine that built it.
rm -rf /var/cache/dnf /var/cache/yum /var/lib/dnf/history* /var/log/dnf*.log /var/log/hawkey.log /var/log/*.log
touch /etc/.updated /var/.updated   # systemd's ConditionNeedsUpdate=: nothing to do at first boot
