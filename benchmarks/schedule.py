"""How long sessions take: a poll of many people over many possible starts.

    .venv/bin/python benchmarks/schedule.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from stage import Stage  # noqa: E402

from trainbot.sessions.polls import answers  # noqa: E402
from trainbot.sessions.polls.model import Plan, local_days, starts  # noqa: E402
from trainbot.sessions.polls.ranking import Start, choose, ranked, tally  # noqa: E402

T = TypeVar("T")
PEOPLE, MOST = 500, 4
ZONES = ("Australia/Melbourne", "Asia/Kolkata", "Europe/Berlin", "Europe/London", "America/New_York",
         "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kathmandu")
PLAN = Plan("Australia/Melbourne", date(2027, 3, 7), date(2027, 3, 14), (7 * 60, 19 * 60), 120, MOST, 30)  # 200 starts
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


def scattered(dice: random.Random, share: float) -> list[Start]:
    """The hard case: nobody's times have anything to do with anybody else's."""
    columns = [sum(1 << n for n in range(PEOPLE) if dice.random() < share) for _ in range(200)]
    return ranked([Start(place, column, column) for place, column in enumerate(columns)])


def poll_alone() -> None:
    dice = random.Random(2007)
    said = [(dice.choice(ZONES), typed(dice)) for _ in range(PEOPLE)]
    seconds, people = took(lambda: [answers.free(PLAN, [(zone, answers.read(text, local_days(PLAN, zone)).statements)])
                                    for zone, text in said])
    row(f"{PEOPLE} answers read", seconds)
    seconds, order = took(lambda: ranked(tally(starts(PLAN), 7200, people)))
    row(f"who can come to which of {len(order)} starts", seconds)
    for most in (1, 2, 3, MOST):
        seconds, choice = took(lambda most=most: choose(order, most))
        row(f"the best {most} of {len(order)} for {PEOPLE} people", seconds,
            f"{choice.reached} reached, {'exact' if choice.exact else f'at most {choice.at_most}'}")
    for share in (0.1, 0.3, 0.5):
        order = scattered(dice, share)
        seconds, choice = took(lambda order=order: choose(order, MOST))
        row(f"the same, k = {MOST}, each time suits {share:.0%} at random", seconds,
            f"{choice.reached} reached, {'exact' if choice.exact else f'at most {choice.at_most}'}")


def poll_in_the_bot(folder: Path) -> None:
    """As rows in the database on disk, one line a person."""
    dice = random.Random(2007)
    stage = Stage(folder)
    stage.talk("olga", OPEN)
    stage.talk("olga", "!yes")
    for n in range(PEOPLE):
        stage.join(f"p{n}", account=f"p{n}")
    seconds, _ = took(lambda: [stage.whisper(f"p{n}", f"when {dice.choice(ZONES)} {typed(dice)}") for n in range(PEOPLE)])
    row(f"{PEOPLE} people answer, one turn each", seconds, f"{seconds * 1000 / PEOPLE:.1f} ms a turn")
    seconds, lines = took(lambda: stage.whisper("olga", "when close"))
    row("!when close", seconds, lines[0][:90] + "…")


def main() -> None:
    poll_alone()
    with tempfile.TemporaryDirectory() as folder:
        poll_in_the_bot(Path(folder))


if __name__ == "__main__":
    main()
