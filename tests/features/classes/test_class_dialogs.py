"""A class, as its presenter drives it and its learners follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Line, Priority, Topic


@pytest.fixture
def lesson(stage: Stage) -> Stage:
    """A class at step 1, some seconds ago."""
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.wait(seconds=10)
    return stage


def test_start(stage: Stage) -> None:
    """Topic, one line that says how it goes, and the introduction; all to the channel, ahead of everything else."""
    assert stage.hear("russell", "!start selinux") == [
        (
            CHANNEL,
            "SE Linux for beginners begins, with russell: !lab debian gives you a machine of your own, !done when you "
            "have done a step, !stuck when you need help, !ask for questions.",
        ),
        (CHANNEL, "Welcome"),
        (CHANNEL, "What SE Linux is."),
    ]
    assert Topic(CHANNEL, "SE Linux for beginners | a class runs here, with russell | !help") in stage.said
    assert {line.priority for line in stage.said if isinstance(line, Line)} == {Priority.PRESENTER}


def test_start_says_that_the_class_is_logged(stages: Callable[..., Stage]) -> None:
    """Where talk is kept, people are told, and how to be left out."""
    stage = stages(log="yes")
    assert stage.talk("russell", "!start")[0].endswith(
        "This class is logged, except lines starting with [nolog] and people who said !nolog on."
    )


def test_start_promises_no_labs_that_cannot_be_had(stage: Stage) -> None:
    """A bot without hosts, or without that image, does not send everybody for a lab."""
    stage.images = ()
    stage.restart()
    assert "!lab" not in stage.talk("russell", "!start")[0]


STARTS = [
    ("!start selinx", "no exercise with that name; did you mean !start selinux? !exercises lists them"),
    ("!start beginers", "no exercise with that name; did you mean !start selinux? !exercises lists them"),
    ("!start nonsense", "no exercise with that name (available: selinux); !exercises lists them"),
    ("!start 3", "there is no session 3; !sessions lists them"),
    ("!start ²", "no exercise with that name (available: selinux); !exercises lists them"),
]


@pytest.mark.parametrize(("said", "answer"), STARTS)
def test_start_of_what_is_not_there(stage: Stage, said: str, answer: str) -> None:
    """An exercise or session that is not there: what there is, and no class."""
    stage.talk("russell", "!tz")
    before = stage.dump()
    assert stage.talk("russell", said) == [f"russell: {answer}"]
    assert stage.dump() == before


def test_a_second_start(lesson: Stage) -> None:
    """One class in a channel: the second is told where the first stands."""
    before = lesson.dump()
    assert lesson.talk("russell", "!start") == [
        "russell: SE Linux for beginners is already running here, at step 1 of 3; !end ends it"
    ]
    assert lesson.dump() == before


def test_next_prev_goto_repeat(lesson: Stage) -> None:
    """The class step moves and is shown; code on a line of its own."""
    step2 = ["Step 2 of 3: Change", "Allow it:", "setsebool -P squid_connect_any 1"]
    assert lesson.talk("russell", "!next") == [*step2, "only 0 of 4 had finished step 1; !prev goes back"]
    assert lesson.talk("russell", "!repeat") == step2
    assert lesson.talk("russell", "!goto 3") == ["Step 3 of 3: Check", "Look again."]
    assert lesson.talk("russell", "!goto #2") == step2
    assert lesson.talk("russell", "!back")[0] == "Step 1 of 3: Look"
    assert lesson.talk("russell", "!prev") == ["Welcome", "What SE Linux is."]
    assert lesson.whisper("russell", "goto 3") == ["Step 3 of 3: Check", "Look again."]
    lesson.wait(seconds=6)
    assert lesson.talk("russell", "!next")[:2] == ["Well done", "That was all."]


def test_a_hasty_next_is_answered_and_not_obeyed(lesson: Stage) -> None:
    """Two presenters, or a key that sticks: the class does not skip a step."""
    lesson.talk("russell", "!next")
    before = lesson.dump()
    assert lesson.talk("russell", "!next") == [
        "russell: the class has only just gone to step 2, so I'm staying there; type !next again to go on"
    ]
    assert lesson.dump() == before
    lesson.wait(seconds=5)
    assert lesson.talk("russell", "!next")[0] == "Step 3 of 3: Check"


EDGES = [
    ("!goto 4", "there is no step 4: SE Linux for beginners has steps 1 to 3 (0 is the introduction)"),
    ("!goto -1", '"-1" is not a number. Usage: !goto N, for example !goto 3'),
    ("!goto ٣", '"٣" is not a number. Usage: !goto N, for example !goto 3'),
    ("!goto 99999999999999999999", '"99999999999999999999" is not a number. Usage: !goto N, for example !goto 3'),
    ("!goto", "usage: !goto N, for example !goto 3"),
    ("!goto 1 2", 'unexpected word "2". Usage: !goto N, for example !goto 3'),
    ("!next now", 'unexpected word "now". Usage: !next'),
]


@pytest.mark.parametrize(("said", "answer"), EDGES)
def test_a_step_that_is_not_there(lesson: Stage, said: str, answer: str) -> None:
    """A number out of range or none at all: which there are, and the class stays."""
    before = lesson.dump()
    assert lesson.talk("russell", said) == [f"russell: {answer}"]
    assert lesson.dump() == before


def test_beyond_both_ends(stage: Stage) -> None:
    """Nothing comes before the introduction or after the end."""
    stage.talk("russell", "!start")
    assert stage.talk("russell", "!prev") == ["russell: this is the beginning; !next goes on"]
    stage.talk("russell", "!goto 3")
    stage.wait(seconds=6)
    stage.talk("russell", "!next")
    stage.wait(seconds=6)
    assert stage.talk("russell", "!next") == ["russell: that was the last step; !end ends the class"]


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("!next", "presenters"),
        ("!prev", "presenters"),
        ("!goto 2", "presenters"),
        ("!repeat", "presenters"),
        ("!end", "presenters"),
        ("!start", "presenters"),
        ("!progress", "helpers"),
        ("!take", "helpers"),
        ("!answer 1 x", "helpers"),
        ("!skip 1", "helpers"),
        ("!info x", "helpers"),
        ("!link x", "helpers"),
        ("!action x", "helpers"),
        ("!hosts", "organisers"),
    ],
)
def test_a_learner_does_not_drive(lesson: Stage, said: str, role: str) -> None:
    """What is not for learners is refused in one sentence, and changes nothing."""
    lesson.talk("alice", "!ask first?")
    before = lesson.dump()
    assert lesson.talk("alice", said) == [f"alice: {said.split(maxsplit=1)[0]} is for {role}"]
    assert lesson.dump() == before


@pytest.mark.parametrize(
    "said",
    [
        "!next",
        "!prev",
        "!goto 1",
        "!repeat",
        "!end",
        "!progress",
        "!info x",
        "!step",
        "!hint",
        "!solution",
        "!done",
        "!stuck",
    ],
)
def test_without_a_class(stage: Stage, said: str) -> None:
    """What is about a class says that none runs, and what to say instead."""
    assert stage.talk("russell", said) == ["russell: no class is running here; !start begins one"]
    if said in ("!step", "!hint", "!solution", "!done", "!stuck"):
        assert stage.talk("alice", said) == ["alice: no class is running here; !sessions shows when the next one is"]


def test_step_is_shown_privately(lesson: Stage) -> None:
    """``!step``: my step again, to me alone."""
    assert lesson.hear("alice", "!step") == [
        ("alice", "Step 1 of 3: Look"),
        ("alice", "See which mode it is in:"),
        ("alice", "getenforce"),
        ("alice", "It says Enforcing."),
    ]


def test_done(lesson: Stage) -> None:
    """Done counts at once and is silent in the channel; who lags behind hears what comes next."""
    assert lesson.talk("alice", "!done") == []
    assert lesson.whisper("bob", "check") == ["step 1 is done"]
    assert lesson.hear("alice", "!done") == [("alice", "you're up to date (step 1 is done); the class will go on soon")]
    lesson.talk("carol", "!step")
    lesson.talk("russell", "!goto 3")
    assert lesson.talk("carol", "!done") == [
        "step 1 is done; the class is at step 3 of 3. Type !done again if you have done more; !step shows your next step"
    ]
    assert lesson.talk("carol", "!step")[0] == "Step 2 of 3: Change"
    lesson.wait(seconds=6)
    lesson.talk("russell", "!next")
    assert lesson.talk("carol", "!done") == [
        "step 2 is done; the class is at the end. Type !done again if you have done more; !step shows your next step"
    ]
    assert lesson.talk("carol", "!step")[0] == "Step 3 of 3: Check"
    assert lesson.talk("carol", "!done") == []
    assert lesson.talk("carol", "!done") == ["you have done all the steps"]
    assert lesson.talk("carol", "!step") == ["Well done", "That was all."]


def test_done_at_the_introduction(stage: Stage) -> None:
    """There is nothing to be done before the first step."""
    stage.talk("russell", "!start")
    assert stage.talk("alice", "!done") == ["alice: the class is at the introduction; there is nothing to do yet"]
    assert stage.talk("alice", "!step") == ["Welcome", "What SE Linux is."]
    assert stage.talk("alice", "!hint") == ["alice: this step has no hints; !stuck WORDS calls for help"]
    assert stage.talk("alice", "!solution") == ["alice: this step has no written solution; !stuck WORDS calls for help"]


def test_hints_come_one_by_one(lesson: Stage) -> None:
    """The mildest first, privately, with how many are left; then what else helps."""
    assert lesson.hear("alice", "!hint") == [("alice", "Look closer. (1 more: !hint)")]
    assert lesson.hear("alice", "!hint") == [("alice", "Say getenforce.")]
    assert lesson.talk("alice", "!hint") == [
        "alice: there are no more hints for this step; !stuck WORDS calls for help"
    ]
    assert lesson.talk("bob", "!hint") == ["Look closer. (1 more: !hint)"]


def test_the_solution_comes_after_a_while(lesson: Stage) -> None:
    """Not before people had time to try; then privately."""
    assert lesson.talk("alice", "!solution") == ["alice: the solution will be shown in 5 min; until then, !hint helps"]
    lesson.wait(minutes=5)
    assert lesson.hear("alice", "!solution") == [("alice", "Solution of step 1"), ("alice", "getenforce")]


def test_the_solution_is_never_shown_in_the_channel(lesson: Stage) -> None:
    """Asked for in the channel or in private: staff may look at any time, and learners, who are to try first, get it from
    nobody's answer."""
    for nick in ("hannah", "russell"):
        for where in (CHANNEL, None):
            assert lesson.hear(nick, "!solution 1", where) == [(nick, "Solution of step 1"), (nick, "getenforce")]
    assert lesson.hear("bob", "!solution") == [
        (CHANNEL, "bob: the solution will be shown in 5 min; until then, !hint helps")
    ]
    assert lesson.hear("bob", "solution", None) == [
        ("bob", "the solution will be shown in 5 min; until then, !hint helps")
    ]
    assert lesson.talk("bob", "!solution 2")[0].startswith("bob: the class is at step 1 of 3; ")


