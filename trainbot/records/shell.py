"""``trainbot log``: reads the database beside a running bot, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from trainbot.config import Config
from trainbot.records.archive import Archive
from trainbot.sessions.times import describe_many
from trainbot.store import Store
from trainbot.store.migrate import refuse_newer


@contextmanager
def archive(config: Config) -> Iterator[Archive]:
    store = Store(config.store.url, read_only=True)
    try:
        with store.transaction():
            refuse_newer(config.store.url, store.connection)
            yield Archive(store.classes, store.entries, store.questions, store.people, config.records.folder,
                          config.records.public_url,
                          lambda at: describe_many(at, config.schedule.zones, at).rpartition(" | ")[0])
    finally:
        store.close()


def classes(config: Config) -> tuple[list[dict[str, Any]], list[str]]:
    with archive(config) as found:
        runs = found.classes.all()
    value = [{"number": run.id, "title": run.title, "channel": run.channel, "presenter": run.presenter,
              "started_at": run.started_at.isoformat(), "ended_at": run.ended_at and run.ended_at.isoformat(),
              "minutes": run.minutes} for run in runs]
    lines = [f"{run.id} {run.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC {run.channel} {run.title}, with "
             f"{run.presenter}" + ("" if run.ended_at else " (runs now)") for run in runs]
    return value, lines


def export(config: Config, number: int | None, form: str) -> Iterator[str]:
    with archive(config) as found:
        yield from found.export(None if number is None else found.find(number), form)


def show(config: Config, number: int) -> str:
    with archive(config) as found:
        return found.show(found.find(number))
