"""An image small enough to be published in a moment: an ext4 file system with keys in it, a kernel of nothing."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from trainbot.images.build.command import environment
from trainbot.images.build.image_folder import FILES, BuiltImage, digest, write_image

SECRETS = (
    "ssh-ed25519 AAAA-the-installations-own trainbot\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nhostsecret\n",
    "ssh-ed25519 AAAA-host-key\n",
)


def small_image(folder: Path) -> BuiltImage:
    """As ``trainbot image build`` lays it out, below ``folder``."""
    tree, version = folder / "tree", folder / "debian-0123456789ab"
    for path, text in zip(
        ("root/.ssh/authorized_keys", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub"),
        SECRETS,
        strict=True,
    ):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "etc/motd").write_text("this lab is yours\n")
    version.mkdir()
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-d", tree, version / "disk.img", "8M"], check=True, env=environment()
    )
    for name in FILES[1:]:
        (version / name).write_text(name)
    image = BuiltImage(
        folder=version,
        name="debian",
        suite="bookworm",
        recipe="0" * 64,
        root="LABEL=debian",
        cmdline="root=LABEL=debian rw",
        permissive="enforcing=0",
        enforcing="enforcing=1",
        user="root",
        host_key="ssh-ed25519 AAAA-host-key",
        memory_mib=384,
        disk_bytes=8 << 20,
        sha256={name: digest(version / name) for name in FILES},
        built_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    write_image(image)
    return image