def test_what_helps_until_the_solution_is_shown(stage: Stage) -> None:
    """A step without hints sends nobody to !hint."""
    folder = stage.folder / "exercises" / "selinux"
    index = json.loads((folder / "index.json").read_text())
    index["details"]["steps"][0].pop("hints")
    (folder / "index.json").write_text(json.dumps(index))
    stage.restart()
    stage.talk("russell", "!start"), stage.talk("russell", "!next")
    assert stage.talk("bob", "!solution") == [
        "bob: the solution will be shown in 5 min; until then, !stuck WORDS calls for help"
    ]


def test_stuck_and_progress(lesson: Stage) -> None:
    """Helpers see who is done, stuck and silent, with the words of the stuck; !done clears it."""
    lesson.talk("alice", "!done")
    assert lesson.hear("bob", "!stuck it says no") == [("bob", "noted, you are next; !done clears it")]
    lesson.talk("carol", "!stuck")
    assert lesson.talk("hannah", "!progress") == [
        "hannah: step 1 of 3 for 10 s: 1 done, 0 working, 2 stuck, 1 silent; stuck: bob (it says no), carol; better wait: fewer than 60% are done"
    ]
    lesson.talk("bob", "!done")
    lesson.talk("carol", "!done")
    assert lesson.talk("russell", "!progress") == [
        "russell: step 1 of 3 for 10 s: 3 done, 0 working, 0 stuck, 1 silent"
    ]


