# Runs inside the new system, as its root, after all packages are installed.
# The exercises start these themselves:
systemctl -q disable nginx.service squid.service sysstat.service
# Nothing in a lab happens on its own: it lives for hours and has no way out.
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer logrotate.timer getty@tty1.service systemd-networkd-wait-online.service \
    systemd-pstore.service sysstat-collect.timer sysstat-summary.timer
# What only costs time at boot:
systemctl -q mask systemd-binfmt.service proc-sys-fs-binfmt_misc.automount modprobe@drm.service modprobe@dm_mod.service \
    modprobe@loop.service modprobe@fuse.service sys-kernel-tracing.mount
systemctl -q enable systemd-networkd.service ssh.service auditd.service lab-host-key.service
passwd -q -l root
rm -f /etc/ssh/ssh_host_rsa_key* /etc/ssh/ssh_host_ecdsa_key* /etc/nginx/sites-enabled/default
