"""Tries to log in to a jump host as the gateway does: with its key and known_hosts, without the user's configuration."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

from trainbot.adapters.state_folder import JUMP_KEY, KNOWN_HOSTS
from trainbot.core.errors import BackendError
from trainbot.core.text import one_line

_SECONDS = 60.0
_MOST = 10_000  # bytes of output


def connect_ssh(state: Path, user: str, address: str, port: int, seconds: float = _SECONDS) -> int:
    """Returns the number of the host's CPUs; raises BackendError with ssh's last error if the login fails."""
    options = [
        f"UserKnownHostsFile={state / KNOWN_HOSTS}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "ConnectTimeout=20",
    ]
    command = [
        "ssh",
        "-F",
        "none",
        "-T",
        "-i",
        str(state / JUMP_KEY),
        "-p",
        str(port),
        *(word for option in options for word in ("-o", option)),
        "--",
        f"{user}@{address}",
        "status",
    ]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise BackendError(f"can't run ssh: {error.strerror}") from None
    assert process.stdout is not None and process.stderr is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        said, words = (pipe.read(_MOST) for pipe in (process.stdout, process.stderr))
        process.stdout.close()
        process.stderr.close()
        code = process.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise BackendError(f"no answer within {seconds:g} s")
    try:
        if code == 0:
            return int(json.loads(said)["cores"])
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise BackendError(one_line(words.strip().rpartition(b"\n")[2], 300) or "no answer")