def test_long_words_of_the_stuck_end_visibly(lesson: Stage) -> None:
    """One line for many: what is too long has a mark where it was cut."""
    lesson.talk("bob", "!stuck " + "word " * 40)
    assert "bob (" + "word " * 15 + "word…) for" in lesson.talk("hannah", "!hands")[0]


def test_progress_counts_who_is_there(lesson: Stage) -> None:
    """Silent is who is in the channel and said nothing yet: not the presenter, nor somebody who took part and left."""
    lesson.talk("alice", "!done")
    lesson.talk("russell", "!step")
    lesson.leave("alice")
    assert "1 done, 1 working, 0 stuck, 3 silent" in lesson.talk("hannah", "!progress")[0]


def test_end_asks_first(lesson: Stage) -> None:
    """``!end`` says what it ends and which questions wait; after !yes: topic, one line, minutes."""
    lesson.talk("alice", "!ask why?")
    lesson.talk("alice", "!step")
    assert lesson.talk("russell", "!end") == [
        "russell: this ends SE Linux for beginners for everybody. One question is still open. Type !yes within 60 s."
    ]
    lesson.wait(seconds=30)
    assert lesson.hear("russell", "!yes") == [
        (CHANNEL, "SE Linux for beginners is over after 40 s; 1 took part. Thank you! Minutes: trainbot log show 1")
    ]
    assert Topic(CHANNEL, "") in lesson.said  # as it was before
    assert lesson.talk("russell", "!next") == ["russell: no class is running here; !start begins one"]
    (minutes,) = (lesson.folder / "public" / "minutes").glob("*.md")
    assert "why?" in minutes.read_text()


