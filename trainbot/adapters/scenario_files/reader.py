"""Reads single values of an exercise in any format, and collects their problems."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

from trainbot.adapters.scenario_files.folder import SCRIPT_LIMIT, FileMissing, FileRefused, read_text
from trainbot.core.text import many_lines, one_line
from trainbot.model.exercise import ExerciseProblem, Script

Table = dict[str, Any]  # as in the file: every value is checked before it is used
Default = TypeVar("Default", int, None)


def slug_of(name: str) -> str:
    """``name`` as it can be typed in a command: lower-case letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "exercise"


class ExerciseReading:
    """Reads one exercise.  ``name``: the folder's name in problems; ``index``: the file being read."""

    def __init__(self, folder: Path, name: str, index: str) -> None:
        self.folder, self.name, self.index = folder, name, index
        self.problems: list[ExerciseProblem] = []

    def fault(self, where: str, text: str, serious: bool = True, file: str = "") -> None:
        self.problems.append(ExerciseProblem(f"{self.name}/{file or self.index}", where, text, serious))

    def refused(self, refused: FileRefused, serious: bool = True, file: str = "", after: int = 0) -> None:
        """Records a refused file, or a part of it that cannot be parsed.  ``after``: number of lines before the part
        that was read."""
        found = re.match(r"line (\d+): ", str(refused))
        where = f"line {int(found[1]) + after}" if found else ""
        self.fault(where, str(refused)[found.end() if found else 0 :], serious, file)

    def table(self, data: Table, key: str, at: str) -> Table:
        value = data.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        self.fault(at + key, "is not a mapping of keys to values")
        return {}

    def line(self, data: Table, key: str, at: str, limit: int = 200) -> str:
        value = data.get(key)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return one_line(str(value), limit) if isinstance(value, str) else f"{value:.10g}"
        if value is not None:
            self.fault(at + key, "is not a string")
        return ""

    def yes(self, data: Table, key: str, at: str = "") -> bool:
        value = data.get(key, False)
        if not isinstance(value, bool):
            self.fault(at + key, "is neither true nor false")
        return value is True

    def number(self, data: Table, key: str, at: str, default: Default, low: int, high: int) -> int | Default:
        value = data.get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.fault(at + key, f"is not a whole number from {low} to {high}")
        return default

    def text(self, data: Table, key: str, at: str) -> str:
        """Markdown: the file that ``key`` names, or the value itself if it can't be a file name."""
        value = data.get(key)
        if value is None or value == "":
            return ""
        if not isinstance(value, str):
            self.fault(at + key, "is not a string")
            return ""
        if not re.search(r"\.(md|markdown|txt|html?|sh)$", value.strip(), re.IGNORECASE) and re.search(
            r"\s", value.strip()
        ):
            return many_lines(value).strip("\n")
        try:
            return read_text(self.folder, value.strip()).strip("\n")
        except FileMissing as missing:
            self.fault(at + key, str(missing), serious=False)
        except FileRefused as refused:
            self.fault(at + key, str(refused))
        return ""

    def script(self, data: Table, key: str, at: str) -> Script | None:
        """The script in the file that ``key`` names, or the value itself (if it has more than one word and no such file
        exists)."""
        value = data.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self.fault(at + key, "is neither a file name nor a script")
            return None
        value = many_lines(value).strip()
        inline = value.startswith("#!") or "\n" in value
        if not inline:
            try:
                return Script(value, read_text(self.folder, value, SCRIPT_LIMIT))
            except FileMissing as missing:
                inline = bool(re.search(r"\s", value))
                if not inline:
                    self.fault(at + key, str(missing))
            except FileRefused as refused:
                self.fault(at + key, str(refused))
        return Script(self.index + ":" + at + key, value + "\n") if inline else None

    def spelling(self, data: Table, known: set[str], at: str) -> None:
        """Reports keys that look like misspelt ones of ours; ignores other unknown keys."""
        for key in data:
            if isinstance(key, str) and key not in known and len(key) < 40:
                for near in difflib.get_close_matches(key, known - data.keys(), 1, 0.85):
                    self.fault(at + one_line(key), f"is not a known key; did you mean {near}?", serious=False)
