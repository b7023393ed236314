"""What ``trainbot init`` writes: bot.ini, a password, folders.  Nothing that exists is changed, with one exception: the
bot.ini that the Debian package installed, as long as nobody has edited it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from trainbot import shipped
from trainbot.config import Config
from trainbot.core.errors import ConfigError
from trainbot.core.files import draft_of, write_whole

PASSWORD = Path("secrets/irc")


@dataclass(frozen=True, slots=True)
class Place:
    """Where bot.ini goes.  ``template``: what is filled in; ``like``: the file that it replaces, whose owner and mode it
    gets."""

    path: Path
    template: str
    like: os.stat_result | None = None

    @property
    def password(self) -> Path:
        return self.path.parent / PASSWORD


def place_for(path: Path) -> Place:
    """ConfigError if there is a file that must not be overwritten, or no folder that can be written to."""
    try:
        if not path.exists() and not path.is_symlink():
            return Place(path, shipped.bot_ini())
        if (packaged := shipped.packaged_bot_ini()) and path.read_text(encoding="utf-8") == packaged:
            if not os.access(path.parent, os.W_OK):
                raise ConfigError(f"{path.parent} belongs to root: run trainbot init as root")
            return Place(path, packaged, path.stat())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None
    raise ConfigError(f"{path} exists, and is not changed: edit it, or name another file with -c FILE")


def write_password(place: Place, password: str) -> None:
    """ConfigError if there is one already."""
    if place.password.exists():
        raise ConfigError(f"{place.password} exists, and is not changed: use it with --password-file {place.password}")
    if place.like is None:
        place.password.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place.password, password + "\n", 0o600)
        return
    group = place.like.st_gid  # the bot's: it may read, only root may write
    place.password.parent.mkdir(mode=0o750, exist_ok=True)
    os.chown(place.password.parent, -1, group)
    with draft_of(place.password, 0o640) as draft:
        os.chown(draft, -1, group)
        draft.write_text(password + "\n", encoding="utf-8")


def write_ini(place: Place, text: str) -> None:
    """Mode 0600: it may get passwords."""
    place.path.parent.mkdir(parents=True, exist_ok=True)
    if place.like is None:
        write_whole(place.path, text, 0o600)
        return
    with draft_of(place.path, 0o600) as draft:
        draft.write_text(text, encoding="utf-8")
        os.chown(draft, place.like.st_uid, place.like.st_gid)
        draft.chmod(stat.S_IMODE(place.like.st_mode))


def make_folders(config: Config) -> list[Path]:
    """The folders that bot.ini names; returns those that were made."""
    made = []
    for folder, mode in (
        (config.exercises.folder, 0o755),
        (config.schedule.folder, 0o755),
        (config.records.folder, 0o755),
        (config.store.state, 0o700),
    ):
        if not folder.exists():
            folder.mkdir(mode=mode, parents=True)
            made.append(folder)
    return made
