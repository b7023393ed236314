"""``trainbot check``: what the bot would do with this bot.ini, and problems in its files.

It uses no network; ``trainbot doctor`` does."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.calendars.schedule_folder import load_schedules
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import refuse_newer
from trainbot.adapters.db.opening import refuse_missing
from trainbot.adapters.hosts.confinement import confined
from trainbot.adapters.state_folder import COPY_KEY
from trainbot.bot.files_watch import exercise_faults, from_files, wanted_exercises
from trainbot.bot.installation import exercises_of, images_of
from trainbot.config import Config, placeholders
from trainbot.core.access import NO_ORGANISER, Role
from trainbot.core.errors import BackendError
from trainbot.core.files import nearest_existing
from trainbot.core.text import one_line
from trainbot.core.times import describe_many
from trainbot.core.wording import span
from trainbot.features.sessions.session_store import SessionStore
from trainbot.images.catalog import how_to_get
from trainbot.model.database_url import database_exists, database_path
from trainbot.model.exercise import Exercise
from trainbot.model.session import Session
from trainbot.model.shell_commands import ROW, ssh_command

SHOWN = 5
LONGEST = 1000  # characters of a line: some of it may come from other people's files


class CheckReport:
    """Prints lines, and counts those with a problem as ``wrong``."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.wrong = say, 0

    def line(self, text: str, problem: str = "") -> None:
        self.wrong += bool(problem)
        shown = one_line(f"{text}: {problem}" if problem else text, LONGEST)
        self.say(f"! {shown}" if problem else f"  {shown}")


def checkup(config: Config, say: Callable[[str], None]) -> int:
    """Exit code 0, or 1 if there are problems: their lines begin with ``!``."""
    report = CheckReport(say)
    line = report.line
    irc = config.irc
    say("IRC")
    secure = "TLS" if irc.tls else "no TLS"
    line(f"{irc.server}:{irc.port} ({secure}) as {irc.nick} in {' '.join(irc.channels)}")
    for option in ("tls_fingerprint", "tls_ca_file", "tls_client_cert"):
        if getattr(irc, option) and not irc.tls:
            line(
                option,
                "has no effect with tls = no, unless the network requires TLS (STS): set tls = yes and the port for it, "
                f"or remove {option}",
            )
    line(f"SASL: {' '.join(irc.sasl)} for account {irc.account}" if irc.sasl else "no account (no SASL)")
    for value in placeholders(config.path) if config.path.exists() else ():
        line(value, "this is still the example's value: set your own")
    say("Roles")
    for role in sorted(config.roles.rules, reverse=True):
        rules = config.roles.rules[role]
        line(f"{role.word}: " + (" ".join(f"{rule.kind}:{rule.pattern}" for rule in rules) or "nobody"))
    if not config.roles.rules.get(Role.ORGANISER):
        line("nobody is organiser", NO_ORGANISER)
    say("Hosts")
    for host in config.hosts:
        line(f"{host.name} {host.uri}, at most {host.labs} labs")
        if host.uri.startswith("qemu:///embed") and not confined():
            line(f"{host.name}: this kernel has no Landlock, so its labs' emulators reach all that this user can read")
    if not config.hosts:
        line("none: everything except labs works")
    say("Images")
    usable, unready = images_of(config)
    for name, image in usable.items():
        line(f"{name}: {image.memory_mib} MiB per lab, {image.disk.parent}")
    for name, why in unready.items():
        line(name, why)
    _content(config, say, line)
    say("Database")
    line(config.store.url, _database(config))
    say("Copies")
    line(*_copies(config))
    say("Gateway")
    if not confined() and platform.machine() != "x86_64":
        line("this kernel has no Landlock, so a hole in ssh reaches all that this user can read")
    command = ssh_command(config.gateway.listen[0][1], config.labs.public_address, "IMAGE")
    line(
        f"listens on {' '.join(f'{address}:{port}' for address, port in config.gateway.listen)}; learners use {command}"
        + (
            ""
            if len(command) <= ROW
            else ", which IRC clients with 80 columns tear apart: a shorter public_address would not be"
        )
    )
    if config.metrics.listen:
        say("Metrics")
    for address, metrics_port in config.metrics.listen:
        near = address == "localhost" or address.startswith("127.") or address == "::1"
        line(
            f"http://{address}:{metrics_port}/metrics"
            + ("" if near else ", which everybody who reaches that address can read: see docs/metrics.md")
        )
    say("use trainbot doctor to check that server, hosts and gateway really answer")
    return 1 if report.wrong else 0


