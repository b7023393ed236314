"""The seed for cloud-init (its NoCloud data source, read from the image's own /var/lib/cloud/seed).  Pure.

The seed is in the image rather than on a second disk, so that the image boots with the one disk that every host gives a
lab, on Xen PV, PVH and HVM alike, and hosts keep the same three files as for any other image.
"""

from __future__ import annotations

import json

SEED = "/var/lib/cloud/seed/nocloud"
#: Use only our seed: other data sources would look for a metadata server on the network for minutes.
SOURCES = "/etc/cloud/cloud.cfg.d/99-lab.cfg"
#: The console belongs to the learner: the gateway has authenticated everyone who reaches it, and root has no password.
GETTY = "/etc/systemd/system/serial-getty@.service.d/10-lab.conf"


def seed_files(name: str, version: str, public_key: str, host_key: str, host_key_public: str) -> dict[str, str]:
    """Path in the image -> content.  ``host_key``: the private half, as ssh-keygen writes it."""
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
        f"{SEED}/user-data": "#cloud-config\n" + json.dumps(user, indent=1) + "\n",
        f"{SEED}/meta-data": json.dumps(meta) + "\n",
        GETTY: _AUTOLOGIN,
        SOURCES: json.dumps({"datasource_list": ["NoCloud", "None"]}) + "\n",
    }


_AUTOLOGIN = (
    "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud "
    "115200,57600,38400,9600 %I $TERM\n"
)
