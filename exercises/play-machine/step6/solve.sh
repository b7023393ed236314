#!/bin/bash
[ "$(hostname)" != owned ] || hostnamectl hostname debian
systemctl mask --now systemd-hostnamed systemd-logind
