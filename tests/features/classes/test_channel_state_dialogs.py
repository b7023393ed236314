"""A channel's manners: the topic from the calendar, a voice for who presents, quiet when asked for."""

from __future__ import annotations

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Arrived, AskChanServ, ChannelMembers, Modes, Topic

COURSE = """
[course]
title = "SE Linux for all"
exercise = "selinux"
zone = "Europe/Berlin"
slides = "https://example.org/slides"
[[session]]
id = "a"
start = 2026-11-27T10:00:00
[[session]]
id = "b"
start = 2026-12-05T09:00:00
"""
NEXT = "next: SE Linux for all, Sat 5 Dec 08:00 UTC | !sessions"

ASKED = "russell: I have asked ChanServ to make me an operator; #class is quiet as soon as I am"


def modes(stage: Stage) -> list[tuple[str, ...]]:
    return [(out.change, *out.nicks) for out in stage.said if isinstance(out, Modes)]


def topics(stage: Stage) -> list[str]:
    return [out.text for out in stage.said if isinstance(out, Topic)]


@pytest.fixture
def planned(stage: Stage) -> Stage:
    """A session in an hour and one next week; somebody had set a topic."""
    stage.net.topics[CHANNEL] = "Welcome to the class"
    stage.schedule("course.toml", COURSE)
    stage.wait(seconds=2)
    return stage


@pytest.fixture
def lesson(planned: Stage) -> Stage:
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    return planned


def test_the_topic_follows_the_calendar(planned: Stage) -> None:
    """What is next, then what runs and its slides, then what is next; other people's words stay before it."""
    assert (
        planned.net.topics[CHANNEL] == "Welcome to the class | next: SE Linux for all, Fri 27 Nov 09:00 UTC | !sessions"
    )
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    assert topics(planned) == [
        "Welcome to the class | SE Linux for all | a class runs here, with russell | "
        "slides: https://example.org/slides | !help"
    ]
    planned.talk("russell", "!end")
    planned.talk("russell", "!yes")
    assert planned.net.topics[CHANNEL] == f"Welcome to the class | {NEXT}"


def test_the_topic_does_not_change_with_each_step(lesson: Stage) -> None:
    """A long topic fills a screen: the step is in the channel, and in what late joiners are told."""
    lesson.wait(seconds=6), lesson.talk("russell", "!next")
    lesson.restart()
    assert topics(lesson) == []


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ("Quiz at five | {}", "Quiz at five | {}"),
        ("{} | Quiz at five", "Quiz at five | {}"),
        ("", "{}"),
        ("{}", "{}"),
        ("A | B | {} | C", "A | B | C | {}"),
        ("a class runs here, with us", "a class runs here, with us | {}"),
    ],
)
def test_whatever_somebody_makes_of_the_topic(lesson: Stage, there: str, then: str) -> None:
    """At the end of the class their words are kept, and ours are there once, behind them."""
    lesson.net.topics[CHANNEL] = there.format(lesson.net.topics[CHANNEL].removeprefix("Welcome to the class | "))
    lesson.talk("russell", "!end"), lesson.talk("russell", "!yes")
    assert lesson.net.topics[CHANNEL] == then.format(NEXT)


def test_the_topic_is_put_back(planned: Stage) -> None:
    """Nothing planned any more: it is as somebody had set it."""
    (planned.folder / "schedules" / "course.toml").unlink()
    planned.wait(seconds=2)
    planned.wait(seconds=2)
    assert planned.net.topics[CHANNEL] == "Welcome to the class"


def test_a_topic_that_somebody_sets_stays(lesson: Stage) -> None:
    """We do not fight over it; our next words go behind the new ones, and a restart changes nothing."""
    lesson.net.topics[CHANNEL] = "Quiz at five"
    lesson.wait(minutes=1)
    lesson.restart()
    lesson.wait(minutes=1)
    assert lesson.net.topics[CHANNEL] == "Quiz at five"
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    assert lesson.net.topics[CHANNEL] == f"Quiz at five | {NEXT}"


