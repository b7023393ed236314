"""``trainbot restore COPY``: puts a whole installation where it belongs, on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.copies.folder import MANIFEST, Copy, CopyFolder
from trainbot.adapters.copies.sources import place
from trainbot.adapters.db.lock import lock_of
from trainbot.adapters.db.opening import accept
from trainbot.adapters.db.upkeep import settings_of
from trainbot.config import Config, load
from trainbot.core.errors import BackendError, ConfigError
from trainbot.core.files import draft_of, sync_folder
from trainbot.core.wording import span
from trainbot.model.copies import Manifest
from trainbot.model.database_url import database_path
from trainbot.ops.copies.rebuild import Rebuilt, fault_of, rebuild


@dataclass(frozen=True, slots=True)
class Restored:
    """``aside``: files that were there before, and are renamed now."""

    config: Config
    manifest: Manifest
    found: Rebuilt
    aside: tuple[Path, ...]


def restore(source: Path, ini: Path, *, replace: bool, say: Callable[[str], None]) -> int:
    copy = Copy(source) if (source / MANIFEST).exists() else CopyFolder(source).newest()
    done = put_back(copy, ini, replace=replace)
    beat = copy.beat()
    at = beat.at if beat is not None else done.manifest.made_at
    say(
        f"restored {copy.path} as of {at:%d %b %H:%M:%S} UTC: {done.found.commits} changes, {done.found.bytes / 2**20:.1f} MiB, checked"
    )
    for line in left_to_do(done):
        say(line)
    say(f"next: trainbot check -c {ini}, then trainbot run -c {ini}")
    return 0


def put_back(copy: Copy, ini: Path, *, replace: bool, address: str = "", epoch: int = 0) -> Restored:
    """Writes all files of ``copy`` and its database, or nothing.  ``ini``: where bot.ini goes; ``address``: for learners,
    instead of the copied one; ``epoch``: what is stored in the database, 0: as it was.

    BackendError, and nothing is changed, if the copy is torn or others can read it, if a trainbot runs here, if files are
    there already (without ``replace``), or belong to another installation."""
    copy.refuse_readable_by_others()
    copy.refuse_torn()
    manifest = copy.manifest()
    base = ini.parent
    targets = {place(file.name, base): copy.file(file.name) for file in manifest.files}
    original = _ini_of(copy, manifest)
    now = datetime.now(UTC)
    done: list[tuple[Path, Path | None]] = []  # new file or folder, and where the file before it is
    try:
        with ExitStack() as stack:
            stack.callback(_undo_unless, done)
            for target, source in sorted(targets.items()):
                where = ini if source == original else target
                content = source.read_bytes()
                if source == original and address:
                    content = with_address(content.decode("utf-8"), address).encode()
                _write(where, content, done, now, replace=replace)
            config = _loaded(ini)
            path = database_path(config.store.url)
            if path is None:
                raise BackendError("the copy's bot.ini keeps the database in memory: set a file in [store] url")
            _make_folder(path.parent, done)
            if not path.exists() and not (beside := path.with_name(f"{path.name}.lock")).exists():
                done.append((beside, None))
            lock = lock_of(config.store.url)
            stack.callback(os.close, lock)
            refuse_other(path, manifest)
            _make_folder(config.store.state, done, 0o700)
            config.store.state.chmod(0o700)
            _make_folder(config.schedule.folder, done)  # an empty one is not in a copy
            found = _database(copy, path, done, now, replace=replace, epoch=epoch)
            for name in ("superseded.json", "heartbeat.json"):
                (config.store.state / name).unlink(missing_ok=True)
            accept(config.store.url, config.store.state)
            aside = tuple(before for _new, before in done if before is not None)
            done.clear()
        return Restored(config, manifest, found, aside)
    except OSError as error:
        raise BackendError(
            f"nothing is restored: {error.filename or ini} cannot be written ({error.strerror}): run this as the user who will run "
            "trainbot, with enough space"
        ) from None


def _database(
    copy: Copy, path: Path, done: list[tuple[Path, Path | None]], now: datetime, *, replace: bool, epoch: int
) -> Rebuilt:
    with draft_of(path, 0o600) as draft:
        found = rebuild(copy, draft)
        if epoch:
            settings_of(draft, {"epoch": str(epoch)})
        before = _aside(path, now, replace=replace)
        done.append((path, before))
        for ending in ("-wal", "-shm"):  # of the database before: they would be taken for the new one's
            beside = path.with_name(path.name + ending)
            if beside.exists():
                aside = beside.with_name(f"{(before or path).name}{ending}" + ("" if before else ".before"))
                done.append((beside, aside))
                beside.rename(aside)
    return found


def _write(where: Path, content: bytes, done: list[tuple[Path, Path | None]], now: datetime, *, replace: bool) -> None:
    if where.exists() and where.read_bytes() == content:
        return
    _make_folder(where.parent, done)
    with draft_of(where, 0o600) as draft:
        draft.write_bytes(content)
        done.append((where, _aside(where, now, replace=replace)))


def _make_folder(folder: Path, done: list[tuple[Path, Path | None]], mode: int = 0o777) -> None:
    """And those above it that are missing."""
    done += [(each, None) for each in reversed((folder, *folder.parents)) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)


def _aside(path: Path, now: datetime, *, replace: bool) -> Path | None:
    """Renames a file that is there; returns its new name."""
    if not path.exists():
        return None
    if not replace:
        raise BackendError(f"nothing is restored: {path} is there already; with --replace it is renamed first")
    aside = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%S.%fZ}")
    path.rename(aside)
    return aside


def _undo_unless(done: Sequence[tuple[Path, Path | None]]) -> None:
    """Takes back what was written, the last first: with nothing left in ``done`` it has succeeded."""
    for path, before in reversed(done):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
            if before is not None:
                before.rename(path)
            sync_folder(path.parent)


def _ini_of(copy: Copy, manifest: Manifest) -> Path:
    """bot.ini in the copy: the first file that was written to it."""
    name = manifest.files[0].name if manifest.files else ""
    if not name.startswith("base/") or name.count("/") != 1:
        raise BackendError(f"{copy.path} is torn (it has no bot.ini): use another copy")
    return copy.file(name)


def _loaded(ini: Path) -> Config:
    try:
        return load(ini)
    except ConfigError as error:
        raise BackendError(
            f"nothing is restored, because bot.ini cannot be used here: {'; '.join(error.problems)}"
        ) from None


def refuse_other(path: Path, manifest: Manifest) -> None:
    """BackendError if the database that is there belongs to another installation."""
    owner = settings_of(path).get("owner", "") if path.exists() and path.stat().st_size else ""
    if owner and owner != manifest.installation:
        raise BackendError(
            f"nothing is restored: {path} belongs to another installation (id {owner[:64]}), the copy to {manifest.installation[:64]}: "
            "restore it to another folder"
        )


def with_address(text: str, address: str) -> str:
    """bot.ini with another public_address in [labs]; everything else, comments too, stays."""
    lines, section, found = text.splitlines(keepends=True), "", False
    for number, line in enumerate(lines):
        if header := re.match(r"\s*\[([^]]+)\]", line):
            section = header[1]
        elif section == "labs" and re.match(r"\s*public_address\s*[=:]", line):
            lines[number], found = f"public_address = {address} ; changed by trainbot takeover\n", True
    if found:
        return "".join(lines)
    new = f"public_address = {address} ; changed by trainbot takeover\n"
    for number, line in enumerate(lines):
        if re.match(r"\s*\[labs\]", line):
            return "".join([*lines[:number], line.rstrip("\n") + "\n", new, *lines[number + 1 :]])
    return f"{text.rstrip()}\n\n[labs]\n{new}"


def left_to_do(done: Restored) -> list[str]:
    """What a copy does not bring along."""
    lines = [f"before it there was {path}" for path in done.aside]
    lines += [
        f"! set the environment variable {name}, which bot.ini reads"
        for name in done.manifest.environment
        if name not in os.environ
    ]
    lines += [
        f"! the image {image.name} is not here: copy its folder from the first machine or a backup (rsync -aS), to {image.folder}"
        for image in done.config.images
        if not (image.folder / "image.json").exists()
    ]
    return lines


def listed(folder: Path, say: Callable[[str], None]) -> int:
    """Prints a line for each copy in ``folder``; exit code 1 if one is torn."""
    code = 0
    copies = CopyFolder(folder).copies()
    for copy in copies:
        if fault := fault_of(copy):
            say(f"!  {copy.name}: {fault}")
            code = 1
            continue
        manifest, beat = copy.manifest(), copy.beat()
        at = beat.at if beat is not None else manifest.made_at
        took = span(at - manifest.made_at)
        say(
            f"ok {copy.name}: {manifest.program}, made {manifest.made_at:%d %b %H:%M} UTC, followed for {took}, until {at:%d %b %H:%M:%S} UTC"
        )
    if not copies:
        say(f"there is no copy in {folder}")
    return code
