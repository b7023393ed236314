"""Copies of the whole installation: where they go, and what each says about itself."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

FORMAT = 1
NAME = re.compile(r"copy-[0-9]{8}T[0-9]{6}Z(-[0-9]{3})?")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}@(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)")


@dataclass(frozen=True, slots=True)
class Destination:
    """``account``: USER@HOST of ssh, '' for this machine; ``folder``: on that machine."""

    account: str
    folder: str

    def __str__(self) -> str:
        return f"{self.account}:{self.folder}" if self.account else self.folder


def parse_destination(text: str) -> Destination:
    """``FOLDER`` or ``user@host:FOLDER``; ValueError otherwise.  A folder on another machine is absolute, or relative to
    that account's home."""
    if not text.isprintable():
        raise ValueError("contains control characters")
    before, colon, folder = text.partition(":/") if ":/" in text else ("", "", text)
    if colon:
        folder = f"/{folder}"
    elif found := re.fullmatch(rf"({_ACCOUNT.pattern}):(.+)", text):
        before, folder = found[1], found[2]
    if not (before or colon):
        if "@" in text.partition("/")[0]:
            raise ValueError(f'"{text}" is not user@host:FOLDER: use for example trainbot@second.example.org:copies')
        return Destination("", text)
    if not _ACCOUNT.fullmatch(before) or folder.startswith("-"):
        raise ValueError(f'"{text}" is not user@host:FOLDER: use for example trainbot@second.example.org:copies')
    return Destination(before, folder)


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """``name``: ``base/…`` relative to the folder of bot.ini, or ``root/…`` relative to /; ``sha256`` in hex."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``program``: version and digest of the trainbot that made it; ``schema``: of the database; ``installation``: its id
    on hosts; ``epoch``: how often another machine has taken over; ``commits``: of the database file; ``environment``: the
    variables that bot.ini names, whose values are not copied."""

    program: str
    schema: str
    installation: str
    epoch: int
    made_at: datetime
    commits: int
    database: CopiedFile
    files: tuple[CopiedFile, ...]
    environment: tuple[str, ...] = ()
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "made_at": self.made_at.isoformat()}

    @classmethod
    def from_json(cls, value: Any) -> Manifest:
        """ValueError if it is none, or of a newer format."""
        try:
            if int(value["format"]) > FORMAT:
                raise ValueError("newer")
            made_at = datetime.fromisoformat(value["made_at"])
            if made_at.tzinfo is None:
                raise ValueError("no time zone")
            return cls(
                program=str(value["program"]),
                schema=str(value["schema"]),
                installation=str(value["installation"]),
                epoch=int(value["epoch"]),
                made_at=made_at,
                commits=int(value["commits"]),
                database=_file(value["database"]),
                files=tuple(_file(file) for file in value["files"]),
                environment=tuple(str(name) for name in value["environment"]),
            )
        except (KeyError, TypeError, OverflowError, AttributeError) as error:
            raise ValueError(f"not a manifest: {error!r}") from None


def _file(value: Any) -> CopiedFile:
    name = str(value["name"])
    if not safe(name):
        raise ValueError(f"not a file of a copy: {name!r}")
    return CopiedFile(name, int(value["bytes"]), str(value["sha256"]))


def safe(name: str) -> bool:
    """Whether ``name`` can only be a file of a copy: below one of its two folders, or the database."""
    parts = name.split("/")
    fine = all(part not in ("", ".", "..") and "\0" not in part and part.isprintable() for part in parts)
    return fine and (name == "trainbot.db" or (len(parts) > 1 and parts[0] in ("base", "root"))) and len(name) < 1000


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """Of the copies that the running bot makes.  ``name``: of the latest; ``made_at``: when it was complete and checked;
    ``kept_at``: when what the database had at that moment was safe there; ``commits``: how many transactions that were;
    ``behind``: how many have come since; ``trouble``: why there is none, or why it falls behind; '' if all is well."""

    where: str
    name: str = ""
    made_at: datetime | None = None
    kept_at: datetime | None = None
    commits: int = 0
    behind: int = 0
    trouble: str = ""
