"""Runs shell scripts as root on a host, or on this machine for xen:/// and qemu:///system.

Uses the OpenSSH client with the user's configuration, agent and known_hosts, as libvirt's xen+ssh:// and qemu+ssh:// do, and one
shared connection (ssh_config(5), ControlMaster).  Output is limited in size and time.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import parse_qsl, urlsplit

from trainbot.core.errors import BackendError, HostDown
from trainbot.core.text import one_line

MOST = 4 << 20  # bytes of a script's output
_LINE = 4000  # bytes of a line; longer ones are split
_LAST = 3  # last lines of a failed script's output that are reported


def ssh_command(uri: str) -> list[str]:
    """The ssh command for a libvirt URI: program, options, target; [] if the host is this machine.

    libvirt's parameters ``command`` and ``keyfile`` are used too (https://libvirt.org/uri.html).
    """
    parts = urlsplit(uri)
    if not parts.hostname:
        return []
    query = dict(parse_qsl(parts.query))
    command = [query.get("command", "ssh"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-T"]
    if "keyfile" in query:
        command += ["-i", query["keyfile"]]
    if "ssh" in parts.scheme and parts.port:
        command += ["-p", str(parts.port)]
    return [*command, "--", f"{parts.username or 'root'}@{parts.hostname}"]


class RemoteShell:
    """A shell on one host.  A context manager: the shared connection ends with it."""

    def __init__(self, name: str, uri: str) -> None:
        self.name = name
        self._command = ssh_command(uri)
        self._folder: str | None = None

    def __enter__(self) -> Self:
        if self._command:
            if shutil.which(self._command[0]) is None:
                raise BackendError(f"{self._command[0]} is not installed here: apt install openssh-client")
            self._folder = tempfile.mkdtemp(prefix="tb-")  # mode 0700, and short enough for a socket
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            subprocess.run(
                [*self._ssh()[:-2], "-O", "exit", *self._ssh()[-2:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=30,
                check=False,
            )
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, script: str, seconds: float, follow: Callable[[str], None] = lambda line: None) -> str:
        """Runs ``script`` and returns its standard output; ``follow`` gets each line as it arrives.

        Raises BackendError with its last lines if it fails or takes longer, HostDown if the host can't be reached.
        """
        with self.stream("sh -s", seconds) as (process, words):
            feeder = threading.Thread(target=_feed, args=(process.stdin, script.encode()), daemon=True)
            feeder.start()
            assert process.stdout is not None
            said, size = [], 0
            for raw in iter(partial(process.stdout.readline, _LINE), b""):
                size += len(raw)
                if size > MOST:
                    raise BackendError(
                        f"{self.name} sent more than {MOST} bytes: does its login shell print something else?"
                    )
                said.append(raw)
                follow(raw.decode(errors="replace").rstrip())
            code = process.wait()
        text = b"".join(said).decode(errors="replace")
        if code:
            raise self.failure(code, [*text.splitlines()[-_LAST:], *words])
        return text

    @contextlib.contextmanager
    def stream(self, command: str, seconds: float) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
        """Starts a shell command with pipes; yields it and the last lines of its stderr.  Kills it after ``seconds``, or at
        the end of the block."""
        process = subprocess.Popen(
            [*self._ssh(), command] if self._command else ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        words: list[str] = []
        listener = threading.Thread(target=_listen, args=(process.stderr, words), daemon=True)
        listener.start()
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield process, words
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
            process.wait()
            listener.join(1.0)
            for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()
            if late.is_set():
                raise BackendError(
                    f"{self.name} did not finish within {seconds:g} s: check the host, then run this again; it "
                    "continues where it stopped"
                ) from None

    def failure(self, code: int, words: list[str]) -> BackendError:
        last = "; ".join(plain for word in words[-_LAST:] if (plain := one_line(word, 300)))
        if self._command and code == 255:  # ssh(1)'s own
            return HostDown(
                f"can't reach {self.name} as {self._command[-1]}: "
                f"{last or 'ssh gave no reason'}; try ssh {self._command[-1]} true"
            )
        return BackendError(f"{self.name}: {last or f'exit code {code}'}")

    def _ssh(self) -> list[str]:
        """With the options for a shared connection; ControlPersist ends it even if we are killed."""
        if self._folder is None:
            return self._command
        shared = [
            "-o",
            "ControlMaster=auto",
            "-o",
            f"ControlPath={Path(self._folder) / 's'}",
            "-o",
            "ControlPersist=60",
            "-o",
            "ServerAliveInterval=15",
            "-o",
            "ServerAliveCountMax=4",
        ]
        return [*self._command[:-2], *shared, *self._command[-2:]]


def _feed(pipe: BinaryIO, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it ended before it had read everything: its exit code says why
        pipe.write(data)
    with contextlib.suppress(OSError):
        pipe.close()


def _listen(pipe: BinaryIO, words: list[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for raw in iter(lambda: pipe.readline(_LINE), b""):
            words.append(raw.decode(errors="replace").rstrip())
            del words[:-_LAST]
