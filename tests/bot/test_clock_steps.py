"""Somebody sets the clock while a class is held: nothing that is counted in hours and minutes changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.stage import CHANNEL, Stage

STEPS = [
    {"seconds": 1},
    {"seconds": -1},
    {"hours": 1},
    {"hours": -1},
    {"days": 1},
    {"days": -1},
    {"days": 31},
    {"days": -31},
    {"days": -40},  # summer time ended between
    {"days": 130},  # and begins again
]
CLOCK_TIMES = re.compile(r"\d\d:\d\d|\d{4}-\d\d-\d\d|\w{3} \d+ \w{3}")
SESSION = """
[[session]]
id = "selinux"
title = "SE Linux"
start = 2026-11-27T10:00:00
zone = "UTC"
minutes = 60
exercise = "selinux"
"""


def scenes() -> list[Callable[[Stage], object]]:
    """A class of an afternoon, one thing after the other."""
    return [
        lambda s: s.host_up(),
        lambda s: s.hear("alice", "!lab debian"),
        lambda s: s.hosts_work(),
        lambda s: s.wait(minutes=1),
        lambda s: s.hear("russell", "!start selinux"),
        lambda s: s.hear("russell", "!next"),
        lambda s: s.hear("bob", "!lab debian"),
        lambda s: s.hosts_work(),
        lambda s: s.wait(minutes=5),
        lambda s: s.hear("alice", "!ask does it survive a reboot?"),
        lambda s: s.hear("bob", "!stuck it says permission denied"),
        lambda s: s.wait(minutes=6),
        lambda s: s.hear("russell", "!hands"),
        lambda s: s.hear("russell", "!queue"),
        lambda s: s.hear("hannah", "!take 1"),
        lambda s: s.hear("hannah", "yes, it does"),
        lambda s: s.hear("hannah", "!answered"),
        lambda s: s.hear("russell", "!next"),
        lambda s: s.wait(minutes=20),
        lambda s: s.hear("alice", "!done"),
        lambda s: s.hear("carol", "!lab debian"),
        lambda s: s.hosts_work(),
        lambda s: s.wait(minutes=9),
        lambda s: s.hear("alice", "!lab list", None),
        lambda s: s.hear("russell", "!finish"),
        lambda s: s.wait(minutes=14),
        lambda s: s.hear("alice", "!lab list", None),
        lambda s: s.wait(minutes=30),
        lambda s: s.hear("bob", "!lab list", None),
        lambda s: s.wait(hours=3),
        lambda s: s.wait(minutes=2),
        lambda s: s.hear("alice", "!lab list", None),
        lambda s: s.wait(hours=9),
        lambda s: s.wait(minutes=2),
    ]


def played(folder: Path, by: dict[str, float] | None, every: int = 1) -> list[object]:
    """What was said in each scene, without times of day, and the states of leases after it."""
    folder.mkdir()
    stage, told = Stage(folder), []
    for number, scene in enumerate(scenes()):
        said = scene(stage)
        texts = [(target, CLOCK_TIMES.sub("…", text)) for target, text in said] if isinstance(said, list) else said
        texts = [(target, re.sub(r"password [a-z0-9-]+", "password …", text)) for target, text in texts]
        told.append((number, texts, [(lease.person_id, lease.lab_id is not None) for lease in stage.leases()]))
        if by is not None and number % every == 0:
            assert stage.set_clock(**by) == [], (number, by)
    return told


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    return played(tmp_path_factory.mktemp("clock") / "stage", None)


@pytest.mark.parametrize("by", STEPS, ids=lambda by: f"{next(iter(by.values())):+} {next(iter(by))}")
@pytest.mark.parametrize("every", [1, 5])
def test_a_class_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: list[object], by: dict[str, float], every: int
) -> None:
    """Everybody is told the same, and has a lab for as long, whenever the clock is set and to what."""
    for expected, seen in zip(undisturbed, played(tmp_path / "stage", by, every), strict=True):
        assert seen == expected


@pytest.mark.parametrize("hours", [1, 25])
def test_a_reminder_that_was_jumped_over_comes_once(tmp_path: Path, hours: int) -> None:
    stage = Stage(tmp_path)
    stage.schedule("s.toml", SESSION)
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    stage.wait(minutes=59)  # 08:59; it starts at 10:00
    stage.wait(minutes=2)
    stage.now += timedelta(minutes=30)
    stage.wait(seconds=2)
    said = [text for target, text in stage.set_clock(hours=hours) if target == CHANNEL]
    assert [text for text in said if "SE Linux started" in text and " ago" in text], said
    assert len(said) == 1
    assert not stage.wait(seconds=2)
    assert not stage.set_clock(hours=-hours)
    assert not [text for _, text in stage.wait(seconds=2) if "starts" in text]


def test_no_reminder_is_repeated_after_a_step_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.schedule("s.toml", SESSION)
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    said = [text for _ in range(130) for _, text in stage.wait(minutes=1)]
    first = [text for text in said if "starts" in text or "started" in text]
    stage.set_clock(hours=-2)
    again = [text for _ in range(130) for _, text in stage.wait(minutes=1)]
    assert first
    assert not [text for text in again if "starts" in text or "started" in text], again


@pytest.mark.parametrize("by", [timedelta(hours=-2), timedelta(hours=2), timedelta(days=-1)])
def test_a_step_over_the_change_of_summer_time(tmp_path: Path, by: timedelta) -> None:
    """10:00 in Berlin on the day when summer time begins is 08:00 UTC, also if the clock was set over 01:00 UTC meanwhile:
    an hour and ten minutes before it, people are reminded, once each."""
    stage = Stage(tmp_path)
    stage.set_clock(seconds=(datetime(2027, 3, 28, 0, 30, tzinfo=UTC) - stage.now).total_seconds())
    stage.schedule("s.toml", SESSION.replace("2026-11-27", "2027-03-28").replace('"UTC"', '"Europe/Berlin"'))
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    stage.set_clock(seconds=by.total_seconds())
    reminded = []
    while stage.now < datetime(2027, 3, 28, 7, 50, tzinfo=UTC):
        said = [text for target, text in stage.wait(minutes=1) if target == CHANNEL]
        reminded += [stage.now for text in said if "SE Linux starts in" in text]
    assert [f"{when:%H:%M}" for when in reminded] == ["07:00", "07:50"]


def test_a_seat_in_the_queue_is_kept(tmp_path: Path) -> None:
    """Who signed up before the clock was set back is still before those who sign up after it."""
    stage = Stage(tmp_path)
    stage.schedule("s.toml", SESSION + "seats = 1\n")
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    for nick in ("alice", "bob"):
        stage.talk(nick, "!signup 1")
        stage.wait(seconds=1)
    stage.set_clock(hours=-1)
    stage.talk("carol", "!signup 1")
    said = stage.hear("alice", "!signup drop 1") + stage.wait(seconds=2)
    assert any(target == "bob" and "seat" in text for target, text in said), said
    assert not any(target == "carol" for target, text in said)


def test_who_is_away_is_not_away_for_longer(tmp_path: Path) -> None:
    """A lab waits ten minutes for somebody who cannot be told, however the clock is set."""
    stage = Stage(tmp_path, labs=1)
    stage.host_up()
    stage.talk("bob", "!lab debian")
    stage.leave("bob")
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    before = [stage.name_of(lease.person_id) for lease in stage.leases() if lease.lab_id is not None]
    stage.wait(minutes=9)
    stage.set_clock(hours=1)
    stage.wait(seconds=2)
    assert [stage.name_of(lease.person_id) for lease in stage.leases() if lease.lab_id is not None] == before


def test_status_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert "clock" not in stage.whisper("olga", "status")[0]
    stage.set_clock(hours=-1)
    assert "this machine's clock was set back by 60 min at 07:00 UTC" in stage.whisper("olga", "status")[0].replace(
        "1 h", "60 min"
    )
    stage.wait(hours=25)
    assert "clock" not in stage.whisper("olga", "status")[0]


def test_history_stays(tmp_path: Path) -> None:
    """What was said last week was said then."""
    stage = Stage(tmp_path)
    stage.talk("alice", "!ask how long does it take?")
    stage.wait(days=7)
    before = stage.dump()
    stage.set_clock(days=1)
    after = stage.dump()
    assert after["question"] == before["question"]
    assert after["question_event"] == before["question_event"]
