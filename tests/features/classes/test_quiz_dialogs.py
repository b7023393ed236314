"""Quizzes, and classes without labs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import CHANNEL, Stage
from trainbot.features.classes.quiz_answers import folded, is_right
from trainbot.model.host import HostLost

ASKED = (
    CHANNEL,
    "Quiz: which port do keyservers use? (answer here or to me in private within 20 s; a winner is drawn from the right answers)",
)


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """A quiz is open; lots fall on whoever is last among the right ones."""
    stage.wiring.classes.quizzes.draw = lambda right: right[-1]
    stage.talk("russell", "!start")
    assert stage.hear("russell", "quiz which port do keyservers use? = 11371 | hkp", channel=None) == [ASKED]
    return stage


def test_lots_are_drawn_among_the_right_ones(asked: Stage) -> None:
    """In the channel or privately, early or late within the time, however it is written."""
    assert asked.talk("alice", "11371") == []
    assert asked.whisper("bob", "it is 80") == ["noted"]
    assert asked.whisper("bob", "the HKP!") == ["noted"]
    asked.wait(seconds=19)
    assert asked.talk("carol", "11371.") == []
    assert asked.wait(seconds=1) == []
    assert asked.wait(seconds=2) == [
        (CHANNEL, "the answer is 11371. 3 people got it; the prize goes to carol (drawn at random)")
    ]
    assert asked.wait(seconds=60) == []


def test_nobody_and_one(asked: Stage) -> None:
    """Who comes too late, who has had three tries, and staff, are not among them; everything is kept over a restart."""
    asked.talk("hannah", "11371")
    for guess in ("80", "443", "22", "11371"):
        answer = asked.whisper("bob", guess)
    assert answer == ["you have already given 3 answers"]
    asked.restart()
    asked.host_up()
    asked.now = asked.now.replace(second=23)
    asked.talk("alice", "11371")
    assert asked.wait(seconds=0) == [(CHANNEL, "the answer was 11371; nobody got it this time")]
    asked.whisper("russell", "quiz how many? = 3")
    asked.talk("alice", "3")
    assert asked.wait(seconds=22) == [(CHANNEL, "the answer is 3. Only alice got it, and wins")]


def test_commands_are_commands_while_a_quiz_is_open(asked: Stage) -> None:
    """What is a command is no answer, and the other way round."""
    assert asked.talk("alice", "!step") == ["Welcome", "What SE Linux is."]
    assert asked.whisper("alice", "keyserver") == ["noted"]
    assert asked.whisper("russell", "quiz next one = x") == [
        "a quiz is already open; ask the next one when its winner has been drawn, in a moment"
    ]
    asked.wait(seconds=30)
    assert asked.whisper("alice", "keyserver") == asked.whisper("alice", "!help")


@pytest.mark.parametrize("words", ["x", "= y", "x =", "x = |", "x = !!|"])
def test_a_quiz_has_a_question_and_an_answer(stage: Stage, words: str) -> None:
    """Else its form is told."""
    said = stage.whisper("russell", f"quiz {words}")
    assert (
        said == ["usage: quiz WORDS = ANSWER, for example quiz which port do keyservers use? = 11371"]
        or words == "x = !!|"
    )


def test_a_quiz_is_told_privately_and_by_presenters(stage: Stage) -> None:
    """Its answer stands in it."""
    assert stage.talk("russell", "!quiz a = b") == ["russell: use a private message for that: /msg trainbot quiz …"]
    assert stage.whisper("alice", "quiz a = b") == ["!quiz is for presenters"]


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("The Enforcing mode!", "enforcing mode", True),
        ("ENFORCNIG", "enforcing", True),
        ("permissive", "enforcing", False),
        ("11372", "11371", False),
        ("semanage  port -a", "semanage port a", True),
        ("a", "the", False),
        ("the", "the", True),
        ("café", "cafe\u0301", True),
        ("on", "an", False),
        ("", "x", False),
        ("enforcing=0", "enforcing=0", True),
        ("enforcing=1", "enforcing=0", False),
        ("⁵", "5", True),
    ],
)
def test_answers_are_read_kindly(said: str, answer: str, right: bool) -> None:
    """Case, punctuation, articles, spaces and a slip of the finger are forgiven, a wrong number is not."""
    assert is_right(said, answer) is right


MODES = "is it enforcing, permissive or disabled?"


@pytest.mark.parametrize(
    ("said", "answer", "question", "right"),
    [
        # ordinary words
        ("enforcing", "Enforcing", "", True),
        ("SELinux", "SE Linux", "", True),
        ("Httpd_t", "httpd_t", "", True),
        # options and other code
        ("-z", "-Z", "", False),
        ("-Z", "-z", "", False),
        ("ls -z", "ls -Z", "", False),
        ("LS -Z", "ls -Z", "", True),
        ("semanage port -l", "semanage port -d", "", False),
        ("$home", "$HOME", "", False),
        ("use $HOME.", "$HOME", "", True),
        ("/etc/x11", "/etc/X11", "", False),
        ("ls -Z", "-Z", "", True),
        ("grep -z", "-Z", "", False),
        ("-Z -z", "-Z", "", False),
        ("-l -Z", "-Z", "", False),
        ("-help", "--help", "", False),
        ("--help", "-help", "", False),
        ("help", "--help", "", True),
        ("http_t", "httpd_t", "", False),
        ("/etc/passwd", "/etc/passwd", "", True),
        ("/etc/paswd", "/etc/passwd", "", False),
        ("sudo getenforce", "getenforce", "", True),
        # numbers
        ("22/tcp", "22", "", True),
        ("TCP 22", "22", "which port?", True),
        ("22 80", "22", "", False),
        ("22 tcp 80", "22", "", False),
        ("1,000", "1000", "", True),
        ("1000", "1,000", "", True),
        ("1,00", "100", "", False),
        # choices that differ in nothing else
        ("Enforcing", "enforcing", "Enforcing or enforcing?", False),
        ("enforcing", "enforcing", "Enforcing or enforcing?", True),
        # sentences
        ("I think it's permissive", "permissive", MODES, True),
        ("permissive, I'd say!", "permissive", MODES, True),
        ("port 11371", "11371", "which port?", True),
        ("it's 11371", "11371 | hkp", "", True),
        ("not sure, maybe permissive?", "permissive", "", True),
        ("I don't know, permissive?", "permissive", "", True),
        # denied, or more than one thing
        ("not permissive", "permissive", "", False),
        ("it isn't permissive", "permissive", "", False),
        ("not 80, it's 11371", "11371", "", False),
        ("permissive or enforcing", "permissive", MODES, False),
        ("I think permissive and disabled", "permissive", MODES, False),
        ("enforcing permissive", "permissive", "", False),
        ("is it 80 or 11371", "11371", "", False),
        ("80 443 11371", "11371", "which port?", False),
        ("unconfined", "confined", "confined or unconfined?", False),
    ],
)
def test_an_answer_may_stand_in_a_sentence_and_code_is_exact(
    said: str, answer: str, question: str, right: bool
) -> None:
    """What somebody means counts: not every guess at once, not the opposite, not another option."""
    assert is_right(said, answer, question) is right


def test_the_result_stands_in_the_minutes(asked: Stage) -> None:
    """Question, answer, how many were right, who won; a winner who is not to be named is not."""
    asked.talk("alice", "443")
    asked.talk("bob", "I think it's 11371")
    asked.wait(seconds=22)
    asked.talk("russell", "!end")
    asked.talk("russell", "!yes")
    asked.wait(seconds=1)
    (page,) = (asked.folder / "public" / "minutes").glob("*-1.md")
    assert "which port do keyservers use? (answer: 11371; 1 of 2 who answered were right); bob won" in page.read_text()


@pytest.mark.parametrize(
    ("guess", "result", "minutes"),
    [
        ("11371", "the answer is 11371. Only bob got it, and wins", "1 of 1 who answered were right); bob won"),
        ("443", "the answer was 11371; nobody got it this time", "0 of 1 who answered were right)"),
        ("", "the answer was 11371; nobody got it this time", "0 of 0 who answered were right)"),
    ],
)
def test_a_quiz_that_is_open_when_the_class_ends(asked: Stage, guess: str, result: str, minutes: str) -> None:
    """It is closed with what was answered so far: the channel hears the result before the end, once, and it stands in the
    minutes.  Another class can have its quiz at once."""
    if guess:
        asked.talk("bob", guess)
    asked.talk("russell", "!end")
    said = asked.hear("russell", "!yes")
    assert said[0] == (CHANNEL, result) and said[1][1].startswith("SE Linux for beginners is over after")
    assert asked.talk("carol", "11371") == []
    assert asked.wait(seconds=30) == []
    (page,) = (asked.folder / "public" / "minutes").glob("*-1.md")
    assert f"which port do keyservers use? (answer: 11371; {minutes}" in page.read_text()
    asked.talk("russell", "!start")
    assert asked.hear("russell", "quiz which port do keyservers use? = 11371 | hkp", channel=None) == [ASKED]


def test_the_quiz_of_another_channel_goes_on(stages: Callable[..., Stage]) -> None:
    """The end of one class closes no quiz of another."""
    stage = stages(channels=(CHANNEL, "#other"))
    for nick in ("russell", "bob"):
        stage.enter(nick, "#other")
    for channel in (CHANNEL, "#other"):
        stage.talk("russell", "!start", channel)
    stage.whisper("russell", "#other quiz how many? = 3")
    stage.talk("russell", "!end", CHANNEL)
    assert [to for to, _text in stage.hear("russell", "!yes", CHANNEL)] == [CHANNEL]
    assert stage.talk("bob", "3", "#other") == []
    assert stage.wait(seconds=22) == [("#other", "the answer is 3. Only bob got it, and wins")]


@given(st.text(min_size=1).filter(lambda text: folded(text) and "|" not in text))
def test_the_answer_itself_is_right(answer: str) -> None:
    """Whatever it is written in."""
    assert is_right(answer, answer) and is_right(f"  {answer} ", answer)


# -- lecture ---------------------------------------------------------------------------------------------


def test_a_class_without_labs(played: Callable[..., Stage]) -> None:
    """One line with the page and how to have a machine; nothing is run in labs; back again."""
    stage = played(("alice",))
    stage.talk("russell", "!next")
    while stage.scripts:
        stage.labs_run()
    stage.happens(HostLost("xen1", "the network failed"))
    assert stage.hear("russell", "!lecture on") == [
        (CHANNEL, "we're continuing without labs: !step shows your step, and !done still counts")
    ]
    page = (stage.folder / "public" / "handouts" / "scripts.html").read_text()
    assert ">Step 3 of 4: Three</h2>" in page
    stage.wait(seconds=6)
    assert stage.talk("russell", "!next") == ["Step 2 of 4: Two", "do the second thing"]
    assert stage.talk("alice", "!done") and stage.scripts == []
    assert stage.talk("alice", "!catchup") == ["alice: the class is continuing without labs now"]
    assert stage.talk("russell", "!lecture on") == ["russell: lecture mode is already on"]
    assert stage.talk("russell", "!lecture maybe") == [
        'russell: "maybe" is neither on nor off. Usage: !lecture on|off, for example !lecture on'
    ]
    assert stage.talk("russell", "!lecture off") == [
        "labs are back: !lab debian gives you one, !catchup brings it to the class's step"
    ]
    stage.host_up()
    stage.wait(seconds=6)
    stage.talk("russell", "!next")
    assert [script.stdin.splitlines()[-1] for script in stage.scripts] == ["setup3"]
