"""``trainbot log``: reads the database even while the bot runs; writes only if no bot runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import refuse_newer
from trainbot.adapters.db.opening import open_store, refuse_missing
from trainbot.bot.pages import minutes_pages
from trainbot.bot.workers.file_keeper import delete_but
from trainbot.bot.workers.maintenance import at_once
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.core.text import visible
from trainbot.features.questions.search_terms import QuestionSearch, best
from trainbot.features.records.archive import Archive
from trainbot.features.records.retention import RetentionCommands
from trainbot.model.database_url import database_exists
from trainbot.model.kept_files import FOLDER
from trainbot.model.question import Question, QuestionState
from trainbot.model.record import Entry


@contextmanager
def reading(config: Config) -> Iterator[Store]:
    refuse_missing(config.store.url, config.store.state)
    store = Store(config.store.url, read_only=True)
    try:
        with store.transaction():
            refuse_newer(config.store.url, store.connection)
            yield store
    finally:
        store.close()


@contextmanager
def archive(config: Config) -> Iterator[Archive]:
    with reading(config) as store:
        yield _archive(config, store)


def _archive(config: Config, store: Store) -> Archive:
    return Archive(store, config.records, config.schedule.zones, minutes_pages)


def keep(config: Config, request: dict[str, Any]) -> str:
    """Runs ``RetentionCommands.answer`` as the only writer; BackendError if a bot runs."""
    refuse_missing(config.store.url, config.store.state)
    if not database_exists(config.store.url):
        raise BackendError(f"there is no database {config.store.url} yet: trainbot run creates it")
    store = open_store(config.store.url, config.store.state)
    try:
        done = at_once(RetentionCommands(store, _archive(config, store)).answer(request, datetime.now(UTC)))
        with store.transaction():
            left = store.kept_files.ids()
        delete_but(config.store.state / FOLDER, left)
        return done
    finally:
        store.close()


def classes(config: Config) -> tuple[list[dict[str, Any]], list[str]]:
    with archive(config) as found:
        runs = found.classes.all()
    value = [
        {
            "number": run.id,
            "title": run.title,
            "channel": run.channel,
            "presenter": run.presenter,
            "started_at": run.started_at.isoformat(),
            "ended_at": run.ended_at and run.ended_at.isoformat(),
            "minutes": run.minutes,
        }
        for run in runs
    ]
    lines = [
        f"{run.id} {run.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC {run.channel} {run.title}, with "
        f"{run.presenter}" + ("" if run.ended_at else " (running)")
        for run in runs
    ]
    return value, lines


def logins(config: Config, most: int) -> tuple[list[dict[str, Any]], list[str]]:
    with reading(config) as store:
        table = store.people.logins.table.c
        rows = store.people.logins.all(order=(table.at.desc(), table.id.desc()), limit=most)[::-1]
        nicks = {person.id: person.nick for person in store.people.these({row.person_id for row in rows})}
    value = [
        {
            "at": row.at.isoformat(),
            "nick": nicks[row.person_id],
            **{name: getattr(row, name) for name in ("address", "method", "lab", "seconds", "received", "sent")},
        }
        for row in rows
    ]
    lines = [
        f"{row.at:%Y-%m-%d %H:%M} UTC {nicks[row.person_id]} from {row.address} with {row.method}, "
        f"{row.lab or 'no lab'}, {row.seconds} s, {row.received} bytes received, {row.sent} sent"
        for row in rows
    ]
    return value, lines


def visits(config: Config, most: int) -> tuple[list[dict[str, Any]], list[str]]:
    with reading(config) as store:
        table = store.visits.logins.table.c
        rows = store.visits.logins.all(order=(table.at.desc(), table.id.desc()), limit=most)[::-1]
        people = {id for row in rows for id in (row.guest_id, row.owner_id)}
        nicks = {person.id: person.nick for person in store.people.these(people)}
    value = [
        {
            "at": row.at.isoformat(),
            "ended_at": row.ended_at and row.ended_at.isoformat(),
            "nick": nicks[row.guest_id],
            "at_the_terminal_of": nicks[row.owner_id],
            "address": row.address,
            "lab": row.lab,
        }
        for row in rows
    ]
    lines = [
        f"{row.at:%Y-%m-%d %H:%M} UTC {nicks[row.guest_id]} from {row.address} at the terminal of {nicks[row.owner_id]}, "
        f"{row.lab or 'no lab'}, " + (f"until {row.ended_at:%H:%M:%S}" if row.ended_at is not None else "not over")
        for row in rows
    ]
    return value, lines


def export(config: Config, number: int | None, form: str) -> Iterator[str]:
    with archive(config) as found:
        yield from found.export(None if number is None else found.find(number), form)


def search(config: Config, words: str, most: int) -> tuple[dict[str, Any], list[str]]:
    """Questions with answers, and class logs, the best of each first; at most ``most`` of each."""
    with reading(config) as store:
        finding = QuestionSearch(store.search)
        asked = finding.look("question_fts", words)
        questions = best(
            asked, store.questions.some(row for row, _score in asked.rows), lambda q: f"{q.words} {q.answer}"
        )
        said = finding.look("entry_fts", words)
        entries = best(
            said,
            store.entries.all(store.entries.table.c.id.in_([row for row, _score in said.rows])),
            lambda entry: entry.text,
        )
    questions = [q for q in questions if q.state is not QuestionState.DELETED][:most]
    found = [*map(_question_found, questions), *map(_entry_found, entries[:most])]
    instead = {**said.instead, **asked.instead}
    lines = [f'no match for "{word}": searched for "{near}" instead' for word, near in instead.items()]
    return {"instead": instead, "found": found}, lines + [_line(one) for one in found]


def _question_found(question: Question) -> dict[str, Any]:
    return {
        "kind": "question",
        "number": question.id,
        "class": question.class_id,
        "channel": question.channel,
        "at": question.asked_at.isoformat(),
        "nick": question.nick,
        "anonymous": question.anonymous,
        "step": question.step,
        "state": str(question.state),
        "text": question.words,
        "answer": question.answer,
    }


def _entry_found(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "class": entry.class_id,
        "channel": entry.channel,
        "at": entry.at.isoformat(),
        "nick": entry.nick,
        "text": entry.text,
    }


def _line(found: dict[str, Any]) -> str:
    when = f"{found['at'][:10]} {found['at'][11:16]} {found['channel']}"
    where = f" (class {found['class']})" if found["class"] else ""
    if found["kind"] == "question":
        what = visible(found["answer"]).strip() or found["state"]
        who = f"{found['nick']} anonymously" if found["anonymous"] else found["nick"]
        return f"question {found['number']} {when} {who}: {visible(found['text']).strip()} → {what}{where}"
    return f"{found['kind']} {when} {found['nick']}: {visible(found['text']).strip()}{where}"


def show(config: Config, number: int) -> str:
    with archive(config) as found:
        return found.show(found.find(number))
