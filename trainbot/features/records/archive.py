"""The records of past classes: from the store, as minutes on disk, as exports."""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trainbot.core.errors import UserError
from trainbot.core.files import write_whole
from trainbot.core.times import describe_many
from trainbot.features.records import timeline
from trainbot.features.records.minutes import SOMEBODY, ClassRecord, CoursePlace, Minutes, base_name, minutes_of
from trainbot.features.records.minutes_markdown import markdown
from trainbot.model.class_run import ClassRun, ScriptKind, ScriptRun
from trainbot.model.config import RecordsConfig
from trainbot.model.course import did_all
from trainbot.model.lab import Lease
from trainbot.model.question import QuestionState

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
ENDINGS = (".log.html", ".md", ".json")  # of the files next to a page of minutes
INDEX = "index.html"
AT_ONCE = 4  # classes whose minutes are written in one turn
LATELY = 1000  # events of questions checked after a start, for answers given after their class


class MinutesPages(Protocol):
    """Minutes as HTML for people and JSON for programs (trainbot.bot.pages.minutes_pages)."""

    def minutes_page(self, minutes: Minutes, base: str, /) -> str: ...

    def log_page(self, minutes: Minutes, rows: Iterable[timeline.TimelineRow], base: str, /) -> str: ...

    def index_page(self, runs: Sequence[ClassRun], /) -> str: ...

    def minutes_json(self, minutes: Minutes, /) -> str: ...


