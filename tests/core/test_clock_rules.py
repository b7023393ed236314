"""A place changes its clocks by law: what was planned keeps its time on the wall, and people hear what that means."""

from __future__ import annotations

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core import zones
from trainbot.features.sessions.session_store import from_json

FILE = """
[[session]]
id = "a"
title = "From a file"
zone = "Australia/Melbourne"
start = 2026-12-07T19:00:00
[[session]]
id = "b"
title = "Elsewhere"
zone = "Europe/Berlin"
start = 2026-12-08T09:00:00
"""
ADD = '!session add sat 5 dec 19:00 melbourne 90min "{}"'


@pytest.fixture
def planned(stage: Stage) -> Stage:
    """Two from a file, one published, one draft, one cancelled; bob has a seat in what was made on IRC."""
    stage.schedule("course.toml", FILE)
    for n, title in enumerate(("Published", "Draft", "Off"), 1):
        stage.talk("olga", ADD.format(title))
        stage.talk("olga", "!yes")
        if title != "Draft":
            stage.talk("olga", f"!session publish d{n}")
    stage.talk("olga", "!session cancel d3")
    stage.talk("olga", "!yes")
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    stage.talk("bob", "!tz berlin")
    stage.talk("bob", "!signup Published")
    return stage


@pytest.fixture
def new_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on Melbourne keeps Brisbane's clocks: no summer time."""
    rules = zones.zone("Australia/Brisbane")
    monkeypatch.setattr(
        "trainbot.core.times.zone", lambda name: rules if name == "Australia/Melbourne" else zones.zone(name)
    )
    for module in ("model.session", "features.sessions.changes"):
        monkeypatch.setattr(f"trainbot.{module}.TZDATA_VERSION", "2099a")


def versions(stage: Stage) -> set[str]:
    with stage.store.transaction():
        return {from_json(row.value).tzdata for row in stage.store.sessions.all()}


def test_what_was_planned_is_derived_again(planned: Stage, new_law: None) -> None:
    """At the first start with the new rules: channel and seats hear it, with the reason; drafts move quietly; once."""
    said = planned.restart() + planned.wait(seconds=2) + planned.wait(seconds=2)
    told = sorted(text for target, text in said if target == CHANNEL)
    assert [text.partition(" | ")[0] for text in told] == [
        "moved (the clock rules of Australia/Melbourne changed): From a file, from Mon 7 Dec 08:00 UTC to Mon 7 Dec 09:00 UTC",
        "moved (the clock rules of Australia/Melbourne changed): Published, from Sat 5 Dec 08:00 UTC to Sat 5 Dec 09:00 UTC",
    ]
    assert "Sat 5 Dec 19:00 +1000 Melbourne" in told[1]
    (bobs,) = [text for target, text in said if target == "bob"]
    assert bobs.startswith("Published moved from Sat 5 Dec 09:00 +0100 Berlin to Sat 5 Dec 10:00 +0100 Berlin")
    assert "d2: Draft, Sat 5 Dec 19:00 +1000 Melbourne" in planned.whisper("olga", "session")[0]
    assert versions(planned) == {"2099a"}
    assert planned.restart() + planned.wait(seconds=2) == []


def test_the_same_rules_in_a_newer_version_are_nothing_to_tell(planned: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is kept, nobody hears of it."""
    for module in ("model.session", "features.sessions.changes"):
        monkeypatch.setattr(f"trainbot.{module}.TZDATA_VERSION", "2099a")
    assert planned.restart() + planned.wait(seconds=2) + planned.wait(seconds=2) == []
    assert versions(planned) == {"2099a"}
