"""Servers that do not say when they listen, and that want no root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

DEADLINE = 20.0


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns once somebody listens on loopback's ``port``; AssertionError where ``process`` ended, or time did."""
    ends = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), DEADLINE).close()
            return
        except ConnectionRefusedError:
            assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
            assert time.monotonic() < ends, f"{process.args[0]} does not listen"
            time.sleep(0.02)


def unprivileged(folder: Path) -> dict[str, Any]:
    """What Popen needs to run a server that refuses root; ``folder``, and what is in it, is that user's then."""
    if os.geteuid() != 0:
        return {}
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, "nobody")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}
