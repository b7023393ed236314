"""Examines a disk and adds the seed, using libguestfs in a process of the system's Python (``opener``)."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.core.text import one_line
from trainbot.images.build.command import environment, stop
from trainbot.images.build.progress_bar import Progress

_PYTHON = "/usr/bin/python3"  # the one that the distribution's packages of libguestfs are for
_OPENER = Path(__file__).with_name("opener.py")
_UUID = re.compile(r"[0-9A-Fa-f-]{4,40}")
_SUBVOLUME = re.compile(r"[A-Za-z0-9@._/-]{0,100}")


@dataclass(frozen=True, slots=True)
class DiskContents:
    """``product``: the system's own name; ``kernel``: the version chosen from ``kernels``; ``root``: its file
    system's UUID; ``subvolume``: of btrfs; ``selinux``: whether it has SE Linux; ``entries``, ``grub``: its boot
    loader's texts."""

    product: str
    kernel: str
    kernels: tuple[str, ...]
    selinux: bool
    root: str
    filesystem: str
    subvolume: str
    entries: tuple[str, ...]
    grub: tuple[str, ...]


def open_disk(disk: Path, to: Path, kernel: str, write: Mapping[str, str], progress: Progress) -> DiskContents:
    """Extract kernel and initrd into ``to`` and add ``write`` (path -> content); takes a minute or two without KVM.

    ``kernel``: a version, '' for the newest.  BackendError explains in one sentence why it failed.
    """
    asked = json.dumps({"disk": str(disk), "kernel": kernel, "to": str(to), "write": dict(write)})
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", _PYTHON, "-I", str(_OPENER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**environment(), "LIBGUESTFS_BACKEND": "direct"},
        start_new_session=True,
    )
    assert process.stdin and process.stdout and process.stderr
    last: dict[str, Any] = {}
    try:
        process.stdin.write(asked)
        process.stdin.close()
        for line in process.stdout:
            last = json.loads(line)
            if "stage" in last:
                progress.stage(str(last["stage"]))
        words = process.stderr.read(2000).strip()
        process.wait()
    except BaseException:
        stop(process)
        raise
    finally:
        process.stdout.close()
        process.stderr.close()
    if "error" in last:
        raise BackendError(one_line(str(last["error"]), 500, ""))
    if "done" not in last:
        raise BackendError(f"libguestfs exited early: {one_line(words[-300:], 300, '') or 'no reason given'}")
    return _read(last["done"])


def _read(said: dict[str, Any]) -> DiskContents:
    if not _UUID.fullmatch(said["root"]) or not _SUBVOLUME.fullmatch(said["subvolume"]):
        raise BackendError("the root file system has an unexpected UUID or subvolume name")
    return DiskContents(
        one_line(said["product"], 80, ""),
        said["kernel"],
        tuple(said["kernels"]),
        bool(said["selinux"]),
        said["root"],
        said["filesystem"],
        said["subvolume"],
        tuple(said["entries"]),
        tuple(said["grub"]),
    )