def test_somebody_elses_yes_ends_nothing(lesson: Stage) -> None:
    """Only whoever asked may say yes."""
    lesson.talk("russell", "!end")
    lesson.talk("alice", "!yes")
    lesson.talk("olga", "!yes")
    assert lesson.talk("russell", "!repeat")[0] == "Step 1 of 3: Look"


def test_lines_for_the_minutes(lesson: Stage) -> None:
    """``!info``, ``!link`` and ``!action`` go into the minutes, silently; empty ones are refused."""
    for said in ("!info bring lollies", "!link https://example.org/a_b", "!action Hannah writes it up"):
        assert lesson.talk("hannah", said) == []
    for word in ("info", "link", "action"):
        assert lesson.talk("hannah", f"!{word}") == [f"hannah: usage: !{word} WORDS"]
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    (minutes,) = (lesson.folder / "public" / "minutes").glob("*.md")
    text = minutes.read_text()
    assert "## Notes\n\n- bring lollies (hannah)" in text and "## To do\n\n- Hannah writes it up" in text
    assert "https://example.org/a" in text


def test_an_exercise_that_breaks_in_the_middle(lesson: Stage) -> None:
    """A slip while the presenter edits the exercise stops no class: the last good version goes on."""
    index = lesson.folder / "exercises" / "selinux" / "index.json"
    good = index.read_text()
    index.write_text("{ this does not parse")
    for _ in range(20):
        lesson.wait(seconds=2)
    assert lesson.talk("russell", "!next")[0] == "Step 2 of 3: Change"
    assert lesson.talk("alice", "!step")[0] == "Step 2 of 3: Change"
    index.write_text(good.replace("Check", "Check it"))
    for _ in range(20):
        lesson.wait(seconds=2)
    assert lesson.talk("russell", "!next")[0] == "Step 3 of 3: Check it"


