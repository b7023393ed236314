"""Two channels a class: one where presenters speak, one beside it where people talk."""

from __future__ import annotations

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Incoming, Modes

TALK = "#talk"


@pytest.fixture
def hall(stages) -> Stage:
    """A class with a channel for talk: alice is in both, bob only there; hannah helps."""
    hall = stages(channels=(CHANNEL, TALK), talk=TALK, log="yes")
    for nick in ("alice", "bob", "russell", "hannah"):
        hall.net.channels[TALK].add(nick)
    hall.net.channels[CHANNEL].discard("bob")
    hall.host_up()
    return hall


def says(stage: Stage, nick: str, text: str) -> list[tuple[str, str]]:
    """What is said, to whom, when that person says it where people talk."""
    return stage.happens(Incoming(stage.net.people[nick], TALK, text, stage.now))


def modes(stage: Stage) -> list[tuple[str, ...]]:
    return [(out.channel, out.change, *out.nicks) for out in stage.said if isinstance(out, Modes)]


def test_the_class_is_quiet_by_itself(hall: Stage) -> None:
    """From its beginning to its end only presenters and helpers speak in its channel, and it is said where to talk."""
    said = hall.talk("russell", "!start selinux")
    assert f"only presenters and helpers speak here; talk and ask in {TALK}, or message me: /msg trainbot help" in said
    assert modes(hall) == [(CHANNEL, "+m"), (CHANNEL, "+vvv", "hannah", "olga", "russell")]
    assert f"talk in {TALK}" in hall.net.topics[CHANNEL] and TALK not in hall.net.topics
    hall.restart()
    assert hall.wait(minutes=1) == [] and "m" in hall.net.modes[CHANNEL]
    hall.talk("russell", "!end")
    hall.talk("russell", "!yes")
    assert hall.net.modes == {CHANNEL: "nt"} and hall.net.marks == set()


def test_off_holds_until_the_class_ends(hall: Stage) -> None:
    """Whoever lets everybody speak is not gainsaid; the next class is quiet again."""
    hall.talk("russell", "!start selinux")
    hall.talk("russell", "!quiet off")
    hall.wait(minutes=1)
    assert "m" not in hall.net.modes[CHANNEL]
    hall.talk("russell", "!quiet on")
    assert "m" in hall.net.modes[CHANNEL]
    hall.talk("russell", "!quiet off")
    hall.talk("russell", "!end")
    hall.talk("russell", "!yes")
    hall.wait(minutes=1)
    hall.talk("russell", "!start selinux")
    assert "m" in hall.net.modes[CHANNEL]


def test_what_is_said_there_is_about_the_class(hall: Stage) -> None:
    """Commands and questions there are the class's; answers come where they were asked, what is for all into the class."""
    hall.talk("russell", "!start selinux")
    assert says(hall, "bob", "QUESTION: why labels?") == [(TALK, "bob: question 1 is next")]
    assert "why labels?" in hall.talk("russell", "!take")[0]
    hall.wait(seconds=6)
    assert any(target == CHANNEL for target, _ in says(hall, "russell", "!next"))
    says(hall, "alice", "!done")
    assert any(target == TALK and "1 of" in text for target, text in says(hall, "russell", "!progress"))
    assert says(hall, "alice", "hello everybody") == []
    assert not any("hello everybody" in entry.text for entry in hall.store.entries.all())


def test_privately_there_is_one_class(hall: Stage) -> None:
    """Whoever is in both channels, or only where people talk, need not name the channel."""
    hall.talk("russell", "!start selinux")
    for nick in ("alice", "bob"):
        assert "which channel" not in hall.whisper(nick, "step")[0]


def test_somebody_else_moderates(hall: Stage) -> None:
    """A channel that is moderated anyway stays so; who speaks in it is voiced."""
    hall.net.modes[CHANNEL] = "ntm"
    hall.talk("russell", "!start selinux")
    assert {nick for _, nick in hall.net.marks} == {"russell", "hannah", "olga"}
    hall.talk("russell", "!end")
    hall.talk("russell", "!yes")
    assert hall.net.modes[CHANNEL] == "ntm" and hall.net.marks == set()
