"""What the opener found on a disk.  Its words are a stranger's: checked here, used elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.core.text import one_line

_UUID = re.compile(r"[0-9A-Fa-f-]{4,40}")
_SUBVOLUME = re.compile(r"[A-Za-z0-9@._/-]{0,100}")
_MODE = re.compile(r"^\s*SELINUX\s*=\s*(enforcing|permissive|disabled)\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel in /boot.  ``path``, ``initrd``: in the image ('': it has none); ``config``: the lines of its configuration
    about Xen and disks, None if the image does not have it; ``builtin``: disk drivers that are part of it."""

    version: str
    path: str
    initrd: str
    config: frozenset[str] | None = None
    builtin: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """``product``: the system's own name; ``packages``: ``rpm``, ``deb`` or another; ``unmounted``: folders that could
    not be mounted, and why; ``other_boot``: how else it could boot (opener.OTHER_BOOT); ``root``: its file system's UUID;
    ``subvolume``: of btrfs; ``selinux``: the mode in /etc/selinux/config, '' without SE Linux; ``contexts``: whether its
    policy has file_contexts; ``entries`` (path -> text), ``grub``, ``grubenv``: its boot loader's files."""

    product: str
    kernels: tuple[Kernel, ...]
    root: str
    packages: str = ""
    unmounted: Mapping[str, str] | None = None
    other_boot: frozenset[str] = frozenset()
    cloud_init: bool = True
    systemd: bool = True
    machine_id: bool = True
    tmux: bool = True
    filesystem: str = ""
    subvolume: str = ""
    selinux: str = ""
    contexts: bool = False
    entries: Mapping[str, str] | None = None
    grub: tuple[str, ...] = ()
    grubenv: tuple[str, ...] = ()


def read_facts(said: dict[str, Any]) -> DiskFacts:
    if not _UUID.fullmatch(said["root"]) or not _SUBVOLUME.fullmatch(said["subvolume"]):
        raise BackendError("the root file system has an unexpected UUID or subvolume name")
    return DiskFacts(
        product=one_line(said["product"], 80, ""),
        kernels=tuple(_kernel(each) for each in said["kernels"]),
        root=said["root"],
        packages=said["packages"],
        unmounted={one_line(path, 80, ""): one_line(why, 200, "") for path, why in said["unmounted"].items()},
        other_boot=frozenset(said["other_boot"]),
        cloud_init=bool(said["cloud_init"]),
        systemd=bool(said["systemd"]),
        machine_id=bool(said["machine_id"]),
        tmux=bool(said["tmux"]),
        filesystem=said["filesystem"],
        subvolume=said["subvolume"],
        selinux=selinux_mode(said["selinux"]),
        contexts=bool(said["contexts"]),
        entries=said["entries"],
        grub=tuple(said["grub"]),
        grubenv=tuple(said["grubenv"]),
    )


def _kernel(said: dict[str, Any]) -> Kernel:
    config = None if said["config"] is None else frozenset(said["config"])
    return Kernel(said["version"], said["kernel"], said["initrd"], config, frozenset(said["builtin"]))


def selinux_mode(config: str) -> str:
    """Of /etc/selinux/config's text: the last SELINUX= counts, a file without it means permissive (libselinux's
    selinux_getenforcemode, and systemd, which then boots permissive); '' for no file."""
    found = _MODE.findall(config)
    if found:
        return str(found[-1]).lower()
    return "permissive" if config.strip() else ""
