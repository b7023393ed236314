"""``trainbot copy receive FOLDER``: writes the copies that a bot sends on standard input (adapters.copies.wire).

This is the only program that the key of another machine may run here, so nothing that it sends is trusted: it can write
copies of one installation below FOLDER, and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from trainbot.adapters.copies import wire
from trainbot.adapters.copies.folder import SCRATCH, CopyFolder, CopyWriter
from trainbot.core.errors import BackendError
from trainbot.model.copies import CopiedFile, Manifest, safe
from trainbot.ops.copies.rebuild import rebuild

IDLE = 300  # seconds without a word, after which the sender is gone
LARGEST = 64 << 20  # bytes of one part of the changes


class Receiver:
    """Serves one sender.  ``run`` returns when it is gone."""

    def __init__(self, folder: Path, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._folder, self._in, self._out = CopyFolder(folder), incoming, outgoing
        self._draft: CopyWriter | None = None
        self._newest: CopyWriter | None = None  # the complete one that changes belong to
        self._files: dict[str, tuple[BinaryIO, Any]] = {}  # of the draft: each with its digest
        self._hello: dict[str, Any] = {}
        self._clock_off = 0.0

    def run(self) -> int:
        lock = None
        try:
            lock = self._folder.lock()
            while (message := self._next()) is not None:
                self._take(message)
            return 0
        except BackendError as error:
            self._answer({"error": str(error)})
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            what = (
                "its disk is full: free some space there"
                if full
                else f"{error.filename or ''} {error.strerror}".strip()
            )
            self._answer({"error": f"the copy cannot be written to {self._folder.path} ({what})"})
        except (ValueError, KeyError, TypeError) as error:
            self._answer(
                {"error": f"the two trainbots do not understand each other ({error}): install the same version"}
            )
        finally:
            signal.alarm(0)
            for file, _digest in self._files.values():
                with suppress(OSError):  # what is left to write does not fit on the disk
                    file.close()
            for writer in (self._draft, self._newest):
                if writer is not None:
                    writer.abandon()
            if lock is not None:
                os.close(lock)
        return 1

    def _next(self) -> dict[str, Any] | None:
        signal.alarm(IDLE)  # ends this process: what is unfinished then is removed by the next receiver
        return wire.read(self._in)

    def _answer(self, value: dict[str, Any]) -> None:
        with suppress(OSError, ValueError):
            self._out.write(wire.line(value))
            self._out.flush()

    def _take(self, message: dict[str, Any]) -> None:
        kind, size = message.get("kind"), wire.size_of(message)
        if kind != "hello" and not self._hello:
            raise ValueError("it did not say hello")
        match kind:
            case "hello":
                self._greet(message)
            case "begin":
                self._begin()
            case "file" if self._draft is not None and safe(str(message["name"])) and size <= LARGEST:
                self._store(self._draft, str(message["name"]), self._exactly(size))
            case "done" if self._draft is not None:
                self._done(self._draft, message)
            case "part" if size <= LARGEST:
                data = self._exactly(size)
                for writer in filter(None, (self._draft, self._newest)):
                    writer.append(int(message["generation"]), int(message["offset"]), data)
            case "beat" if self._newest is not None:
                self._refuse_superseded(int(self._hello["epoch"]))
                at = datetime.fromisoformat(message["at"])
                self._clock_off = min(self._clock_off, (datetime.now(UTC) - at).total_seconds(), key=abs)  # less delay
                self._newest.beat(int(message["commits"]), at, self._clock_off)
                self._answer({"ok": True, "commits": int(message["commits"])})
            case _:
                raise ValueError(f"unknown message {str(kind)[:20]!r}")

    def _greet(self, message: dict[str, Any]) -> None:
        self._refuse_superseded(int(message["epoch"]))
        self._folder.refuse_others(message["installation"])
        self._clock_off = (datetime.now(UTC) - datetime.fromisoformat(message["at"])).total_seconds()
        self._hello = message
        self._answer({"ok": True, "clock_off": self._clock_off})

    def _refuse_superseded(self, epoch: int) -> None:
        taken = self._folder.taken_over()
        if taken is not None and taken["epoch"] > epoch:
            self._answer({"superseded": taken})
            raise BackendError("another machine has taken over")

    def _begin(self) -> None:
        """A new copy; the one before it is kept up to date until this one is complete."""
        if self._draft is not None:
            self._draft.abandon()
        self._folder.prune(max(int(self._hello["kept"]), 1))
        self._files, self._draft = {}, CopyWriter(self._folder, datetime.now(UTC))

    def _store(self, draft: CopyWriter, name: str, piece: bytes) -> None:
        if name not in self._files:
            self._files[name] = (draft.create(name), hashlib.sha256())
        file, digest = self._files[name]
        digest.update(piece)
        file.write(piece)

    def _exactly(self, size: int) -> bytes:
        signal.alarm(IDLE)
        data = self._in.read(size)
        if len(data) != size:
            raise BackendError("the sender is gone in the middle of a copy")
        return data

    def _done(self, draft: CopyWriter, message: dict[str, Any]) -> None:
        """The copy is complete: it is compared with what the sender read, and its database is checked."""
        signal.alarm(0)  # a large database takes its time
        manifest = Manifest.from_json(message["manifest"])
        arrived = set()
        for name, (file, digest) in self._files.items():
            arrived.add(CopiedFile(name, file.tell(), digest.hexdigest()))
            file.close()
        if {*manifest.files, manifest.database} != arrived:
            raise BackendError("what arrived is not what was sent: trying again")
        with tempfile.NamedTemporaryFile(dir=self._folder.path, prefix=SCRATCH) as scratch:
            found = rebuild(draft.seal(manifest), Path(scratch.name))
        copy = draft.publish()
        if self._newest is not None:
            self._newest.abandon()
        self._newest, self._draft, self._files = draft, None, {}
        self._folder.prune(max(int(self._hello["kept"]), 1))
        self._answer({"ok": True, "name": copy.name, "commits": found.commits, "database": found.bytes})
