# Runs inside the new system, as its root, after all packages are installed.
systemctl -q enable ssh.service
# Nothing here happens on its own, nothing touches the devices of the machine outside, and what only costs time is left out.
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-udev-trigger.service systemd-pstore.service systemd-binfmt.service getty@tty1.service \
    console-getty.service systemd-remount-fs.service systemd-sysctl.service systemd-modules-load.service \
    systemd-random-seed.service systemd-firstboot.service
passwd -q -l root
rm -f /etc/ssh/ssh_host_rsa_key* /etc/ssh/ssh_host_ecdsa_key*
