apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/*.log /etc/apt/apt.conf.d/99mmdebstrap
touch /etc/.updated /var/.updated