def test_words_that_did_not_arrive(planned: Stage) -> None:
    """What the server has not done yet, or never did, is no topic of somebody else: ours never pile up."""
    before = planned.net.topics[CHANNEL]
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    planned.net.topics[CHANNEL] = before
    planned.restart()
    planned.talk("russell", "!end")
    planned.talk("russell", "!yes")
    assert planned.net.topics[CHANNEL] == f"Welcome to the class | {NEXT}"


def test_a_topic_that_only_operators_set(planned: Stage) -> None:
    """Is set as soon as we are one."""
    planned.net.status = ""
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    assert topics(planned) == []
    planned.net.status = "o"
    planned.wait(seconds=2)
    assert len(topics(planned)) == 1 and "a class runs here" in planned.net.topics[CHANNEL]


def asked(stage: Stage) -> list[str]:
    """What ChanServ was asked for, the text of a topic left out."""
    return [out.request for out in stage.said if isinstance(out, AskChanServ)]


@pytest.fixture
def served(planned: Stage) -> Stage:
    """The bot is logged in, and no operator; a class has just begun."""
    planned.net.status, planned.net.account = "", "trainbot"
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    return planned


TEXT = "Welcome to the class | SE Linux for all | a class runs here, with russell | slides: https://example.org/slides | !help"


def test_chanserv_sets_the_topic(served: Stage) -> None:
    """It is asked once; when the topic is there, all is as if we had set it, after a restart as well."""
    assert [out for out in served.said if isinstance(out, AskChanServ)] == [AskChanServ(CHANNEL, "TOPIC", TEXT)]
    served.wait(seconds=2)
    assert asked(served) == []
    served.net.topics[CHANNEL] = TEXT
    served.wait(seconds=40)
    served.restart()
    served.wait(hours=1)
    assert asked(served) == topics(served) == []
    assert "topic" not in served.talk("olga", "!status")[0]
    served.talk("russell", "!end"), served.talk("russell", "!yes")
    assert [out.text for out in served.said if isinstance(out, AskChanServ)] == [f"Welcome to the class | {NEXT}"]


def test_chanserv_makes_us_an_operator(served: Stage) -> None:
    """Where it may not set the topic for us, but that; then we set it ourselves."""
    served.wait(seconds=31)
    assert asked(served) == ["OP"]
    served.net.status = "o"
    served.wait(seconds=2)
    assert topics(served) == [TEXT] and asked(served) == []


def test_chanserv_does_neither(served: Stage) -> None:
    """!status says so and what to type; it is asked again after an hour, when we rejoin, and for another text: no loop."""
    served.wait(seconds=31)
    served.wait(seconds=31)
    assert asked(served) == []
    assert (
        "I can't set the topic (+t): /msg ChanServ FLAGS #class trainbot +ot, or /mode #class +o trainbot lets me"
        in served.talk("olga", "!status")[0]
    )
    counted = 0
    for _ in range(55):
        served.wait(minutes=1)
        counted += len(asked(served))
    assert counted == 0
    served.wait(minutes=5)
    assert asked(served) == ["TOPIC"]
    served.happens(ChannelMembers(CHANNEL, tuple(served.net.members(CHANNEL)), served.now))
    assert asked(served) == ["TOPIC"]


def test_a_locked_topic(served: Stage) -> None:
    """ChanServ takes our topic back each time: we do not quarrel with it."""
    served.net.status = "o"
    served.net.carries_out = lambda out: None  # type: ignore[method-assign]
    served.wait(seconds=2)
    assert len(topics(served)) == 1
    for _ in range(10):
        served.wait(minutes=1)
        assert topics(served) == asked(served) == []


def test_words_that_services_take_for_a_command(served: Stage) -> None:
    """A topic that begins with one of them is set by ourselves."""
    served.net.topics[CHANNEL] = "Lock picking at five"
    served.happens(ChannelMembers(CHANNEL, tuple(served.net.members(CHANNEL)), served.now))
    assert asked(served) == ["OP"]


def test_a_topic_that_nobody_sets_for_us(planned: Stage) -> None:
    """Without an account nobody is asked; !status says what to type."""
    planned.net.status = ""
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    assert asked(planned) == []
    assert "I can't set the topic (+t): /mode #class +o trainbot lets me" in planned.talk("olga", "!status")[0]


