"""Takes archives of people's files from labs, and puts them back, through the gateway.

People are root in their labs, so whatever comes out of one is bytes, of a bounded number, in bounded time: they are never
unpacked here.  The lab's own tar makes an archive and unpacks it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.core.files import sync_folder
from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.gateway.rpc.gateway_client import CommandResult, GatewayAway, GatewayClient, GatewayRefused
from trainbot.model.kept_files import DeleteKept, FilesKept, FilesRestored, KeepFiles, RestoreFiles, number_of
from trainbot.model.lab_events import LabRoute

log = logging.getLogger(__name__)
READ = 1_450_000  # bytes in one answer of the gateway: in base64 they are less than it takes
WRITE = 512 << 10  # bytes in one request to it
PACKING = 180  # seconds for tar in the lab
LOGIN = 60.0  # seconds on top
RESERVE = 256 << 20  # bytes that stay free on our disk: the database needs them
UNREACHABLE = ("silent", "door")  # reasons for which a later try may succeed

# Where the archive is in the lab meanwhile: in memory if possible, since its disk may be full.
_PLACE = (
    'umask 077; cd || exit 70; f=; for d in /run /dev/shm "$HOME"; do if [ -d "$d/.trainbot-kept-{id}" ]; then '
    'f="$d/.trainbot-kept-{id}"; break; fi; done; '
    'if [ -z "$f" ]; then for d in /run /dev/shm "$HOME"; do f="$d/.trainbot-kept-{id}"; mkdir "$f" 2>/dev/null && break; '
    "done; fi; "
)
#: The keys that let us in belong to the lab, and what we leave in a home directory to us.
_LEFT_OUT = "--exclude=./.ssh/authorized_keys --exclude='./.trainbot-*'"
_PACK = (
    _PLACE + 'command -v tar >/dev/null && command -v gzip >/dev/null || exit 71; rm -f "$f"/*; '
    "{{ timeout -k 5 {packing} tar --create --file=- --sparse --one-file-system --numeric-owner "
    + _LEFT_OUT
    + ' . 2>"$f/e"; echo $? >"$f/c"; }} | gzip -c | head -c {most} >"$f/a" || exit 72; '
    'echo "$(cat "$f/c") $(wc -c <"$f/a")"; tail -c 300 "$f/e" >&2'
)
_TEST = _PLACE + 'gzip -t <"$f/a"'
_READ = _PLACE + 'tail -c +{first} "$f/a" | head -c {most} | base64'
_WRITE = _PLACE + 'base64 -d {how} "$f/a"'
_UNPACK = (
    _PLACE + '[ "$(sha256sum <"$f/a" | cut -c1-64)" = {digest} ] || exit 73; '
    "timeout -k 5 {packing} tar --extract --gzip --sparse --preserve-permissions --numeric-owner --no-overwrite-dir "
    + _LEFT_OUT
    + ' --file="$f/a" 2>"$f/e"; c=$?; tail -c 300 "$f/e" >&2; '
    "command -v restorecon >/dev/null && restorecon -R . >/dev/null 2>&1; exit $c"
)
_CLEAN = _PLACE + 'rm -rf "$f"'
_PACKED = re.compile(r"\s*([0-9]{1,3})\s+([0-9]{1,15})\s*")
EXPIRED, BROKEN_PIPE = (124, 137), 141  # timeout(1); tar, when no more of its output is taken
SAID = {
    70: "there is no home directory in the lab",
    71: "there is no tar and gzip in the lab",
    72: "there is no room for the archive in the lab's memory and on its disk",
    73: "it did not arrive there whole",
}


class _Failed(Exception):
    """It did not work; the text is a clause for people."""


class FileKeeper:
    """``folder``: where archives are, 0700; ``post`` gets one event for each request to keep or restore, unless this is
    closed first."""

    def __init__(self, gateway: GatewayClient, folder: Path, post: Callable[[FilesKept | FilesRestored], None]) -> None:
        self._gateway, self._folder, self._post = gateway, folder, post
        self._tasks = Tasks()

    def begin(self, wanted: KeepFiles | RestoreFiles | DeleteKept) -> None:
        match wanted:
            case KeepFiles():
                self._tasks.start(self._keep(wanted), f"keeping files {wanted.kept}")
            case RestoreFiles():
                self._tasks.start(self._restore(wanted), f"restoring files {wanted.kept}")
            case DeleteKept():
                self._tasks.start(asyncio.to_thread(delete_but, self._folder, wanted.but), "deleting kept files")

    async def close(self) -> None:
        await self._tasks.close()

    # -- keep ------------------------------------------------------------------------------------------

    async def _keep(self, wanted: KeepFiles) -> None:
        error, again = await self._ended(wanted.kept, wanted.way, self._kept(wanted))
        if error:
            self._post(FilesKept(wanted.kept, error=error, again=again))

    async def _kept(self, wanted: KeepFiles) -> None:
        lab = _InLab(self._gateway, wanted.way, wanted.kept)
        size, note = await self._pack(lab, wanted.most)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size + RESERVE:
            raise _Failed("there is no disk space left for it on the bot's machine")
        draft = self._folder / f".{wanted.kept}.new"
        digest = hashlib.sha256()
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                for at in range(0, size, READ):
                    part = await self._part(lab, at, min(READ, size - at))
                    digest.update(part)
                    await asyncio.to_thread(file.write, part)
                await asyncio.to_thread(_to_disk, file.fileno(), file.flush)
            path = self._folder / f"{wanted.kept}-{digest.hexdigest()[:16]}.tar.gz"
            draft.replace(path)
            sync_folder(self._folder)
        except OSError as problem:
            full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
            log.error("archive %d cannot be written: %s", wanted.kept, problem)
            raise _Failed(
                "there is no disk space left for it on the bot's machine" if full else "the bot can't write it"
            ) from None
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        await lab.clean()
        self._post(FilesKept(wanted.kept, size, digest.hexdigest(), note=note))

    async def _pack(self, lab: _InLab, most: int) -> tuple[int, str]:
        """The archive is made in the lab: its size, and what was left out."""
        ran = await lab.run(_PACK, PACKING, packing=PACKING, most=most + 1)
        found = _PACKED.fullmatch(ran.stdout)
        if ran.exit != 0 or found is None:
            raise _Failed(SAID.get(ran.exit, _words(ran, "the lab did not make an archive")))
        code, size = int(found[1]), int(found[2])
        if size > most:
            raise _Failed(f"packed they are larger than {most >> 20} MiB; delete what you don't need, or use scp")
        if code in EXPIRED:
            raise _Failed(f"packing them took longer than {PACKING} s; delete what you don't need, or use scp")
        if code not in (0, 1) or size == 0:
            raise _Failed(_words(ran, "tar failed in the lab"))
        if (await lab.run(_TEST, PACKING)).exit != 0:
            raise _Failed(SAID[72])
        return size, "some files changed meanwhile" if code == 1 else ""

    async def _part(self, lab: _InLab, at: int, length: int) -> bytes:
        ran = await lab.run(_READ, 0, first=at + 1, most=length)
        try:
            part = base64.b64decode("".join(ran.stdout.split()), validate=True)
        except (binascii.Error, ValueError):
            part = b""
        if len(part) != length:
            raise _Failed("the lab sent something else than the archive")
        return part

    # -- restore ---------------------------------------------------------------------------------------

    async def _restore(self, wanted: RestoreFiles) -> None:
        error, again = await self._ended(wanted.kept, wanted.way, self._restored(wanted))
        self._post(FilesRestored(wanted.kept, error, again))

    async def _restored(self, wanted: RestoreFiles) -> None:
        path = self._folder / wanted.name
        try:
            if await asyncio.to_thread(_digest, path) != wanted.digest:
                raise _Failed("its file on the bot's machine is damaged")
            with path.open("rb") as file:
                lab = _InLab(self._gateway, wanted.way, wanted.kept)
                how = ">"
                while part := await asyncio.to_thread(file.read, WRITE):
                    ran = await lab.run(_WRITE, 0, stdin=base64.b64encode(part).decode(), how=how)
                    if ran.exit != 0:
                        raise _Failed(SAID[72])
                    how = ">>"
        except OSError as problem:
            log.error("archive %d cannot be read: %s", wanted.kept, problem)
            raise _Failed("its file on the bot's machine can't be read") from None
        ran = await lab.run(_UNPACK, PACKING, digest=wanted.digest, packing=PACKING)
        if ran.exit != 0:
            late = f"unpacking took longer than {PACKING} s"
            raise _Failed(SAID.get(ran.exit, late if ran.exit in EXPIRED else _words(ran, "tar failed in the lab")))
        await lab.clean()

    # -- both ------------------------------------------------------------------------------------------

    async def _ended(self, kept: int, way: LabRoute, work: Coroutine[Any, Any, None]) -> tuple[str, bool]:
        """(why it failed, '' if it did not; whether a later try may succeed).  What it left in the lab is removed."""
        error, again = "", False
        try:
            await work
        except _Failed as problem:
            error = str(problem)
        except GatewayAway as problem:
            error, again = str(problem), True
        except GatewayRefused as problem:
            log.info("archive %d: %s", kept, problem)
            error, again = "the lab could not be reached", problem.reason in UNREACHABLE
        except Exception:  # whatever it was: a row that is never finished would block its lab
            log.exception("archive %d failed", kept)
            error = "something went wrong on my side"
        if error and not again:
            await _InLab(self._gateway, way, kept).clean()
        return error, again


class _InLab:
    """Commands about one archive in one lab."""

    def __init__(self, gateway: GatewayClient, way: LabRoute, kept: int) -> None:
        self._gateway, self._way, self._kept = gateway, way, kept

    async def run(self, command: str, seconds: float, *, stdin: str = "", **values: object) -> CommandResult:
        way = self._way
        return await self._gateway.login(
            (way.address, way.port),
            way.via,
            user=way.user,
            host_key=way.host_key,
            command=command.format(id=self._kept, **values),
            stdin=stdin,
            timeout=seconds + LOGIN,
            limit=2 << 20,
        )

    async def clean(self) -> None:
        with suppress(BackendError):
            await self.run(_CLEAN, 0)


def _words(ran: CommandResult, otherwise: str) -> str:
    """The lab's last words on one line, or ours."""
    lines = [line for line in ran.stderr.splitlines() if line.strip() and "Exiting with failure" not in line]
    return f"{otherwise}: {one_line(lines[-1], 160)}" if lines else otherwise


def _to_disk(handle: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def delete_but(folder: Path, kept: Collection[int]) -> None:
    """Deletes the files of all archives but these."""
    for path in folder.iterdir() if folder.is_dir() else ():
        number = number_of(path.name)
        if number is not None and number not in kept:
            with suppress(OSError):
                path.unlink()
