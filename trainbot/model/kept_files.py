"""Archives of people's own files, taken from labs and put back into them: rows, requests to the worker, and its results.

What is in an archive is the lab's: the bot keeps its bytes and never looks into it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from trainbot.model.lab_events import LabRoute

FOLDER = "kept"  # in the state folder


class KeptState(enum.StrEnum):
    """What is being done with an archive."""

    KEEPING = "keeping"  # it is being taken from the lab
    KEPT = "kept"
    RESTORING = "restoring"  # it is being put into the lab


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One archive.  ``lab_id``: the lab that it is taken from, or put into; ``size`` in bytes and ``digest`` (SHA-256,
    hex): 0 and '' until it is complete; ``due_at``: the earliest time of the next try; ``tries``: how often the lab
    could not be reached."""

    id: int
    person_id: int
    image: str
    state: KeptState
    lab_id: str
    size: int
    digest: str
    made_at: datetime
    expires_at: datetime
    due_at: datetime
    tries: int = 0

    @property
    def name(self) -> str:
        """Of its file.  Another archive with this number, after an older database was restored, has another name."""
        return f"{self.id}-{self.digest[:16]}.tar.gz"


def number_of(name: str) -> int | None:
    """The id of the archive whose file has this name; None if it is no archive's."""
    number, dash, _rest = name.partition("-")
    return int(number) if dash and number.isascii() and number.isdigit() and len(number) < 19 else None


@dataclass(frozen=True, slots=True)
class KeepFiles:
    """A request to take an archive of at most ``most`` bytes from a lab, and to report FilesKept."""

    kept: int
    host: str
    way: LabRoute
    most: int


@dataclass(frozen=True, slots=True)
class RestoreFiles:
    """A request to put the archive in the file ``name`` into a lab, and to report FilesRestored."""

    kept: int
    host: str
    way: LabRoute
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class DeleteKept:
    """A request to delete the files of all archives but these."""

    but: frozenset[int]


@dataclass(frozen=True, slots=True)
class FilesKept:
    """How it ended.  ``error``: '' or one clause; ``again``: the lab could not be reached, and a later try may succeed;
    ``note``: what was left out."""

    kept: int
    size: int = 0
    digest: str = ""
    error: str = ""
    again: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class FilesRestored:
    """The same, of a restore."""

    kept: int
    error: str = ""
    again: bool = False
