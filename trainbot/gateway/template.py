"""Starts worker processes: a template loads what they need once, forks them, and ends.

It is an interpreter of its own, with an environment of its own and no descriptor of the gateway's, so it knows nothing
that a worker must not know.  It does not stay: workers that are started later come from a new one, and so have another
address-space layout (docs/security.md).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import trainbot
from trainbot.core.errors import BackendError

FEWEST, MOST = 2, 4  # workers; if one is lost, only its part of the people notices; each costs memory
START = 60.0  # seconds for a template to fork its workers, and for them to be ready: a busy machine is no failure
PROGRAM = ("-m", "trainbot.gateway.worker")
#: Otherwise asyncssh looks both up in /etc/passwd, which a worker cannot open.
ENVIRONMENT = {"LOGNAME": "trainbot", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
_CHILD_SUBREAPER = 36  # prctl(2)


def how_many() -> int:
    """Workers of a gateway on this machine."""
    return min(MOST, max(FEWEST, os.cpu_count() or 1))


class Template:
    """A template that is being started, for ``count`` workers.  BackendError if it cannot be.

    This process becomes the parent of workers whose template has ended, so it can end and reap them.
    """

    def __init__(self, count: int) -> None:
        self._near: list[socket.socket] = []
        far: list[socket.socket] = []
        try:
            for _ in range(count):
                near, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self._near.append(near)
                far.append(other)
            self._process = subprocess.Popen(
                [sys.executable, *PROGRAM, *(str(each.fileno()) for each in far)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                pass_fds=[each.fileno() for each in far],
                cwd="/",
                env={**ENVIRONMENT, "PYTHONPATH": str(Path(trainbot.__file__).parents[1])},
                start_new_session=True,  # ctrl-c at the gateway's terminal is not for them
            )
            _adopt()
        except OSError as error:  # no descriptor, process or memory is free
            self._drop()
            raise BackendError(f"the gateway cannot start a worker: {error.strerror}") from None
        finally:
            for each in far:
                each.close()

    def workers(self) -> list[tuple[int, socket.socket]]:
        """The process id and the socket of each worker, once the template has ended; they are the caller's then.  Blocks;
        BackendError if it takes longer than ``START``, fails, or is closed."""
        with self._process:  # closes the pipe
            with suppress(subprocess.TimeoutExpired, ValueError):
                said, _ = self._process.communicate(timeout=START)
                forked = list(zip(map(int, said.split()), self._near, strict=True))
                self._near = []
                return forked
            self.close()
        raise BackendError("the gateway's workers do not start: see gateway.log")

    def close(self) -> None:
        """Ends it, if it has not ended.  Workers that nobody has taken end with their sockets."""
        self._process.kill()
        self._process.wait()
        self._drop()

    def _drop(self) -> None:
        for each in self._near:
            each.close()
        self._near = []


def _adopt() -> None:
    import ctypes  # not needed by those who ask about a gateway

    ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)
