"""The receiver of copies as the bot sees it: a process on this machine, or on another one through ssh."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from trainbot.adapters.copies import wire
from trainbot.core.errors import BackendError, Superseded
from trainbot.core.text import one_line
from trainbot.model.copies import CopiedFile, Destination

ANSWER = 60.0  # seconds for an answer; a new copy of a large database is checked for longer
CHECK = 1800.0
KNOWN = "copy_known_hosts"  # next to the key: the host keys of the other machine (sshd(8)), besides the user's own
_GOODBYE = 2.0
_SSH = (
    *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "IdentitiesOnly=yes"),
    *("-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=3"),  # a machine that is gone is noticed in 8 s
)


def command(destination: Destination, key: Path) -> list[str]:
    """What receives copies at ``destination``.  The account there may be restricted to exactly that."""
    if not destination.account:
        return [sys.executable, "-m", "trainbot", "copy", "receive", destination.folder]
    target = destination.account.replace("[", "").replace("]", "")
    known = f'"{key.with_name(KNOWN)}" ~/.ssh/known_hosts'
    return [
        *_SSH,
        "-i",
        str(key),
        "-o",
        f"UserKnownHostsFile={known}",
        "--",
        target,
        f"trainbot copy receive {shlex.quote(destination.folder)}",
    ]


class ReceiverProcess:
    """One connection; an ``async with`` block.  All calls raise BackendError if it is lost or refuses, and Superseded if
    another machine has taken over from this one."""

    def __init__(self, destination: Destination, key: Path) -> None:
        self._destination, self._key = destination, key
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        words = command(self._destination, self._key)
        if shutil.which(words[0]) is None:
            raise BackendError(f"{words[0]} is not installed here: apt install openssh-client")
        self._process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=wire.LONGEST, start_new_session=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _GOODBYE)
        except (TimeoutError, asyncio.CancelledError):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def greet(self, installation: str, epoch: int, program: str, kept: int) -> None:
        """Says who sends, and waits for the answer.  ``kept``: how many copies are to be left there."""
        at = datetime.now(UTC).isoformat()
        await self.say(
            {"kind": "hello", "installation": installation, "epoch": epoch, "program": program, "at": at, "kept": kept}
        )
        await self.answer()

    async def say(self, message: dict[str, Any], data: bytes = b"") -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(wire.line({**message, "bytes": len(data)} if data else message))
            if data:
                self._process.stdin.write(data)
            await self._process.stdin.drain()
        except OSError:
            raise await self._why() from None

    async def send_file(self, name: str, path: Path) -> AsyncIterator[CopiedFile]:
        """Sends the file in pieces; after each of them yields what was sent so far.  It must not be written to meanwhile."""
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("rb") as file:
                while True:
                    piece = await asyncio.to_thread(_read, file, digest)
                    if piece or not size:
                        await self.say({"kind": "file", "name": name}, piece)
                    size += len(piece)
                    yield CopiedFile(name, size, digest.hexdigest())
                    if len(piece) < wire.CHUNK:
                        return
        except OSError as error:
            raise BackendError(f"{path} cannot be copied ({error.strerror})") from None

    async def answer(self, within: float = ANSWER) -> dict[str, Any]:
        """The next answer."""
        assert self._process is not None and self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                raw = await self._process.stdout.readline()
            found = wire.parsed(raw) if raw else None
        except TimeoutError:
            raise BackendError(
                f"{self._destination} does not answer within {within:g} s: look at that machine"
            ) from None
        except ValueError:
            raise BackendError(
                f"{self._destination} says something else than a receiver of copies: does its login shell print something?"
            ) from None
        if found is None:
            raise await self._why()
        if isinstance(taken := found.get("superseded"), dict):
            raise Superseded.by(taken.get("epoch"), taken.get("at"), taken.get("address"))
        if "error" in found:
            raise BackendError(f"{self._destination}: {one_line(str(found['error']), 400)}")
        return found

    async def _why(self) -> BackendError:
        """Why it has ended, in its own last words."""
        assert self._process is not None and self._process.stdout is not None and self._process.stderr is not None
        said = b""
        with suppress(TimeoutError, ValueError):
            async with asyncio.timeout(_GOODBYE):
                for raw in (await self._process.stdout.read()).splitlines():
                    with suppress(ValueError):
                        found = wire.parsed(raw)
                        if isinstance(taken := found.get("superseded"), dict):
                            return Superseded.by(taken.get("epoch"), taken.get("at"), taken.get("address"))
                        if "error" in found:
                            return BackendError(f"{self._destination}: {one_line(str(found['error']), 400)}")
                said = await self._process.stderr.read()
        last = one_line(said.decode(errors="replace").strip().rpartition("\n")[2], 300)
        return BackendError(f"copies cannot be sent to {self._destination}: {last or 'the connection ended'}")


def _read(file: BinaryIO, digest: Any) -> bytes:
    piece = file.read(wire.CHUNK)
    digest.update(piece)
    return piece