def test_quiet_where_chanserv_may_make_us_an_operator(served: Stage) -> None:
    """It is asked, and the presenter hears that it was; once it refused, what to type."""
    assert served.talk("russell", "!quiet on") == [ASKED]
    assert asked(served) == ["OP"]
    assert served.talk("russell", "!quiet on")[0].startswith(
        "russell: I can't, I am not an operator of #class: type /msg"
    )
    served.net.status = "o"
    assert served.talk("russell", "!quiet on")[0].startswith("quiet, please")


def test_quiet_once_chanserv_has_made_us_an_operator(served: Stage) -> None:
    """Then the channel is moderated without another word; not if it takes long, and not if the presenter has changed their mind."""
    assert served.talk("russell", "!quiet on") == [ASKED]
    served.net.status = "o"
    (said,) = served.wait(seconds=2)
    assert said[1].startswith("quiet, please") and ("+m",) in modes(served)
    assert served.talk("russell", "!quiet off") == ["everybody can speak again"]


@pytest.mark.parametrize("late", [True, False])
def test_quiet_that_is_no_longer_wanted(served: Stage, late: bool) -> None:
    """ChanServ answers after half a minute, or the presenter says off before it does."""
    assert served.talk("russell", "!quiet on") == [ASKED]
    if late:
        served.wait(seconds=40)
    else:
        assert served.talk("russell", "!quiet off") == ["russell: #class is not quiet"]
    served.net.status = "o"
    assert served.wait(seconds=2) == [] and ("+m",) not in modes(served)


def test_a_long_topic(planned: Stage) -> None:
    """Is cut so that ours is whole, and put back as it was."""
    planned.net.topics[CHANNEL] = "ä" * 180
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    (text,) = topics(planned)
    assert len(text.encode()) <= 380 and text.endswith("!help") and "… | SE Linux for all" in text


@pytest.mark.parametrize(
    ("octets", "topic"),
    [
        (
            115,
            "Welcome to the… | SE Linux for all | a class runs here, with russell | slides: https://example.org/slides | !help",
        ),
        (97, "SE Linux for all | a class runs here, with russell | slides: https://example.org/slides | !help"),
        (60, "SE Linux for all | a class runs here, with russell | !help"),
    ],
)
def test_a_server_with_short_topics(planned: Stage, octets: int, topic: str) -> None:
    """Other people's words give way first, then the link to the slides."""
    planned.net.topic_octets = octets
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    assert topics(planned) == [topic]


def test_the_presenter_has_a_voice(lesson: Stage) -> None:
    """From beginning to end; the others as they are."""
    assert modes(lesson) == [("+v", "russell")]
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    assert modes(lesson) == [("-v", "russell")]


def test_quiet(lesson: Stage) -> None:
    """The channel is moderated, helpers are voiced, people are told how to ask; off takes it all back."""
    assert lesson.talk("russell", "!quiet on") == [
        "quiet, please: only presenters and helpers speak now. Everybody else, message me: /msg trainbot ask WORDS, "
        "or done, or stuck"
    ]
    assert modes(lesson) == [("+m",), ("+vv", "hannah", "olga")]
    assert lesson.talk("russell", "!quiet on") == ["russell: the channel is already quiet; !quiet off ends that"]
    lesson.wait(seconds=2)
    assert modes(lesson) == []
    assert lesson.whisper("alice", "ask why?")
    assert lesson.talk("russell", "!quiet off") == ["everybody can speak again"]
    assert modes(lesson) == [("-m",), ("-vv", "hannah", "olga")]
    assert lesson.talk("russell", "!quiet off") == [f"russell: {CHANNEL} is not quiet"]
    assert "is for presenters" in lesson.talk("hannah", "!quiet on")[0]
    assert '"loud" is neither on nor off. Usage: !quiet on, or !quiet off' in lesson.talk("russell", "!quiet loud")[0]