def _copies(config: Config) -> tuple[str, str]:
    """Where copies of the installation go, and what is wrong with that."""
    where, database = config.store.copies, database_path(config.store.url)
    if where is None:
        return "none, so all is lost if this machine dies: set copies in [store] (docs/operating.md)", ""
    text = f"{where}, every {span(config.store.copies_every)}, and {config.store.copies_kept} are kept"
    if database is None:
        return text, "a database in memory is not copied: set a file in [store] url"
    if where.account:
        key = (config.store.state / COPY_KEY).exists()
        return text + (
            ", asked by trainbot doctor copies" if key else "; trainbot copy key says what to type there"
        ), ""
    there = nearest_existing(Path(where.folder))
    if there.is_dir() and database.parent.is_dir() and there.stat().st_dev == database.parent.stat().st_dev:
        text += "; it is on the database's file system, so it does not help if that disk fails"
    return text, ""


def _beside(exercise: Exercise, config: Config) -> str:
    """The second image of an exercise, or what it lacks."""
    second = exercise.second_image
    if not second:
        return ""
    if second not in {image.name for image in config.images}:
        return f" (without {second} labs: there is no such image)"
    if config.labs.per_person < 2:
        return f" (for a {second} lab as well, set [labs] per_person = 2)"
    return f", with a {second} lab as well"


def _labs(exercise: Exercise, images: Collection[str], config: Config) -> str:
    """What is not as the exercise expects it: its image."""
    why = exercise.unchecked(bool(config.hosts) and exercise.image in images)
    if why:
        return f"; {why}, so nothing is prepared or checked"
    if not exercise.written_for:
        return ""
    said, remedy = (
        f"; written for {exercise.written_for}, runs in {exercise.image} labs",
        how_to_get(exercise.written_for),
    )
    return f"{said}: {remedy} makes an image of that release" if remedy else said


def _content(config: Config, say: Callable[[str], None], line: Callable[..., None]) -> None:
    say("Exercises")
    library, images = exercises_of(config), images_of(config)[0]
    for exercise in library.exercises.values():
        included = " (included)" if exercise.slug in library.included else ""
        line(
            f"{exercise.slug}: {exercise.title}, {len(exercise.steps)} steps{_beside(exercise, config)}{included}"
            f"{_labs(exercise, images, config)}"
        )
    for problem in library.problems:
        if problem.serious:
            line(str(problem).removesuffix(f": {problem.text}"), problem.text)
        else:
            line(f"note: {problem}")
    say("Sessions")
    now = datetime.now(UTC)
    needed, stored = _stored(config, now)
    schedule = load_schedules(config.schedule.folder, now, may_lack=not (config.schedule.named or stored))
    coming = [s for s in schedule.sessions if s.start > now and not s.cancelled]
    planned_here = [(session.exercise, f"the session {session.title}") for session in coming if session.exercise]
    for lack in exercise_faults(library, [*planned_here, *needed]):
        line("exercises", lack)
    for origin in sorted({session.origin for session in stored}) if schedule.readable else ():
        if not os.path.lexists(config.schedule.folder / origin):
            titles = ", ".join(dict.fromkeys(session.title for session in stored if session.origin == origin))
            line(
                "schedules",
                f"{origin} is gone, so what it had will be cancelled ({titles}): put it back if that is wrong",
            )
    for session in coming[:SHOWN]:
        line(f"{session.title}: {describe_many(session.start, session.zones or config.schedule.zones, now)}")
    for session in coming if config.hosts else ():
        planned = library.exercises.get(session.exercise or "")
        if planned is not None and planned.unchecked(planned.image in images):
            line(session.title, f"in its exercise {planned.slug} nothing is prepared or checked (see above)")
    if len(coming) > SHOWN:
        line(f"and {len(coming) - SHOWN} more")
    if not coming:
        line("none planned")
    for fault in schedule.problems:
        line(fault.file, fault.text)


def _stored(config: Config, now: datetime) -> tuple[list[tuple[str, str]], list[Session]]:
    """By the database: (slug, what needs it) of what is planned or runs, and the sessions that are to come from files."""
    if not database_exists(config.store.url) or _database(config):
        return [], []
    try:
        store = Store(config.store.url, read_only=True)
        try:
            with store.transaction():
                book = SessionStore(store, config.irc.class_channels)
                stored = [session for session in from_files(book, now) if not session.cancelled]
                return wanted_exercises(store, book, now), stored
        finally:
            store.close()
    except BackendError:  # of another schema
        return [], []


def _database(config: Config) -> str:
    """Why the existing database cannot be used, or ''; if there never was one, it will be created."""
    url = config.store.url
    path = database_path(url)
    try:
        refuse_missing(url, config.store.state)
        if path is None or (path.parent.is_dir() and not path.exists()):
            return ""
        store = Store(url, read_only=True)
        try:
            with store.transaction():
                refuse_newer(url, store.connection)
        finally:
            store.close()
    except BackendError as error:
        return str(error)
    return ""
