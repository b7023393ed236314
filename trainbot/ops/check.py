"""``trainbot check``: what the bot would do with this bot.ini, and problems in its files.

It uses no network; ``trainbot doctor`` does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from trainbot.adapters.calendars.schedule_folder import load_schedules
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import refuse_newer
from trainbot.adapters.hosts.confinement import confined
from trainbot.adapters.scenario_files.library import load_library
from trainbot.bot.installation import images_of
from trainbot.config import Config, placeholders
from trainbot.core.access import NO_ORGANISER, Role
from trainbot.core.errors import BackendError
from trainbot.core.text import one_line
from trainbot.core.times import describe_many
from trainbot.model.database_url import database_path
from trainbot.model.exercise import Exercise

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
    line(config.store.url, _database(config.store.url))
    say("Gateway")
    line(
        f"listens on {' '.join(f'{address}:{port}' for address, port in config.gateway.listen)}; learners use "
        f"ssh -p {config.gateway.listen[0][1]} IMAGE@{config.labs.public_address}"
    )
    say("use trainbot doctor to check that server, hosts and gateway really answer")
    return 1 if report.wrong else 0


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


def _content(config: Config, say: Callable[[str], None], line: Callable[..., None]) -> None:
    say("Exercises")
    library = load_library(config.exercises.folder)
    for exercise in library.exercises.values():
        line(f"{exercise.slug}: {exercise.title}, {len(exercise.steps)} steps{_beside(exercise, config)}")
    for problem in library.problems:
        line(problem.file, str(problem.text)) if problem.serious else line(f"note: {problem}")
    say("Sessions")
    now = datetime.now(UTC)
    schedule = load_schedules(config.schedule.folder, now)
    coming = [s for s in schedule.sessions if s.start > now and not s.cancelled]
    for session in coming[:SHOWN]:
        line(f"{session.title}: {describe_many(session.start, session.zones or config.schedule.zones, now)}")
    if len(coming) > SHOWN:
        line(f"and {len(coming) - SHOWN} more")
    if not coming:
        line("none planned")
    for fault in schedule.problems:
        line(fault.file, fault.text)


def _database(url: str) -> str:
    """Why the existing database cannot be used, or ''; a missing one will be created."""
    path = database_path(url)
    if path is None or (path.parent.is_dir() and not path.exists()):
        return ""
    try:
        store = Store(url, read_only=True)
        try:
            with store.transaction():
                refuse_newer(url, store.connection)
        finally:
            store.close()
    except BackendError as error:
        return str(error)
    return ""
