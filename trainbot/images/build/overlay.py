"""The files laid over the new system: the recipe's own, the key that may log in, the host key."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainbot.images.build.recipe import Recipe, recipe_files

# The folder of the recipe's hooks while the system is built.
HOOKS = "var/tmp/lab-hooks"
_PRIVATE = {"root/.ssh/authorized_keys": 0o600, "etc/ssh/ssh_host_ed25519_key": 0o600}


def write_overlay(recipe: Recipe, public_key: str, host_key: Path, to: Path) -> None:
    """Write the tar at `to`; everything in it belongs to root, whoever builds.

    `host_key` is the private half, `host_key`.pub the public one.
    """
    content = _below("files/", recipe)
    content |= {f"{HOOKS}/{hook.name}": hook.read_bytes() for hook in recipe.hooks}
    content["root/.ssh/authorized_keys"] = public_key.strip().encode() + b"\n"
    content["etc/ssh/ssh_host_ed25519_key"] = host_key.read_bytes()
    content["etc/ssh/ssh_host_ed25519_key.pub"] = host_key.with_suffix(".pub").read_bytes()
    _write(content, to, ("root/.ssh",))


def write_kernel_overlay(recipe: Recipe, to: Path) -> None:
    """Write the tar of the recipe's folder kernel/."""
    _write(_below("kernel/", recipe), to)


def _below(prefix: str, recipe: Recipe) -> dict[str, bytes]:
    files = recipe_files(recipe.folder)
    return {inside.removeprefix(prefix): path.read_bytes() for inside, path in files if inside.startswith(prefix)}


def _write(content: Mapping[str, bytes], to: Path, private: Sequence[str] = ()) -> None:
    with tarfile.open(to, "w") as tar:
        # No entries for other folders: tar makes missing ones and leaves the modes of those that are there.
        for folder in private:
            tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o700))
        for name, data in sorted(content.items()):
            entry = _entry(name, tarfile.REGTYPE, 0o755 if data.startswith(b"#!") else 0o644)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(f"./{name}")
    # NetworkManager ignores connections that others can read
    closed = 0o600 if name.endswith(".nmconnection") else mode
    entry.type, entry.mode = kind, _PRIVATE.get(name, closed)
    entry.mtime = int(time.time())
    entry.uname = entry.gname = "root"
    return entry
