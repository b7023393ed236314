"""Writes files atomically, complete or not at all; and looks for a folder that exists."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEFT_OVER = 24 * 3600  # seconds after which a draft counts as abandoned


def write_whole(path: Path, content: str | bytes, mode: int = 0o666, *, durable: bool = True) -> None:
    """Writes ``content`` (text as UTF-8) to ``path``, or leaves it as it was; creates folders.  OSError if it can't
    be written.  ``mode`` and ``durable`` as with ``draft_of``."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft_of(path, mode, durable=durable) as draft:
        draft.write_bytes(data)


@contextmanager
def draft_of(path: Path, mode: int = 0o666, *, durable: bool = True) -> Iterator[Path]:
    """An empty file next to ``path`` with a unique name.  After the block has filled it, it replaces ``path``
    in one step (POSIX rename(2)); if the block raises, it is removed and ``path`` stays as it was.

    ``mode``: of the file, minus the umask.  ``durable``: content and name survive a power cut (fsync(2) of the file and
    of its folder); without it, a power cut may leave an empty file.
    """
    with _draft(path, mode) as draft:
        yield draft
        if durable:
            _sync(draft)
        os.replace(draft, path)
        if durable:
            sync_folder(path.parent)


def make_once(path: Path, content: bytes) -> bytes:
    """The content of ``path``, created with ``content`` if missing (mode 0600; folders 0700).

    Created atomically: if two processes create it at once, both get what the first one wrote.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path, 0o600) as draft:
        draft.write_bytes(content)
        _sync(draft)
        try:
            os.link(draft, path)  # unlike rename, fails if the name is taken
        except FileExistsError:
            return path.read_bytes()
        sync_folder(path.parent)
    return content


def drafts_of(path: Path) -> list[Path]:
    """The drafts of ``path``, of running or killed writers."""
    return list(path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}.new"))


def sync_folder(folder: Path) -> None:
    """Makes the names in ``folder`` survive a power cut, if its file system supports that."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise


@contextmanager
def _draft(path: Path, mode: int) -> Iterator[Path]:
    for older in drafts_of(path):
        with suppress(OSError):
            if older.stat().st_mtime < time.time() - LEFT_OVER:
                older.unlink()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def nearest_existing(path: Path) -> Path:
    """``path``, or the nearest folder above it that exists."""
    return next((each for each in (path, *path.parents) if each.exists()), path)
