"""How long sessions take: a poll of many people over many possible starts; ten thousand sessions over ten years.

    .venv/bin/python benchmarks/schedule.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

sys.path[:1] = [
    str(Path(__file__).parent.parent),
    str(Path(__file__).parent.parent / "tests"),
]  # not this folder: irc.py here is no library

from tests.stage import Stage
from trainbot.features.sessions.polls import answer_parser as answers
from trainbot.features.sessions.polls.poll import PollPlan, local_days, starts
from trainbot.features.sessions.polls.ranking import CandidateStart, choose, ranked, tally

T = TypeVar("T")
PEOPLE, MOST = 500, 4
ZONES = (
    "Australia/Melbourne",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
)
PLAN = PollPlan(
    "Australia/Melbourne", date(2027, 3, 7), date(2027, 3, 14), (7 * 60, 19 * 60), 120, MOST, 30
)  # 200 starts
OPEN = "!when open 7-14 mar 07:00-19:00 melbourne 2h max 4 until 3 mar"


def took(what: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = what()
    return time.perf_counter() - began, found


def row(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:62} {seconds:8.3f} s   {note}")


def typed(dice: random.Random) -> str:
    """What somebody says: some hours of some days, an evening if need be, never at night."""
    days = dice.sample(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], dice.randrange(1, 4))
    first = dice.randrange(7, 20)
    said = f"{' and '.join(days)} {first}:00-{min(24, first + dice.randrange(3, 9))}:00"
    return said + dice.choice(["", ", weekdays 20-23?", f", not {days[0]} before {first + 1}"])


def scattered(dice: random.Random, share: float) -> list[CandidateStart]:
    """The hard case: nobody's times have anything to do with anybody else's."""
    columns = [sum(1 << n for n in range(PEOPLE) if dice.random() < share) for _ in range(200)]
    return ranked([CandidateStart(place, column, column) for place, column in enumerate(columns)])


def poll_alone() -> None:
    dice = random.Random(2007)
    said = [(dice.choice(ZONES), typed(dice)) for _ in range(PEOPLE)]
    seconds, people = took(
        lambda: [
            answers.free(PLAN, [(zone, answers.read(text, local_days(PLAN, zone)).statements)]) for zone, text in said
        ]
    )
    row(f"{PEOPLE} answers read", seconds)
    seconds, order = took(lambda: ranked(tally(starts(PLAN), 7200, people)))
    row(f"who can come to which of {len(order)} starts", seconds)
    for most in (1, 2, 3, MOST):
        seconds, choice = took(lambda most=most: choose(order, most))
        row(
            f"the best {most} of {len(order)} for {PEOPLE} people",
            seconds,
            f"{choice.reached} reached, {'exact' if choice.exact else f'at most {choice.at_most}'}",
        )
    for share in (0.1, 0.3, 0.5):
        order = scattered(dice, share)
        seconds, choice = took(lambda order=order: choose(order, MOST))
        row(
            f"the same, k = {MOST}, each time suits {share:.0%} at random",
            seconds,
            f"{choice.reached} reached, {'exact' if choice.exact else f'at most {choice.at_most}'}",
        )


def poll_in_the_bot(folder: Path) -> None:
    """As rows in the database on disk, one line a person."""
    dice = random.Random(2007)
    stage = Stage(folder)
    stage.talk("olga", OPEN)
    stage.talk("olga", "!yes")
    for n in range(PEOPLE):
        stage.join(f"p{n}", account=f"p{n}")
    seconds, _ = took(
        lambda: [stage.whisper(f"p{n}", f"when {dice.choice(ZONES)} {typed(dice)}") for n in range(PEOPLE)]
    )
    row(f"{PEOPLE} people answer, one turn each", seconds, f"{seconds * 1000 / PEOPLE:.1f} ms a turn")
    seconds, lines = took(lambda: stage.whisper("olga", "when close"))
    row("!when close", seconds, lines[0][:90] + "…")


EVENT = """BEGIN:VEVENT
UID:series{n}@example.org
SUMMARY:Class {n}
DTSTART;TZID={zone}:{first}T{hour:02}0000
DURATION:PT2H
RRULE:FREQ=WEEKLY;COUNT=522
DESCRIPTION:exercise: selinux
END:VEVENT
"""


def series(folder: Path) -> None:
    """20 classes every week for ten years, 10,440 sessions: each year the next 400 days of them are known."""
    (folder / "schedules").mkdir(parents=True)
    events = "".join(
        EVENT.format(n=n, zone=ZONES[n % len(ZONES)], first=f"202612{n % 7 + 1:02}", hour=8 + n % 12) for n in range(20)
    )
    (folder / "schedules" / "c.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
    stage = Stage(folder)
    seconds, said = took(lambda: stage.wait(seconds=2))
    row("10,440 sessions as 20 RRULEs over ten years: start-up", seconds, f"{len(said)} lines said")
    year = 0
    while year < 10:
        year, stage.now = year + 1, stage.now.replace(year=stage.now.year + 1)
        seconds, _ = took(lambda: stage.wait(seconds=2))
        if year in (1, 9):
            row(f"the year after that ({year}): read again, reminded, published", seconds)
    measure(stage)


def single(folder: Path) -> None:
    """10,000 sessions of which all are still to come, in the database."""
    stage = Stage(folder)
    dice = random.Random(2007)

    def fill() -> None:
        with stage.store.transaction():
            for n in range(10_000):
                local = datetime(2026, 12, 1, 8) + timedelta(days=dice.randrange(3650), hours=dice.randrange(12))
                draft = stage.wiring.sessions.book.draft(
                    "IRC", stage.now, title=f"Class {n}", local=local, zone="UTC", minutes=120
                )
                stage.wiring.sessions.book.put(draft, stage.now)

    row("10,000 sessions over ten years: stored", took(fill)[0])
    row("a tick after that, with the first feed and page", took(lambda: stage.wait(seconds=2))[0])
    row("start-up with them", took(stage.restart)[0])
    row("the first tick, feed and page made again and found equal", took(lambda: stage.wait(seconds=2))[0])
    measure(stage)
    seconds, _ = took(lambda: stage.talk("olga", "!session cancel 5000") and stage.talk("olga", "!yes"))
    row("!session cancel 5000, everything published again", seconds)


def measure(stage: Stage) -> None:
    seconds = min(took(lambda: stage.wait(seconds=2))[0] for _ in range(5))
    row("a tick in which nothing happens", seconds)
    seconds, lines = took(lambda: stage.talk("alice", "!sessions"))
    row("!sessions", seconds, lines[-1][-60:])
    feed = stage.folder / "public" / "sessions.ics"
    row("the feed", 0, f"{feed.read_text().count('BEGIN:VEVENT'):,} events, {feed.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    poll_alone()
    for part in (poll_in_the_bot, series, single):
        with tempfile.TemporaryDirectory() as folder:
            part(Path(folder))


if __name__ == "__main__":
    main()
