"""What a class costs: linting, a step for 500 people, 200 checks at once on hosts that answer slowly.

    .venv/bin/python benchmarks/exercises.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:1] = [
    str(Path(__file__).parent.parent),
    str(Path(__file__).parent.parent / "tests"),
]  # not this folder: irc.py here is no library

from tests.stage import Stage
from trainbot.adapters.scenario_files.library import load_library
from trainbot.bot.events import Tick
from trainbot.core.messages import Incoming, Line
from trainbot.model.script_events import ScriptEnded

SHIPPED = Path(__file__).parent.parent / "exercises" / "selinux-debian"
SLOW = 3.0  # seconds that a check takes on a host that answers slowly


def took(what) -> tuple[float, object]:
    began = time.perf_counter()
    found = what()
    return time.perf_counter() - began, found


def linted(folder: Path, many: int) -> str:
    """Copies of what ships: nine steps each, with texts, checks and solves."""
    for number in range(many):
        place = folder / f"e{number}"
        for source in SHIPPED.rglob("*"):
            if source.is_file():
                target = place / source.relative_to(SHIPPED)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
    first, library = took(lambda: load_library(folder))
    again, _ = took(lambda: load_library(folder, library))
    return f"{first:.2f} s ({first / many * 1000:.1f} ms each, {len(library.problems)} problems); looked at again: {again:.2f} s"


def a_class(folder: Path, people: int, hosts: int) -> Stage:
    stage = Stage(folder, labs=people // hosts + 5, hosts=[f"xen{n}" for n in range(hosts)])
    index = {
        "title": "Scripts",
        "image": "debian",
        "details": {
            "steps": [
                {
                    "title": "One",
                    "text": "do the first\n\n```\nid -Z\n```",
                    "verify": "exit 0 # one",
                    "background": "exit 0 # two",
                },
                {"title": "Two", "text": "do the second", "verify": "exit 0 # three", "background": "exit 0 # four"},
                {"title": "Three", "text": "do the third"},
            ]
        },
    }
    (folder / "exercises" / "scripts").mkdir()
    (folder / "exercises" / "scripts" / "index.json").write_text(json.dumps(index))
    stage.restart()
    for host in stage.hosts:
        stage.host_up(host, free=1 << 20)
    for number in range(people):
        stage.join(f"p{number}", account=f"p{number}")
    stage.talk("russell", "!start scripts")
    stage.turn(*(Incoming(stage.net.people[f"p{n}"], "#class", "!lab debian", stage.now) for n in range(people)))
    while len(stage.labs()) < people or stage.began:
        stage.hosts_work()
        stage.wait(seconds=2)
    return stage


def drained(stage: Stage) -> int:
    """All that runs in labs ends; how many that were."""
    ended = 0
    while stage.scripts:
        ended += len(stage.scripts)
        stage.labs_run()
    return ended


def stepped(stage: Stage, people: int) -> list[tuple[str, str]]:
    def say(text: str):
        return stage.turn(Incoming(stage.net.people["russell"], "#class", text, stage.now))

    seconds, outcome = took(lambda: say("!next"))
    lines = [line for line in outcome.say if isinstance(line, Line)]
    rows = [
        (
            f"!next, {people} people with labs",
            f"{seconds * 1000:.0f} ms, {len(lines)} lines to all of them, {len(stage.scripts)} setups begun",
        )
    ]
    setups, ended = took(lambda: drained(stage))
    rows.append(
        (
            f"setups of {people} labs, bot's part",
            f"{setups:.1f} s for {ended} ({setups / max(ended, 1) * 1000:.1f} ms each)",
        )
    )
    seconds, _ = took(lambda: stage.turn(Tick()))
    rows.append((f"a tick of a class with {people} labs", f"{seconds * 1000:.0f} ms"))
    return rows


def checked(stage: Stage, many: int, hosts: int) -> list[tuple[str, str]]:
    """Time is the stage's: each check takes SLOW seconds, while others talk to the bot."""
    drained(stage)
    seconds, _ = took(
        lambda: stage.turn(*(Incoming(stage.net.people[f"p{n}"], "#class", "!done", stage.now) for n in range(many)))
    )
    rows = [(f"!done of {many} at once", f"{seconds * 1000:.0f} ms in one turn, {len(stage.scripts)} checks begun")]
    began, now, other, waves = len(stage.scripts), 0.0, [], 0
    while stage.scripts:
        other.append(
            took(lambda: stage.turn(Incoming(stage.net.people["alice"], "#class", "!step", stage.now)))[0] * 1000
        )
        running, stage.scripts = stage.scripts, []
        now, waves = now + SLOW, waves + 1
        stage.happens(*(ScriptEnded(script.play, 0, "") for script in running))
        began += len(stage.scripts)
    rows.append(
        (
            f"{began} checks of {SLOW:g} s on {hosts} hosts",
            f"{now:.0f} s until the last, {waves} waves; somebody's !step "
            f"meanwhile: p50 {statistics.median(other):.1f} ms, worst {max(other):.1f} ms",
        )
    )
    return rows


def main() -> None:
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        rows.append(("1,000 exercises linted", linted(Path(folder) / "many", 1000)))
        stage = a_class(Path(folder) / "a", 500, 10)
        rows += stepped(stage, 500)
        stage.store.close()
        stage = a_class(Path(folder) / "b", 200, 14)
        stage.talk("russell", "!next")
        rows += checked(stage, 200, 14)
        stage.store.close()
    for what, figure in rows:
        print(f"{what:40} {figure}")


if __name__ == "__main__":
    main()
