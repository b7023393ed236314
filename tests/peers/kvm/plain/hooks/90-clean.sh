rm -rf /var/cache/debconf/*-old /var/log/apt /var/log/*.log /etc/apt/apt.conf.d/99mmdebstrap
rm -f /etc/resolv.conf
: > /etc/machine-id
touch /etc/.updated /var/.updated