def test_an_exercise_that_does_not_parse_cannot_be_started(stage: Stage) -> None:
    """It is not offered, and the class does not begin."""
    (stage.folder / "exercises" / "selinux" / "index.json").write_text("[]")
    stage.restart()
    stage.talk("russell", "!tz")
    before = stage.dump()
    assert stage.talk("russell", "!start selinux") == ["russell: there are no exercises yet"]
    assert stage.talk("russell", "!start") == ["russell: there are no exercises yet; put one in the exercises folder"]
    assert stage.dump() == before


def test_after_a_restart_the_class_goes_on(lesson: Stage) -> None:
    """One line says where it stands; step, progress and the stuck are as they were."""
    lesson.talk("alice", "!done")
    lesson.talk("bob", "!stuck help")
    assert lesson.restart() == [
        (
            CHANNEL,
            "I'm back after a restart: SE Linux for beginners is at step 1 of 3; labs, questions and progress are as they were",
        )
    ]
    lesson.host_up()
    assert "1 done, 0 working, 1 stuck" in lesson.talk("russell", "!progress")[0]
    assert lesson.talk("russell", "!next")[0] == "Step 2 of 3: Change"
    assert lesson.restart() != [] and lesson.talk("alice", "!step")[0] == "Step 2 of 3: Change"


def test_after_a_restart_in_the_middle_of_a_broken_exercise(lesson: Stage) -> None:
    """Then nothing is left to go on with: the presenter is told what to mend, and may still end the class."""
    (lesson.folder / "exercises" / "selinux" / "index.json").unlink()
    lesson.restart()
    assert lesson.talk("russell", "!next") == [
        "russell: the exercise selinux is missing or broken; trainbot exercise check says what's wrong. Fix it and try again"
    ]
    lesson.talk("russell", "!end")
    assert "is over" in lesson.talk("russell", "!yes")[0]


def test_a_restart_without_a_class_is_silent(stage: Stage) -> None:
    """Nobody has to know."""
    assert stage.restart() == []


def test_two_channels(stages: Callable[..., Stage]) -> None:
    """Privately, whoever is in two classes names the channel first; in one class nobody has to."""
    stage = stages(channels=(CHANNEL, "#other"))
    for name in ("russell", "alice"):
        stage.enter(name, "#other")
    assert stage.whisper("russell", "start") == ["which channel? Put it first: #class !start"]
    assert stage.whisper("russell", "#other start")[0].startswith("SE Linux for beginners begins")
    assert stage.whisper("alice", "step") == ["Welcome", "What SE Linux is."]
    assert stage.whisper("alice", "ask why?") == ["question 1 in #other is next"]
    assert stage.whisper("russell", "#class start")[0].startswith("SE Linux for beginners begins")
    assert stage.whisper("alice", "step") == ["which channel? Put it first: #class !step"]
    assert stage.whisper("alice", "ask why?") == ["which channel? Put it first: #class !ask"]
    assert stage.whisper("alice", "#OTHER step") == ["Welcome", "What SE Linux is."]
    assert stage.whisper("alice", "#nowhere step") == ["we are not both in #nowhere"]
    assert stage.whisper("bob", "step") == ["Welcome", "What SE Linux is."]
    stage.restart()


