# Runs inside the new system, as its root, after all packages are installed.
systemctl -q enable systemd-networkd.service ssh.service
# A killed host must not stop its labs in an orderly way at its next start, and there is none to save to.
systemctl -q disable xendomains.service
# Nothing here happens on its own, and what only costs time at boot is left out.
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-networkd-wait-online.service systemd-pstore.service systemd-binfmt.service \
    proc-sys-fs-binfmt_misc.automount modprobe@drm.service systemd-machined.service systemd-udev-settle.service \
    systemd-journal-flush.service getty@tty1.service
# Run again at each daemon-reload, of which installing libvirt takes dozens; there is nothing here for them to find.
mkdir -p /etc/systemd/system-generators
for absent in cryptsetup debug getty gpt-auto hibernate-resume integritysetup rc-local run system-update veritysetup; do
    ln -s /dev/null "/etc/systemd/system-generators/systemd-$absent-generator"
done
passwd -q -l root
rm -f /etc/ssh/ssh_host_rsa_key* /etc/ssh/ssh_host_ecdsa_key*
