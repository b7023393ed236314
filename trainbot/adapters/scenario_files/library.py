"""Loads the exercises of the [exercises] folder and the included ones, by slug.  A broken one never hides the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from trainbot.adapters.scenario_files import katacoda
from trainbot.adapters.scenario_files.reader import slug_of
from trainbot.core.errors import UserError
from trainbot.model.config import ExerciseConfig
from trainbot.model.exercise import Exercise, ExerciseLibrary, ExerciseProblem, Files
from trainbot.model.stand_in import placed

DEPTH = 3  # levels of folders between the library and an index
MAX_EXERCISES = 5000
MAX_FILES = 2000  # checked in one exercise to see whether it has changed

INSTRUQT = "track.yml"
INDEXES = (*katacoda.INDEXES, INSTRUQT)  # the first one found decides the format


class ExerciseFolder:
    """The exercises as they are now (trainbot.model.ports.Exercises).  The [exercises] folder may come and go; the included
    ones are read once.  ``images``: those that labs can be made from."""

    def __init__(self, config: ExerciseConfig, images: Collection[str]) -> None:
        self.config, self.images = config, images
        self._included = _load_included(config)
        self.library = _joined(_load_own(config), self._included, images)

    def get(self, slug: str | None) -> Exercise | None:
        return self.library.exercises.get(slug) if slug else None

    def reload(self) -> None:
        """Rereads exercises whose files have changed."""
        self.library = _joined(_load_own(self.config, self.library), self._included, self.images)


def load_exercises(config: ExerciseConfig, images: Collection[str]) -> ExerciseLibrary:
    """The exercises of the [exercises] folder, then the included ones whose names are not taken by them; each with one of
    these ``images``, if one fits."""
    return _joined(_load_own(config), _load_included(config), images)


def _load_own(config: ExerciseConfig, before: ExerciseLibrary | None = None) -> ExerciseLibrary:
    if not config.named and not config.folder.is_dir():
        return ExerciseLibrary(config.folder)
    return load_library(config.folder, before)


def _load_included(config: ExerciseConfig) -> Mapping[str, Exercise]:
    return load_library(config.included).exercises if config.included is not None else {}


def _joined(own: ExerciseLibrary, included: Mapping[str, Exercise], images: Collection[str]) -> ExerciseLibrary:
    """A broken exercise takes its folder's name too: the class is not given another one in its place."""
    taken = {*own.exercises, *(slug_of(folder.name) for folder, (_, found, _) in own.seen.items() if found is None)}
    added = {slug: exercise for slug, exercise in included.items() if slug not in taken}
    exercises = {slug: placed(exercise, images) for slug, exercise in {**own.exercises, **added}.items()}
    return replace(own, exercises=MappingProxyType(exercises), included=frozenset(added))


def load_library(folder: Path, before: ExerciseLibrary | None = None) -> ExerciseLibrary:
    """Loads everything below ``folder``.  With ``before``, only exercises whose files changed are read again, and one that is
    broken now stays as it was.  No content raises an exception; a missing folder is a problem in the result."""
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
            if exercise is None and old is not None:
                exercise = old[1]  # a class may be in it, and somebody is just typing
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


def named_exercise(words: str, configured: Callable[[], ExerciseLibrary]) -> Exercise:
    """The exercise in the folder ``words``, or the one of that name in the configured ones.  Raises UserError."""
    directory = Path(words)
    if "/" in words and directory.is_dir():
        library = load_library(directory)
        if len(library.exercises) == 1:
            return next(iter(library.exercises.values()))
        raise UserError(f"{words} contains {len(library.exercises) or 'no'} exercises; give the folder of a single one")
    return configured().find(words)


def _name(directory: Path, folder: Path) -> str:
    return folder.name if directory == folder else str(directory.relative_to(folder))


def _load(directory: Path, name: str) -> tuple[Exercise | None, list[ExerciseProblem]]:
    """Loads the exercise in the format of its index."""
    theirs = not any(os.path.lexists(directory / index) for index in katacoda.INDEXES)
    if not theirs:
        return katacoda.load(directory, name=name)
    from trainbot.adapters.scenario_files import instruqt  # with the first of these exercises

    return instruqt.load(directory, name=name)


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