def test_hands(lesson: Stage) -> None:
    """Longest first, with words; who is helped hears it, stands last, and is not helped twice; !done ends it."""
    assert lesson.talk("hannah", "!hands") == ["hannah: nobody is stuck"]
    lesson.talk("bob", "!stuck it says no")
    lesson.wait(minutes=2)
    assert lesson.talk("carol", "!stuck") == ["noted, 1 before you; !done clears it"]
    lesson.wait(minutes=1)
    assert lesson.talk("hannah", "!hands") == ["hannah: 2 stuck: bob (it says no) for 3 min; carol for 60 s"]
    assert lesson.hear("hannah", "!helping BOB") == [(CHANNEL, "bob: hannah is helping you now")]
    assert lesson.talk("russell", "!helping bob") == [
        "russell: hannah is already helping bob; !hands shows who else is waiting"
    ]
    assert lesson.talk("russell", "!helping alice") == ["russell: alice is not stuck; !hands shows who is"]
    assert lesson.talk("russell", "!hands") == [
        "russell: 2 stuck: carol for 60 s; bob (it says no) for 3 min, hannah is helping"
    ]
    assert lesson.talk("carol", "!stuck still") == ["noted, you are next; !done clears it"]
    lesson.talk("bob", "!done")
    assert lesson.talk("hannah", "!hands") == ["hannah: 1 stuck: carol (still) for 60 s"]


def test_numbers_of_many_stuck_fit_a_line(lesson: Stage) -> None:
    """However many names there are."""
    for n in range(40):
        lesson.join(f"somebody{n}", account=f"somebody{n}")
        lesson.talk(f"somebody{n}", f"!stuck {'x' * 100}")
    for said in ("!hands", "!progress"):
        (line,) = lesson.talk("hannah", said)
        assert len(line.encode()) < 600 and "more" in line


def test_a_long_step_leads_to_the_rest_of_it(stages: Callable[..., Stage]) -> None:
    """The channel names the step, which anybody may ask for: in parts, and the page is named where it is served."""
    stage = stages()
    stage.config = replace(stage.config, records=replace(stage.config.records, public_url="https://example.org/t"))
    text = stage.folder / "exercises" / "selinux" / "1.md"
    text.write_text("\n\n".join(f"Paragraph {n} {'word ' * 60}." for n in range(30)))
    stage.restart()
    stage.talk("russell", "!start")
    assert stage.talk("russell", "!next")[-1] == "(26 more lines: !step 1)"
    stage.wait(seconds=6)
    stage.talk("russell", "!next")
    first, second = stage.whisper("alice", "step 1"), stage.whisper("alice", "step 1 2")
    url = "https://example.org/t/handouts/selinux.html"
    assert len(first) == 16 and first[-1] == f"(16 more lines: !step 1 2, or {url})"
    assert len(second) == 16 and second[-1] == f"(1 more line: !step 1 3, or {url})"
    assert second[0].startswith("Paragraph 14") and len(stage.whisper("alice", "step 1 3")) == 1
    assert stage.whisper("alice", "step 1 4") == ["it has 3 parts: !step 1"]
    assert "Paragraph 29" in (stage.folder / "public" / "handouts" / "selinux.html").read_text()


def test_what_was_shown_can_be_seen_again(lesson: Stage) -> None:
    """A step that the class has gone back from, and the introduction; what is still to come is for its staff."""
    lesson.talk("russell", "!goto 3")
    lesson.talk("russell", "!goto 1")
    assert lesson.whisper("alice", "step 3")[0] == "Step 3 of 3: Check"
    assert lesson.whisper("alice", "step 0")[0] == "Welcome"
    lesson.talk("russell", "!end")
    lesson.talk("russell", "!yes")
    lesson.talk("russell", "!start")
    assert lesson.whisper("alice", "step 3") == [
        "the class is at the introduction; !step shows your step, !step N any step up to 0"
    ]
    assert lesson.whisper("russell", "step 3")[0] == "Step 3 of 3: Check"
