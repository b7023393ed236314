"""The way into an imported image's labs: keys, and the seed for cloud-init (its NoCloud data source, read from the image's
own /var/lib/cloud/seed).  Pure.

The keys are where sshd looks for them, so that people get in although cloud-init fails or the image's policy forbids it
something; it is there for the network and the host name.

The seed is in the image rather than on a second disk, so that the image boots with the one disk that every host gives a
lab, on Xen PV, PVH and HVM alike, and hosts keep the same three files as for any other image.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SEED = "/var/lib/cloud/seed/nocloud"
#: Use only our seed: other data sources would look for a metadata server on the network for minutes.
SOURCES = "/etc/cloud/cloud.cfg.d/99-lab.cfg"
#: The console belongs to the learner: the gateway has authenticated everyone who reaches it, and root has no password.
GETTY = "/etc/systemd/system/serial-getty@.service.d/10-lab.conf"
#: Where /boot is a partition of its own, systemd waits 90 s for it, then nobody gets in: too little on a busy emulated host.
PATIENCE = "/etc/systemd/system.conf.d/10-lab.conf"


AUTHORIZED_KEYS = "/root/.ssh/authorized_keys"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


@dataclass(frozen=True, slots=True)
class SeedFile:
    """``file``: the file on this machine that has the content."""

    content: str
    mode: int = 0o600
    file: Path | None = None


def seed_files(name: str, version: str, public_key: str, host_key: str, host_key_public: str) -> dict[str, SeedFile]:
    """Path in the image -> file.  ``host_key``: the private half, as ssh-keygen writes it."""
    user = {
        "disable_root": False,
        "ssh_authorized_keys": [public_key.strip()],
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key, "ed25519_public": host_key_public},
        "package_update": False,
        "package_upgrade": False,
    }
    meta = {"instance-id": version, "local-hostname": name}
    # JSON is valid YAML, and quotes everything in keys and names
    return {
        AUTHORIZED_KEYS: SeedFile(public_key.strip() + "\n"),
        HOST_KEY: SeedFile(host_key),
        f"{HOST_KEY}.pub": SeedFile(host_key_public.strip() + "\n", 0o644),
        f"{SEED}/user-data": SeedFile("#cloud-config\n" + json.dumps(user, indent=1) + "\n"),
        f"{SEED}/meta-data": SeedFile(json.dumps(meta) + "\n"),
        GETTY: SeedFile(_AUTOLOGIN, 0o644),
        PATIENCE: SeedFile("[Manager]\nDefaultDeviceTimeoutSec=15min\n", 0o644),
        SOURCES: SeedFile(json.dumps({"datasource_list": ["NoCloud", "None"]}) + "\n"),
    }


_AUTOLOGIN = (
    "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud "
    "115200,57600,38400,9600 %I $TERM\n"
)