class Archive:
    """``zones``: the time zones in which minutes say when the class was."""

    def __init__(self, store: Store, config: RecordsConfig, zones: Sequence[str], pages: MinutesPages) -> None:
        self.classes, self.entries = store.classes, store.entries
        self.questions, self.people, self.leases = store.questions, store.people, store.leases
        self.courses = store.courses
        self.folder, self.public_url = config.folder / "minutes", config.public_url
        self.zones, self.pages = zones, pages
        self._failed: dict[int, str] = {}
        self._seen: int | None = None  # the newest event of a question that was checked

    def record(self, run: ClassRun) -> ClassRecord:
        questions = self.questions.all(class_id=run.id)
        about = self.questions.events.table.c.question_id.in_([question.id for question in questions])
        return ClassRecord(
            run,
            self.entries.all(class_id=run.id),
            self.classes.attendance.all(class_id=run.id),
            self.classes.done.all(class_id=run.id),
            questions,
            self.questions.events.all(about),
            list(self._checks(class_id=run.id)),
            describe_many(run.started_at, self.zones, run.started_at).rpartition(" | ")[0],
            frozenset(person.id for person in self.people.all(nolog=True)),
            self._leases(run),
            self._course(run),
        )

    def _course(self, run: ClassRun) -> CoursePlace | None:
        """Where it is in its course, and who has done every step of the sessions up to this one."""
        sessions = self.courses.sessions(run.course) if run.course else []
        place = next((session for session in sessions if run.id in [one.id for one in session.runs]), None)
        if place is None:
            return None
        held = [session for session in sessions if session.number <= place.number and session.steps]
        done: defaultdict[int, defaultdict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        for one in (one for session in held for one in session.runs):
            for row in self.classes.done.all(class_id=one.id):
                done[row.person_id][one.id].add(row.step)
        all_done = [id for id, steps in done.items() if all(did_all(session, steps) for session in held)]
        completed = [(person.nick, person.id) for person in self.people.these(all_done)]
        return CoursePlace(run.course, place.number, len(sessions), completed)

    def _leases(self, run: ClassRun) -> list[Lease]:
        """The leases that people had at some time of the class."""
        lease, over = self.leases.table.c, run.ended_at or run.step_at
        still = lease.ended_at.is_(None) | (lease.ended_at >= run.started_at)
        return self.leases.all(lease.asked_at <= over, still, rehearsal="")

    def _checks(self, **exact: int) -> Iterator[ScriptRun]:
        """The checks that have ended, by time."""
        script_runs = self.classes.script_runs
        return script_runs.each(
            script_runs.table.c.ended_at.is_not(None), time="ended_at", kind=ScriptKind.VERIFY, **exact
        )

    def minutes_at(self, run: ClassRun) -> str:
        """The words that tell people where the minutes are."""
        if self.public_url:
            return f"Minutes: {self.public_url}/minutes/{base_name(run)}.html"
        return f"Minutes: trainbot log show {run.id}"

    # -- on disk -----------------------------------------------------------------------------------

    def settle(self, now: datetime) -> None:
        """Writes the minutes of classes that have ended and have none, including classes during whose end the bot was
        killed, and again after a later answer; at the start also those that are not in the folder, which may be another one
        or on another machine.  What cannot be written is logged and retried later; it delays nothing else."""
        if self._seen is None:
            self.classes.rewrite([run.id for run in self.classes.written() if not self._is_there(run)])
        self._late_answers()
        written = [run for run in self.classes.unwritten(AT_ONCE) if self.write(run, now)]
        if written:
            self.write_index()

    def withdraw(self, files: Iterable[str]) -> None:
        """Removes the published files of classes, by the names of their pages, and rewrites the index."""
        for page in filter(None, files):
            _remove(page)
        self.write_index()

    def _is_there(self, run: ClassRun) -> bool:
        page = Path(f"{self.folder / base_name(run)}.html")
        return page == Path(run.minutes) and page.exists()

    def _late_answers(self) -> None:
        newest = self.questions.newest_event()
        if newest != self._seen:
            self.classes.answered_late(since=newest - LATELY if self._seen is None else self._seen)
            self._seen = newest

    def write(self, run: ClassRun, now: datetime) -> bool:
        """Writes the minutes of a class; False if that failed, which is logged once."""
        base = self.folder / base_name(run)
        try:
            for ending, text in self._files(run).items():
                write_whole(base.with_name(base.name + ending), text)
            if run.minutes and (before := Path(run.minutes)) != Path(f"{base}.html"):
                _remove(run.minutes)
                if before.parent != self.folder:
                    before.with_name(INDEX).unlink(missing_ok=True)
        except Exception as error:
            if self._failed.get(run.id) != str(error):
                log.error(
                    "cannot write the minutes %s.html: %s; I'll try again",
                    base,
                    error,
                    exc_info=not isinstance(error, OSError),
                )
            self._failed[run.id] = str(error)
            return False
        self._failed.pop(run.id, None)
        self.classes.change({"id": run.id}, minutes=f"{base}.html", minutes_at=now)
        return True

    def _files(self, run: ClassRun) -> dict[str, str]:
        """The whole text of each file, by its suffix."""
        record = self.record(run)
        minutes, name = minutes_of(record), base_name(run)
        return {
            ".log.html": self.pages.log_page(minutes, self._log(record), name),
            ".md": markdown(minutes),
            ".json": self.pages.minutes_json(minutes),
            ".html": self.pages.minutes_page(minutes, name),
        }

    def _log(self, record: ClassRecord) -> Iterator[timeline.TimelineRow]:
        """The log for publication: without people who are not to be named, and without deleted questions."""
        questions = {question.id: question for question in record.questions}
        names = {a.person_id: a for a in record.attendance}
        by_time = attrgetter("at")
        rows = timeline.rows(
            sorted(record.entries, key=by_time),
            sorted(record.done, key=by_time),
            sorted(record.events, key=by_time),
            record.checks,
            questions.get,
            lambda _class, person: names.get(person),
        )
        for row in rows:
            if row.kind == "there":  # people who were there may have asked since not to be named
                row = replace(row, text=row.text.partition(" ")[0])
            about = questions.get(row.question or 0)
            if row.kind == "voted" or (about is not None and about.state is QuestionState.DELETED):
                continue
            hidden = about is not None and about.anonymous and row.person_id == about.person_id
            yield replace(row, nick=SOMEBODY) if hidden or row.person_id in record.unnamed else row

    def write_index(self) -> None:
        try:
            write_whole(self.folder / INDEX, self.pages.index_page(self.classes.written()))
        except OSError as error:
            log.error("cannot write the index of minutes: %s", error)

    # -- for shells --------------------------------------------------------------------------------

    def find(self, id: int) -> ClassRun:
        found = self.classes.first(id=id)
        if found is None:
            raise UserError(f"there is no class {id}; trainbot log list shows all classes")
        return found

    def show(self, run: ClassRun) -> str:
        """The minutes of the class, as Markdown."""
        return markdown(minutes_of(self.record(run)))

    def export(self, run: ClassRun | None, form: str) -> Iterator[str]:
        """Exports one class, or all classes and what was asked outside of them: minutes (``markdown``), or everything
        that happened, by time (``jsonl``, ``csv``).  Yields it piece by piece, however much it is."""
        if form == "markdown":
            for one in [run] if run else self.classes.all():
                yield self.show(one)
            return
        exact: dict[str, Any] = {}
        about = []
        if run is not None:
            exact["class_id"] = run.id
            asked = [question.id for question in self.questions.all(class_id=run.id)]
            about.append(self.questions.events.table.c.question_id.in_(asked))
        question = functools.lru_cache(1000)(self.questions.get)
        who = functools.lru_cache(1000)(lambda id, person: self.classes.attendance.first(class_id=id, person_id=person))
        rows = timeline.rows(
            self.entries.each(**exact),
            self.classes.done.each(**exact),
            self.questions.events.each(*about),
            self._checks(**exact),
            question,
            who,
        )
        yield from timeline.written(rows, form)


def _remove(page: str) -> None:
    """Removes the published files of a class."""
    for ending in (".html", *ENDINGS):
        Path(page.removesuffix(".html") + ending).unlink(missing_ok=True)