def test_voices_of_others(lesson: Stage) -> None:
    """Whoever had a voice before from somebody else has it afterwards; whom we voiced is known after a restart, too."""
    lesson.net.marks.add((CHANNEL, "hannah"))
    lesson.talk("russell", "!quiet on")
    assert modes(lesson) == [("+m",), ("+v", "olga")]
    lesson.restart()
    assert modes(lesson) == []
    lesson.talk("russell", "!quiet off")
    assert modes(lesson) == [("-m",), ("-v", "olga")]
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    assert lesson.net.marks == {(CHANNEL, "hannah")}


def test_helpers_who_come_later(lesson: Stage) -> None:
    """Are voiced too, and again after they were away or had another nick."""
    lesson.talk("russell", "!quiet on")
    hannah = lesson.net.people["hannah"]
    lesson.leave("hannah")
    lesson.join("hannah", account="hannah")
    lesson.happens(Arrived(hannah, CHANNEL, lesson.now))
    assert modes(lesson) == [("+v", "hannah")]
    lesson.rename("hannah", "hannah_away")
    assert modes(lesson) == []


def test_quiet_ends_with_the_class(lesson: Stage) -> None:
    """Also when we die right after the end was stored, before a word of it was said."""
    lesson.talk("russell", "!quiet on")
    lesson.talk("russell", "!end")
    lesson.net.status = ""  # what we say now is lost
    lesson.talk("russell", "!yes")
    assert "m" in lesson.net.modes[CHANNEL]
    lesson.net.status = "o"
    lesson.restart()
    lesson.wait(seconds=2)
    assert "m" not in lesson.net.modes[CHANNEL]
    assert lesson.wait(minutes=5) == [] and modes(lesson) == []


def test_after_a_crash_in_a_quiet_class(lesson: Stage) -> None:
    """It stays quiet, those who speak are voiced again, and it is taken off at the end."""
    lesson.talk("russell", "!quiet on")
    lesson.net.modes[CHANNEL] = "nt"  # the server was restarted as well
    lesson.net.marks.clear()
    lesson.restart()
    assert sorted(modes(lesson)) == [("+m",), ("+vvv", "hannah", "olga", "russell")]
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    assert ("-m",) in modes(lesson)


def test_slides(planned: Stage) -> None:
    """Of the class that runs, else of the next one; that there are none is said."""
    assert planned.talk("alice", "!slides") == ["alice: slides for SE Linux for all: https://example.org/slides"]
    planned.now = planned.now.replace(hour=9)
    planned.talk("russell", "!start")
    assert planned.talk("alice", "!slides") == ["alice: slides for SE Linux for all: https://example.org/slides"]
    (planned.folder / "schedules" / "course.toml").unlink()
    planned.talk("russell", "!end")
    planned.talk("russell", "!yes")
    planned.wait(hours=3)
    planned.wait(seconds=2)
    assert planned.talk("alice", "!slides") == ["alice: there are no slides; !sessions lists what is planned"]


def test_without_being_an_operator(lesson: Stage) -> None:
    """It is said what to do, and nothing half done; nobody else's moderation is taken away."""
    lesson.net.status = "v"
    assert lesson.talk("russell", "!quiet on") == [
        "russell: I can't, I am not an operator of #class: type /msg ChanServ OP #class trainbot, or /mode #class +o trainbot, "
        "then !quiet on again"
    ]
    lesson.net.status, lesson.net.modes[CHANNEL] = "o", "ntm"
    assert "somebody else has already made #class moderated" in lesson.talk("russell", "!quiet on")[0]
    assert "somebody else made it moderated" in lesson.talk("russell", "!quiet off")[0]
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    assert "m" in lesson.net.modes[CHANNEL]


def test_a_request_that_had_no_effect(lesson: Stage) -> None:
    """Is repeated, and not at every look."""
    lesson.net.carries_out = lambda out: None  # type: ignore[method-assign]
    lesson.talk("russell", "!quiet on")
    assert ("+m",) in modes(lesson)
    lesson.wait(seconds=2)
    assert modes(lesson) == []
    lesson.wait(seconds=40)
    assert modes(lesson) == [("+m",)]
    lesson.happens(ChannelMembers(CHANNEL, tuple(lesson.net.members(CHANNEL)), lesson.now))
    assert ("+m",) in modes(lesson)
