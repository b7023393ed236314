"""Findings of the doctor, one line each."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import Any

from trainbot.core.text import one_line

_LONGEST = 700  # characters of a line: some of it may come from a host


class Level(enum.StrEnum):
    """OK: fine.  NOTE: good to know, nothing is broken.  WRONG: fix this before a class."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


_MARKS = {Level.OK: "ok", Level.NOTE: "- ", Level.WRONG: "! "}


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` was found; ``why`` it matters to a class (a clause that continues it); ``mend``: the command or sentence
    that fixes it.  Both are '' if all is well."""

    subject: str
    level: Level
    what: str
    why: str = ""
    mend: str = ""

    @property
    def line(self) -> str:
        text = self.what + (f", {self.why}" if self.why else "") + (f": {self.mend}" if self.mend else "")
        return f"{_MARKS[self.level]} {self.subject}: {one_line(text, _LONGEST)}"

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "level": str(self.level),
            **{name: one_line(getattr(self, name), _LONGEST) for name in ("what", "why", "mend")},
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings about one subject."""

    subject: str

    def ok(self, what: str) -> Finding:
        return Finding(self.subject, Level.OK, what)

    def note(self, what: str, why: str = "", mend: str = "") -> Finding:
        return Finding(self.subject, Level.NOTE, what, why, mend)

    def wrong(self, what: str, why: str, mend: str) -> Finding:
        return Finding(self.subject, Level.WRONG, what, why, mend)

    def failed(self, what: str, error: Exception, why: str) -> Finding:
        """From one of our errors: its text says what is wrong and, after a colon, how to fix it."""
        said, colon, mend = str(error).partition(": ")
        if not colon:
            return self.wrong(f"{what} ({said})", why, "check it by hand")
        return self.wrong(f"{what} ({said})", why, mend)
