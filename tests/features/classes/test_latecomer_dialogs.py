"""Who joins a running class is told privately, once, where it is and what to type."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Arrived

SOLVED = "!catchup does the steps before it in your lab, "
AT_3 = f"Scripts is at step 3 of 4: !lab debian gives you a machine, {SOLVED}!step shows the step"


def come(stage: Stage, *nicks: str) -> list[tuple[str, str]]:
    """They join at once; those with ``x`` at the beginning have no account."""
    said = []
    for nick in nicks:
        stage.join(nick, account=None if nick.startswith("x") else nick)
        said += stage.happens(Arrived(stage.net.people[nick], CHANNEL, stage.now))
    return said + stage.wait(seconds=2)


@pytest.fixture
def late(played: Callable[..., Stage]) -> Stage:
    """A class at its third step, in which alice has a lab."""
    stage = played(("alice",))
    stage.talk("russell", "!goto 3")
    stage.wait(minutes=20)
    return stage


def test_a_line_for_each(late: Stage) -> None:
    """A lab and how to catch up; nothing about labs for who has one; how to log in for who cannot have one; nothing for
    staff."""
    late.leave("alice"), late.wait(minutes=20)
    told = dict(come(late, "dan", "xeno", "alice", "hannah"))
    assert told["dan"] == AT_3
    assert told["xeno"].startswith(
        f"{AT_3}. For a lab you need an account: /msg NickServ IDENTIFY PASSWORD logs you in"
    )
    assert told["alice"] == f"Scripts is at step 3 of 4: !step shows yours, {SOLVED}".rstrip(", ")
    assert set(told) == {"dan", "xeno", "alice"}
    assert not [line for line in late.talk("dan", "!lab debian") if "!catchup" in line]  # they know


def test_not_again_for_who_was_only_away_for_minutes(late: Stage) -> None:
    """A netsplit, a lost connection, another nick of the same account; after a longer time it is said again."""
    assert come(late, "dan") == [("dan", AT_3)]
    for nick in ("dan", "bob", "carol"):
        late.leave(nick)
    late.wait(minutes=5)
    assert come(late, "dan", "bob", "carol") == []
    late.leave("bob"), late.wait(minutes=20)
    assert come(late, "bob") == [("bob", AT_3)]
    late.leave("bob")
    late.join("bob2", account="bob")
    assert late.happens(Arrived(late.net.people["bob2"], CHANNEL, late.now)) + late.wait(seconds=2) == []


def test_many_at_once(late: Stage) -> None:
    """A network lets us write to about ten new people: the others read one line in the channel, and nobody is forgotten."""
    said = come(late, *(f"l{number}" for number in range(30)))
    assert said == [
        *((f"l{number}", AT_3) for number in range(8)),
        (CHANNEL, f"l8, l9, l10, l11, l12, l13 and 16 more: {AT_3}"),
    ]
    assert come(late, "fay") == []
    late.wait(seconds=30)
    assert late.wait(seconds=40) == [("fay", AT_3)]


def test_who_comes_and_goes_is_not_written_to(late: Stage) -> None:
    """Between two ticks; and it is said when they come to stay."""
    late.join("dan", account="dan")
    late.happens(Arrived(late.net.people["dan"], CHANNEL, late.now))
    late.leave("dan")
    assert late.wait(seconds=2) == []
    assert come(late, "dan") == [("dan", AT_3)]


def test_who_logs_in_after_joining_is_told_as_who_they_are(late: Stage) -> None:
    """A client joins, and is logged in and has its nick back a moment later."""
    late.join("xeno")
    late.happens(Arrived(late.net.people["xeno"], CHANNEL, late.now))
    late.rename("xeno", "dan", account="dan")
    assert late.wait(seconds=2) == [("dan", AT_3)]


def test_at_the_introduction_and_without_labs(played: Callable[..., Stage]) -> None:
    """Whatever step it is at; in a lecture there are no labs; without a class nothing is said."""
    stage = played(())
    assert come(stage, "dan") == [
        ("dan", "Scripts is at the introduction: !lab debian gives you a machine, !step shows the step")
    ]
    stage.talk("russell", "!lecture on")
    assert come(stage, "eve") == [("eve", "Scripts is at the introduction: !step shows it")]
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")
    assert come(stage, "fay") == []


def test_nothing_is_remembered_of_a_class_that_is_over(late: Stage) -> None:
    """A bot that runs for months remembers only who was told in the classes that run now, and who left just now."""
    latecomers = late.wiring.classes.latecomers
    come(late, "dan", "eve", "fay")
    late.leave("fay")
    assert {name for _class, name in latecomers._told} >= {"dan", "eve", "account dan"} and latecomers._left
    late.talk("russell", "!end"), late.talk("russell", "!yes")
    late.wait(minutes=20)
    assert not latecomers._told and not latecomers._left
    late.talk("russell", "!start scripts"), late.talk("russell", "!goto 3")
    late.leave("dan"), late.wait(minutes=20)
    assert come(late, "dan") == [("dan", AT_3)]


def test_what_is_remembered_is_bounded(late: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who joins under ever new nicks fills no memory."""
    monkeypatch.setattr("trainbot.features.classes.latecomers.MOST", 20)
    for n in range(40):
        come(late, f"nick{n}")
        late.leave(f"nick{n}")
        late.wait(seconds=10)
    latecomers = late.wiring.classes.latecomers
    assert len(latecomers._told) <= 22 and len(latecomers._left) <= 20
    assert any(name == "nick39" for _class, name in latecomers._told)
