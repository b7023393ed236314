"""Runs programs for the build, logs every line and reports the interesting ones."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import AnyStr, BinaryIO

from trainbot.core.errors import BackendError
from trainbot.images.build.reasons import reason

_SECONDS_TO_CLEAN_UP = 30
_LAST_LINES = 6
# mmdebstrap's lines when it cleans up, and when what it runs in a user namespace has failed, do not explain the failure.
_NO_REASON = ("I: ", "E: system failed", "E: unshared command failed")

# Stops a program and all its children when we die, even by SIGKILL: prctl(2) signals the shell, the shell its group.
# (If only mmdebstrap's first process gets the signal, it waits for its children.)  Descriptor 3 is needed because sh
# gives background commands /dev/null as standard input.
_WITH_US = (
    "setpriv",
    "--pdeathsig",
    "TERM",
    "sh",
    "-c",
    'trap "trap : TERM; kill -TERM 0; wait; exit 143" TERM; exec 3<&0; "$@" <&3 3<&- & wait $!',
    "sh",
)


def environment() -> dict[str, str]:
    """Our environment, in English, with the folders of mke2fs and debugfs (an ordinary user's PATH lacks them)."""
    path = os.environ.get("PATH", "")
    return {**os.environ, "LC_ALL": "C.UTF-8", "PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"}


def as_root() -> list[str]:
    """What comes before a command that has to be root's: in a namespace of subordinate ids, for whoever is not root.

    mmdebstrap enters it for us, because it is allowed to where unshare(1) is not.  It is the last to end, or the command
    could not clean up after SIGTERM.
    """
    if os.geteuid() == 0:
        return []
    return ["env", "--ignore-signal=TERM", "mmdebstrap", "--unshare-helper", "env", "--default-signal=TERM"]


class BuildLog:
    """The log of one build; runs programs into it."""

    def __init__(self, path: Path, doing: str = "building the image") -> None:
        """Start a new log at `path`; `doing`: what stops when a program fails."""
        self.path, self.doing = path, doing
        path.write_bytes(b"")

    def run(
        self,
        command: Sequence[str],
        follow: Callable[[str], None] = lambda line: None,
        *,
        stdin: BinaryIO | None = None,
        stdout: BinaryIO | None = None,
        env: dict[str, str] | None = None,
        name: str = "",
    ) -> None:
        """Run `command`, its stderr (and its stdout, unless that goes elsewhere) into the log and to `follow`.

        It gets a session of its own, so that an interrupt reaches it through us and it can clean up.
        BackendError says why, if a line of its output does (`reasons`), else which program failed (`name`, if that says more than
        the command's first word) and its last lines; and where the whole log is.
        """
        program, last, why = Path(command[0]).name, deque[str](maxlen=_LAST_LINES), ""
        env = {**environment(), **(env or {})}
        if not shutil.which(command[0], path=env["PATH"]):
            raise BackendError(missing_program(program))
        process = subprocess.Popen(
            [*_WITH_US, *command],
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
        said = process.stderr if stdout else process.stdout
        assert said is not None
        try:
            with self.path.open("a", encoding="utf-8") as log:
                log.write(f"$ {shlex.join(command)}\n")
                for raw in said:
                    line = raw.decode(errors="replace").rstrip()
                    log.write(line + "\n")
                    log.flush()
                    if not line:
                        continue
                    if not line.startswith(_NO_REASON):
                        last.append(line)
                    why = why or reason(line)
                    follow(line)
            code = process.wait()
        except BaseException:
            stop(process)
            raise
        if code and why:
            raise BackendError(f"{self.doing} stopped because {why}; the complete log is {self.path}")
        if code:
            raise BackendError(failure(self.doing, name or program, code, list(last), self.path))


def stop(process: subprocess.Popen[AnyStr]) -> None:
    """Stop a program and its children, first with SIGTERM, then with SIGKILL."""
    for how, seconds in ((signal.SIGTERM, _SECONDS_TO_CLEAN_UP), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=seconds)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue


def failure(doing: str, name: str, code: int, last: Sequence[str], log: Path) -> str:
    """One sentence about a program that failed, then its last lines, indented."""
    why = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    tail = "".join(f"\n    {line}" for line in last)
    return f"{doing} stopped because {name} {why}; the complete log is {log}, its last lines:{tail or ' none'}"


_PACKAGE_OF = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "ssh-keygen": "openssh-client",
    "qemu-system-x86_64": "qemu-system-x86",
    "newuidmap": "uidmap",
    "tar": "tar",
    "gpg": "gpg",
    "unshare": "util-linux",
    "zstd": "zstd",
    "qemu-img": "qemu-utils",
}


def missing_program(name: str) -> str:
    """One sentence that names the Debian package of a program."""
    return f"{name} is not installed: apt install {_PACKAGE_OF.get(name, name)}"
