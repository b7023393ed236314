"""Watches the files of exercises and schedules while the bot runs: rereads what has changed, and tells staff at once if
something that is planned or running is gone or broken."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from trainbot.adapters.db import Store
from trainbot.adapters.scenario_files.library import ExerciseFolder
from trainbot.core.hooks import Feature, Hook, OnTick
from trainbot.features.people.registry import Registry
from trainbot.features.sessions.feature import Sessions
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.exercise import ExerciseLibrary
from trainbot.model.session import Session

log = logging.getLogger(__name__)
FILES_EVERY = 8  # ticks between two checks
NEWS = timedelta(days=1)  # after which it is pointless to tell somebody


class FilesWatch(Feature):
    def __init__(self, store: Store, exercises: ExerciseFolder, people: Registry, sessions: Sessions) -> None:
        self.store, self.exercises, self.people, self.sessions = store, exercises, people, sessions
        self._ticks = 0
        self._logged: frozenset[str] = frozenset()  # the faults that there are
        self._told: frozenset[str] = frozenset()  # those of them that staff know of

    def hooks(self) -> Sequence[Hook]:
        return (OnTick(self._look),)

    def _look(self, now: datetime) -> None:
        if self._ticks % FILES_EVERY == 0:
            self.exercises.reload()
            self._tell(now)
        self._ticks += 1

    def _tell(self, now: datetime) -> None:
        """Tells the staff who are there of each fault, once for as long as it lasts."""
        faults = frozenset(self.faults(now))
        for fault in sorted(faults - self._logged):
            log.warning("%s", fault)
        self._logged, self._told = faults, self._told & faults
        news = sorted(faults - self._told)
        there = self.people.staff(None, now) if news else []
        for person in there:
            for fault in news:
                key = f"files {person.id} {now:%Y-%m-%d %H} {fault}"
                self.store.notices.tell(now, fault, person_id=person.id, key=key, not_after=now + NEWS)
        if there:
            self._told = faults

    def faults(self, now: datetime) -> Iterator[str]:
        book, reader = self.sessions.session_store, self.sessions.reader
        yield from exercise_faults(self.exercises.library, wanted_exercises(self.store, book, now))
        coming = from_files(book, now)
        files = {name for name, _mtime, _size in reader.schedules.stamps()}
        broken = {problem.file: problem for problem in reversed(reader.problems)}
        told = set()
        for origin in sorted({session.origin for session in coming}):
            titles = _titles(session for session in coming if session.origin == origin)
            if origin in broken:
                told.add(origin)
                yield f"schedule {broken[origin]}. I go by what I read there before ({titles}): correct the file"
            elif origin not in files and (files or not reader.problems):
                yield f"the schedule {origin} is gone, so what it had is cancelled ({titles}): put it back if that is wrong"
        for problem in reader.problems if not files else ():
            if problem.file in told:
                continue
            yield f"schedule {problem}. Until then nothing that is planned changes"


def from_files(book: SessionStore, now: datetime) -> list[Session]:
    """The sessions to come that stand in schedules; those that are cancelled too."""
    return [session for session in book.known(now) if session.start > now and not session.made_here]


def wanted_exercises(store: Store, book: SessionStore, now: datetime) -> list[tuple[str, str]]:
    """(slug, what needs it) of all that runs or is planned."""
    running = [(run.exercise, f"the class that runs in {run.channel}") for run in store.classes.running()]
    planned = [(session.exercise, f"the session {session.title}") for session in book.upcoming(now) if session.exercise]
    return [*running, *planned]


def exercise_faults(library: ExerciseLibrary, wanted: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with exercises that something needs, one sentence each."""
    needed: dict[str, list[str]] = {}
    for slug, what in wanted:
        if slug and what not in needed.setdefault(slug, []):
            needed[slug].append(what)
    for slug, needs in needed.items():
        exercise = library.exercises.get(slug)
        folder = exercise.folder.name if exercise is not None else slug
        why = [
            str(problem)
            for problem in library.problems
            if Path(problem.file).parts[:1] == (folder,) and (problem.serious or problem.text.startswith("there is no"))
        ]
        needed_by = ", ".join(needs[:2]) + (f" and {len(needs) - 2} more" if len(needs) > 2 else "")
        if exercise is None:
            yield f"the exercise {slug} is {'broken' if why else 'gone'}, but needed by {needed_by}: " + (
                f"{why[0]}; trainbot exercise check shows all of it" if why else f"put it back into {library.folder}"
            )
        elif why:
            yield f"the exercise {slug}, needed by {needed_by}, is broken: {why[0]}; trainbot exercise check shows all of it"


def _titles(sessions: Iterable[Session]) -> str:
    titles = list(dict.fromkeys(session.title for session in sessions))
    return ", ".join(titles[:2]) + (f" and {len(titles) - 2} more" if len(titles) > 2 else "")
