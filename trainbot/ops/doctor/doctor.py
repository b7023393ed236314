"""``trainbot doctor``: its subjects and its output."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from trainbot.config import Config
from trainbot.core.errors import UserError
from trainbot.images.build.progress_bar import Bar, Progress, Silent
from trainbot.ops.doctor.examine import Subject, examine
from trainbot.ops.doctor.examine_copies import examine_copies
from trainbot.ops.doctor.examine_gateway import examine_gateway
from trainbot.ops.doctor.examine_host import examine_host, seconds
from trainbot.ops.doctor.examine_image import examine_image
from trainbot.ops.doctor.examine_irc import examine_irc
from trainbot.ops.doctor.examine_store import examine_store
from trainbot.ops.doctor.finding import Finding, Level
from trainbot.ops.doctor.here import LocalFacts

NAMED, ALONE = ("host", "image"), ("irc", "store", "copies", "gateway")
USAGE = "usage: trainbot doctor [host [NAME] | image [NAME] | irc | store | copies | gateway]"


def is_subject(words: Sequence[str]) -> bool:
    """Whether ``words`` are a valid subject, existing or not; no words mean everything."""
    return not words or (words[0] in NAMED and len(words) <= 2) or (words[0] in ALONE and len(words) == 1)


def doctor(config: Config, words: Sequence[str], as_json: bool, say: Callable[[str], None]) -> int:
    """Exit code 0, or 1 if something is wrong.  UserError if bot.ini has no such host or image.  Changes nothing."""
    with _quietly():
        found = asyncio.run(_examine(config, words, _progress()))
    if as_json:
        say(json.dumps([finding.as_json() for finding in found], ensure_ascii=False))
    else:
        for finding in found:
            say(finding.line)
        say(summary(found))
    return 1 if any(finding.level is Level.WRONG for finding in found) else 0


@contextmanager
def _quietly() -> Iterator[None]:
    """Silences warnings of the IRC connection, which are among the findings."""
    log = logging.getLogger("trainbot.adapters.irc")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


async def _examine(config: Config, words: Sequence[str], progress: Progress) -> list[Finding]:
    here = LocalFacts(config)
    chosen = subjects(here, words)
    watched = DoctorProgress(progress, len(chosen))
    loop = asyncio.get_running_loop()
    here.progress = lambda *values: loop.call_soon_threadsafe(watched.part, *values)
    found = await examine(chosen, watched)
    progress.done("")
    return found


def subjects(here: LocalFacts, words: Sequence[str]) -> list[Subject]:
    """The subjects that ``words`` select (see ``is_subject``): a kind, perhaps with a name; all if there are no words."""
    kind, *names = words or ("",)
    config = here.config
    found = [
        *(("host", host.name, partial(examine_host, here, host), seconds(host) + 15) for host in config.hosts),
        *(("image", image.name, partial(examine_image, here, image), 600.0) for image in config.images),
        ("irc", "", partial(examine_irc, here), 80.0),
        ("store", "", partial(examine_store, here), 150.0),
        ("copies", "", partial(examine_copies, here), 60.0),
        ("gateway", "", partial(examine_gateway, here), 80.0),
    ]
    chosen = [each for each in found if kind in ("", each[0]) and (not names or each[1] == names[0])]
    if names and not chosen:
        there = ", ".join(each[1] for each in found if each[0] == kind) or "none"
        raise UserError(f"bot.ini has no [{kind}.{names[0]}] (available: {there})")
    return [Subject(f"{kind} {name}".strip(), look, most) for kind, name, look, most in chosen]


def summary(found: Sequence[Finding]) -> str:
    wrong = sum(finding.level is Level.WRONG for finding in found)
    notes = sum(finding.level is Level.NOTE for finding in found)
    return f"{wrong or 'no'} problems, {notes} notes, {len(found) - wrong - notes} ok"


class DoctorProgress:
    """Progress with a percentage for each subject, so that a long one shows movement."""

    def __init__(self, progress: Progress, subjects: int) -> None:
        self._progress, self._of = progress, 100 * subjects
        self._done = 0
        self._parts: dict[str, int] = {}

    def stage(self, what: str) -> None:
        self._progress.stage(what)

    def step(self, at: int, of: int, what: str = "") -> None:
        self._done = at
        self._parts.pop(what, None)
        self._show(what)

    def part(self, subject: str, percent: int, what: str) -> None:
        self._parts[subject] = min(percent, 99)
        self._show(what)

    def _show(self, what: str) -> None:
        self._progress.step(100 * self._done + sum(self._parts.values()), self._of, what)

    def done(self, what: str) -> None:
        self._progress.done(what)


def _progress() -> Progress:
    """A progress bar on a terminal; elsewhere none."""
    return Bar(sys.stderr) if sys.stderr.isatty() else Silent()
