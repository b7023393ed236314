"""A folder of copies, as the receiver keeps it and as whoever restores one reads it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from trainbot.core.clock import boot_id
from trainbot.core.errors import BackendError, Superseded
from trainbot.core.files import LEFT_OVER, sync_folder, write_whole
from trainbot.model.copies import NAME, CopiedFile, Manifest

MANIFEST, DATABASE, CHANGES, BEAT = "manifest.json", "trainbot.db", "changes", "beat.json"
TAKEN_OVER = "taken-over.json"
SCRATCH = ".check-"  # how names of files begin in which a copy is checked
_LOCK = ".receiver.lock"
_RECORD = struct.Struct(">4sIQII")  # magic, generation, offset, length, CRC-32 of the data
_MAGIC = b"TBc1"
_PATIENCE = 5.0  # seconds for an older receiver to end


@dataclass(frozen=True, slots=True)
class Beat:
    """The bot's last sign to a copy: ``commits`` of its database were safe there, ``at`` by its clock.  ``heard_at`` by the
    receiver's clock, ``boot_id`` and ``boottime`` of the receiver's machine as in a heartbeat; ``clock_off``: seconds by
    which the receiver's clock is ahead of the bot's."""

    commits: int
    at: datetime
    heard_at: datetime
    boot_id: str
    boottime: float
    clock_off: float

    def silence(self) -> float | None:
        """Seconds since then; None if this machine was started since, so that nothing was heard in this life."""
        if not self.boot_id or self.boot_id != boot_id():
            return None
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.boottime


class Copy:
    """One copy.  Reading it raises BackendError, a sentence that names it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    def manifest(self) -> Manifest:
        try:
            return Manifest.from_json(json.loads((self.path / MANIFEST).read_bytes()))
        except FileNotFoundError:
            raise BackendError(f"{self.path} is not a copy made by trainbot: it has no {MANIFEST}") from None
        except OSError as error:
            raise BackendError(f"{self.path} cannot be read ({error.strerror}): run this as its owner") from None
        except (ValueError, RecursionError) as error:
            if str(error) == "newer":
                raise BackendError(f"{self.path} was made by a newer trainbot: install that one here first") from None
            raise BackendError(f"{self.path} is torn (its {MANIFEST} cannot be read): use another copy") from None

    def beat(self) -> Beat | None:
        try:
            value = json.loads((self.path / BEAT).read_bytes())
            at, heard = datetime.fromisoformat(value["at"]), datetime.fromisoformat(value["heard_at"])
            return Beat(
                int(value["commits"]),
                at,
                heard,
                str(value["boot_id"]),
                float(value["boottime"]),
                float(value["clock_off"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def file(self, name: str) -> Path:
        return self.path / DATABASE if name == DATABASE else self.path / "files" / name

    def changes(self) -> Iterator[tuple[int, int, bytes]]:
        """(generation, offset, part of a write-ahead log) in the order in which they came, up to the first one that is
        torn."""
        try:
            file = (self.path / CHANGES).open("rb")
        except FileNotFoundError:
            return
        with file:
            while len(head := file.read(_RECORD.size)) == _RECORD.size:
                magic, generation, offset, length, crc = _RECORD.unpack(head)
                data = file.read(length) if magic == _MAGIC else b""
                if len(data) != length or zlib.crc32(data) != crc or magic != _MAGIC:
                    return
                yield generation, offset, data

    def refuse_readable_by_others(self) -> None:
        """BackendError if other users of this machine can read it: it holds keys and what people said.  What a symbolic
        link leads to may be theirs."""
        for path in (self.path, *self.path.rglob("*")):
            if path.is_symlink():
                raise BackendError(
                    f"{path} is a symbolic link, and a copy has none: name the folder that trainbot made"
                )
            if path.lstat().st_mode & 0o077:
                raise BackendError(
                    f"others can read {path}, which holds keys and what people wrote: chmod -R go= {self.path}, and find out "
                    "who has read it"
                )

    def refuse_torn(self) -> None:
        """BackendError if a file is not as the manifest says."""
        manifest = self.manifest()
        for each in (manifest.database, *manifest.files):
            if not intact(self.file(each.name), each):
                raise BackendError(
                    f"{self.path} is torn ({each.name} is not what was copied): use another copy, trainbot copy list "
                    f"{self.path.parent} shows them"
                )


def intact(path: Path, file: CopiedFile) -> bool:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


class CopyFolder:
    """The copies in one folder, all of one installation."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def copies(self) -> list[Copy]:
        """Those that are complete, the oldest first."""
        try:
            names = sorted(path.name for path in self.path.iterdir() if NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackendError(f"{self.path} cannot be read ({error.strerror}): run this as its owner") from None
        return [Copy(self.path / name) for name in names]

    def newest(self) -> Copy:
        """BackendError if there is none."""
        if found := self.copies():
            return found[-1]
        raise BackendError(
            f"there is no copy in {self.path}: run this on the machine that gets them, with the folder of [store] copies"
        )

    def refuse_others(self, installation: str) -> None:
        """BackendError if it has copies of another installation."""
        for copy in self.copies()[-1:]:
            owner = copy.manifest().installation
            if owner != installation:
                raise BackendError(
                    f"{self.path} holds copies of another installation (id {owner[:64]}): name another folder in [store] "
                    "copies"
                )

    def taken_over(self) -> dict[str, Any] | None:
        """Who has taken over from the machine that sends copies here: ``epoch``, ``at``, ``address``; None if nobody."""
        try:
            value = json.loads((self.path / TAKEN_OVER).read_bytes())
            return {"epoch": int(value["epoch"]), "at": str(value["at"]), "address": str(value["address"])}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            raise BackendError(f"{self.path / TAKEN_OVER} cannot be read: look at that disk") from None

    def refuse_superseded(self, epoch: int) -> None:
        """Superseded if another machine has taken over from the one whose epoch this is."""
        if (taken := self.taken_over()) is not None and taken["epoch"] > epoch:
            raise Superseded.by(taken["epoch"], taken["at"], taken["address"])

    def mark(self) -> tuple[object, ...]:
        """Changes with everything that arrives."""
        newest = self.copies()[-1:]
        files = sorted(self.path.glob(".copy-*.new/**/*"))
        return (
            *(copy.beat() for copy in newest),
            *((path.name, path.lstat().st_size) for path in files if path.exists()),
        )

    def take_over(self, epoch: int, at: datetime, address: str) -> None:
        value = {"epoch": epoch, "at": at.isoformat(timespec="seconds"), "address": address}
        write_whole(self.path / TAKEN_OVER, json.dumps(value) + "\n", 0o600)

    def prune(self, kept: int) -> None:
        """Removes drafts, files that a killed check left behind, and the oldest copies, so that ``kept`` are left."""
        for scratch in self.path.glob(f"{SCRATCH}*"):
            with suppress(OSError):
                if scratch.stat().st_mtime < time.time() - LEFT_OVER:
                    scratch.unlink()
        for draft in self.path.glob(".copy-*.new"):
            shutil.rmtree(draft, ignore_errors=True)
        for copy in self.copies()[:-kept]:
            gone = self.path / f".{copy.name}.new"
            with suppress(OSError):
                copy.path.rename(gone)  # half of a copy is never seen
                shutil.rmtree(gone, ignore_errors=True)

    def lock(self) -> int:
        """Makes this process the only receiver, ending an older one, whose sender is gone or has connected again."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(handle)
                    raise BackendError(f"another process writes copies to {self.path}: end it") from None
                with suppress(ValueError, OSError):
                    os.kill(int(os.pread(handle, 20, 0)), signal.SIGTERM)
                time.sleep(0.05)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        return handle


class CopyWriter:
    """Writes one copy into ``folder``: first the files, then ``seal`` and ``publish``, then changes for as long as it is the
    newest."""

    def __init__(self, folder: CopyFolder, at: datetime) -> None:
        full = f"copy-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        for copy in folder.copies()[-1:]:
            base, _, number = copy.name.partition("Z")
            if full <= copy.name:  # the newest is the last one, even if the clock was set back
                full = f"{base}Z-{int(number[1:] or 0) + 1:03}"
        self.draft, self._final = folder.path / f".{full}.new", folder.path / full
        self.draft.mkdir(mode=0o700)
        self._changes = os.fdopen(os.open(self.draft / CHANGES, os.O_WRONLY | os.O_CREAT, 0o600), "ab", buffering=0)
        self._folder = folder

    def create(self, name: str) -> BinaryIO:
        """The file ``name`` of the copy, to be written and closed."""
        path = Copy(self.draft).file(name)
        for folder in reversed(path.relative_to(self.draft).parents):
            (self.draft / folder).mkdir(mode=0o700, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")

    def seal(self, manifest: Manifest) -> Copy:
        """The complete draft, on disk, which may be checked now."""
        write_whole(self.draft / MANIFEST, json.dumps(manifest.to_json(), ensure_ascii=False) + "\n", 0o600)
        for path in self.draft.rglob("*"):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        return Copy(self.draft)

    def publish(self) -> Copy:
        """Gives the draft its name, in one step."""
        self.draft.rename(self._final)
        sync_folder(self._folder.path)
        return Copy(self._final)

    def append(self, generation: int, offset: int, data: bytes) -> None:
        self._changes.write(_RECORD.pack(_MAGIC, generation, offset, len(data), zlib.crc32(data)) + data)

    def beat(self, commits: int, at: datetime, clock_off: float) -> None:
        """What was appended is on disk, and makes ``commits``."""
        os.fsync(self._changes.fileno())
        value = {
            "commits": commits,
            "at": at.isoformat(),
            "heard_at": datetime.now(UTC).isoformat(),
            "boot_id": boot_id(),
            "boottime": time.clock_gettime(time.CLOCK_BOOTTIME),
            "clock_off": clock_off,
        }
        write_whole(self._final / BEAT, json.dumps(value) + "\n", 0o600, durable=False)

    def abandon(self) -> None:
        """Closes it.  Nothing of an unfinished copy stays."""
        self._changes.close()
        shutil.rmtree(self.draft, ignore_errors=True)
