# Runs inside the new system, as its root, after all packages are installed.  $NAME is the image's name.
echo "$NAME" > /etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$NAME" > /etc/hosts
echo "LABEL=$NAME / ext4 defaults,noatime 0 0" > /etc/fstab
[ -e /etc/locale.conf ] || echo 'LANG=C.UTF-8' > /etc/locale.conf
# The exercises start these themselves:
systemctl -q disable nginx.service squid.service sysstat.service
# Nothing in a lab happens on its own: it lives for hours and has no way out.
systemctl -q mask dnf-makecache.timer logrotate.timer fstrim.timer sysstat-collect.timer sysstat-summary.timer \
    getty@tty1.service NetworkManager-wait-online.service systemd-pstore.service
# What only costs time at boot:
systemctl -q mask systemd-binfmt.service proc-sys-fs-binfmt_misc.automount modprobe@drm.service modprobe@dm_mod.service \
    modprobe@loop.service modprobe@fuse.service sys-kernel-tracing.mount
# The host key is the one that the gateway knows; none is made beside it.
systemctl -q mask sshd-keygen.target sshd-keygen@rsa.service sshd-keygen@ecdsa.service sshd-keygen@ed25519.service
systemctl -q enable NetworkManager.service sshd.service auditd.service lab-host-key.service
passwd -q -l root 2> /dev/null || usermod --lock root
rm -f /etc/ssh/ssh_host_rsa_key* /etc/ssh/ssh_host_ecdsa_key*
