"""Loads all exercises below one folder, by slug.  A broken one never hides the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from trainbot.adapters.scenario_files import instruqt, katacoda
from trainbot.adapters.scenario_files.reader import slug_of
from trainbot.core.errors import UserError
from trainbot.model.exercise import Exercise, ExerciseLibrary, ExerciseProblem, Files

DEPTH = 3  # levels of folders between the library and an index
MAX_EXERCISES = 5000
MAX_FILES = 2000  # checked in one exercise to see whether it has changed

INDEXES = (*katacoda.INDEXES, instruqt.INDEX)  # the first one found decides the format


class ExerciseFolder:
    """The current content of the [exercises] folder (trainbot.model.ports.Exercises)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.library = load_library(path)

    def get(self, slug: str | None) -> Exercise | None:
        return self.library.exercises.get(slug) if slug else None

    def reload(self) -> None:
        """Rereads exercises whose files have changed."""
        self.library = load_library(self.path, self.library)


def load_library(folder: Path, before: ExerciseLibrary | None = None) -> ExerciseLibrary:
    """Loads everything below ``folder``.  With ``before``, only exercises whose files changed are read again.  No
    content raises an exception; a missing folder is a problem in the result."""
    folder = Path(folder)
    if not folder.is_dir():
        return ExerciseLibrary(folder, problems=(ExerciseProblem(str(folder), "", "there is no such folder"),))
    seen: dict[Path, tuple[Files, Exercise | None, tuple[ExerciseProblem, ...]]] = {}
    exercises: dict[str, Exercise] = {}
    problems: list[ExerciseProblem] = []
    for directory in _directories(folder):
        files = _fingerprint(directory)
        old = before.seen.get(directory) if before else None
        if old is None or old[0] != files:
            exercise, faults = _load(directory, _name(directory, folder))
            old = (files, exercise, tuple(faults))
        seen[directory] = old
        _, exercise, found = old
        problems.extend(found)
        if exercise and exercise.slug in exercises:
            name = _name(directory, folder)
            exercise = replace(exercise, slug=slug_of(name))
            text = f"another exercise already has that name; this one is called {exercise.slug}"
            problems.append(ExerciseProblem(name, "", text, serious=False))
        if exercise:
            exercises.setdefault(exercise.slug, exercise)
    return ExerciseLibrary(folder, MappingProxyType(exercises), tuple(problems), seen)


def named_exercise(words: str, folder: Callable[[], Path]) -> Exercise:
    """The exercise in the folder ``words``, or the one of that name in the library ``folder()``.  Raises UserError."""
    directory = Path(words)
    if "/" in words and directory.is_dir():
        library = load_library(directory)
        if len(library.exercises) == 1:
            return next(iter(library.exercises.values()))
        raise UserError(f"{words} contains {len(library.exercises) or 'no'} exercises; give the folder of a single one")
    return load_library(folder()).find(words)


def _name(directory: Path, folder: Path) -> str:
    return folder.name if directory == folder else str(directory.relative_to(folder))


def _load(directory: Path, name: str) -> tuple[Exercise | None, list[ExerciseProblem]]:
    """Loads the exercise in the format of its index."""
    theirs = not any(os.path.lexists(directory / index) for index in katacoda.INDEXES)
    load = instruqt.load if theirs else katacoda.load
    return load(directory, name=name)


def _directories(folder: Path) -> list[Path]:
    """The folders with an index, sorted.  Links to folders are not followed; nothing below a folder with an index is
    searched."""
    directories = []
    for path, folders, files in os.walk(folder):
        if any(index in files for index in INDEXES):
            directories.append(Path(path))
            folders.clear()
        depth = len(Path(path).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < DEPTH else []
        if len(directories) >= MAX_EXERCISES:
            break
    return sorted(directories)


def _fingerprint(directory: Path) -> Files:
    found: list[tuple[str, int, int]] = []
    for path, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files):
            if len(found) >= MAX_FILES:
                return tuple(found)
            full = os.path.join(path, name)
            try:
                state = os.stat(full)
            except OSError:
                continue
            found.append((full, state.st_mtime_ns, state.st_size))
    return tuple(found)
