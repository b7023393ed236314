"""``!done`` counts at once; the step's check runs behind it, and speaks only if something is missing."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_text import harmful
from tests.features.classes.conftest import names
from tests.stage import CHANNEL, Stage
from trainbot.bot.workers.script_runner import ScriptRunner
from trainbot.core.errors import BackendError
from trainbot.features.classes.lab_script import SHOWN, command, last_words
from trainbot.gateway.rpc.gateway_client import CommandResult, GatewayAway, GatewayRefused
from trainbot.model.exercise import Script
from trainbot.model.lab_events import LabRoute
from trainbot.model.script_events import RunScript, ScriptEnded


@pytest.fixture
def checked(played: Callable[..., Stage]) -> Stage:
    """The class is at step 1, and the labs are set up for it."""
    stage = played()
    stage.talk("russell", "!next")
    while stage.scripts:
        stage.labs_run()
    stage.wait(seconds=10)
    return stage


def test_a_check_that_passes_says_nothing(checked: Stage) -> None:
    """Done, checked in the person's own lab, and nobody hears of it."""
    assert checked.talk("alice", "!done") == []
    assert checked.scripts[0].stdin == "#!/bin/sh\nverify1\n" and checked.scripts[0].way.host_key
    assert checked.labs_run(0, "all well") == (["#!/bin/sh\nverify1"], [])
    assert checked.talk("alice", "!done") == ["you're up to date (step 1 is done); the class will go on soon"]
    assert checked.scripts == []


def test_whoever_says_done_privately_hears_of_the_check(checked: Stage) -> None:
    """So that what it finds contradicts nothing; somebody without a lab is not told of one."""
    assert checked.whisper("alice", "done") == ["step 1 is done and being checked"]
    assert checked.whisper("carol", "done") == ["step 1 is done"]
    checked.talk("russell", "!next"), checked.wait(seconds=6)
    (said,) = checked.talk("bob", "!done")
    assert said.startswith("step 1 is done and being checked; the class is at step 2 of")


def test_a_check_that_finds_something_missing(checked: Stage) -> None:
    """Its last line, privately; the step does not count any more, until ``!done`` again."""
    checked.talk("alice", "!done")
    assert "1 done" in checked.talk("hannah", "!progress")[0]
    assert checked.labs_run(1, "checking…\n/root/name is missing\n\n")[1] == [
        ("alice", "step 1 is not done yet: /root/name is missing (type !done again when you've fixed it)")
    ]
    assert "0 done" in checked.talk("hannah", "!progress")[0]
    assert checked.talk("alice", "!done") == []
    assert names(checked.labs_run(0)[0]) == ["verify1"]
    assert "1 done" in checked.talk("hannah", "!progress")[0]


def test_done_twice_is_checked_once(checked: Stage) -> None:
    """Whoever is impatient makes no work."""
    for _ in range(5):
        checked.talk("alice", "!done")
    assert len(checked.scripts) == 1


@pytest.mark.parametrize("ended", [{"exit": 124}, {"exit": 137}, {"exit": None, "slow": True}])
def test_a_check_that_comes_to_no_end(checked: Stage, ended: dict) -> None:
    """It says so, and is nobody's fault: the step counts."""
    checked.talk("alice", "!done")
    assert checked.labs_run(**ended)[1] == [
        ("alice", "the check of step 1 gave no result (it didn't finish within 60 s); the step counts as done")
    ]
    assert "1 done" in checked.talk("hannah", "!progress")[0]


def test_a_lab_that_lets_nobody_in(checked: Stage) -> None:
    """Whoever kills the sshd of their lab is tried again some times, with pauses; then the step counts, without words."""
    checked.talk("alice", "!done")
    tried = 0
    for _ in range(40):
        tried += len(checked.scripts)
        assert checked.labs_run(None, "no ssh server answers there yet")[1] == []
        assert not [line for line in checked.wait(seconds=10) if line[0] == "alice"]
    assert tried == 5 and "1 done" in checked.talk("hannah", "!progress")[0]


def test_a_lab_that_is_gone_before_its_check(checked: Stage) -> None:
    """Late words about a lab that was given back change nothing and are told to nobody."""
    checked.talk("alice", "!done")
    late = checked.scripts[0]
    checked.talk("alice", "!lab return"), checked.talk("alice", "!yes")
    checked.hosts_work()
    assert checked.labs_run(None, "broke off")[1] == []
    checked.wait(seconds=60)
    assert checked.scripts == []
    before = checked.dump()
    assert checked.happens(ScriptEnded(late.play, 1, "late")) == [] and checked.dump() == before


def test_without_a_lab_or_a_check_done_is_done(checked: Stage) -> None:
    """Nothing is run for somebody without a lab, nor for a step without a check."""
    assert checked.talk("carol", "!done") == [] and checked.scripts == []
    checked.talk("russell", "!goto 3")
    while checked.scripts:
        checked.labs_run()
    checked.talk("bob", "!done"), checked.talk("bob", "!done")
    while checked.scripts:
        checked.labs_run()
    assert checked.talk("bob", "!done") == [] and checked.scripts == []


def test_a_check_is_run_again_after_a_restart(checked: Stage) -> None:
    """kill -9 while the check runs: it is a row, and runs again."""
    checked.talk("alice", "!done")
    checked.restart()
    checked.host_up()
    checked.wait(seconds=2)
    assert names(checked.labs_run(1, "missing")[0]) == ["verify1"]


def test_a_hint_that_looks_into_the_lab(checked: Stage) -> None:
    """Killercoda's hint scripts run there with the seconds since the step began; what they print is told privately."""
    checked.talk("russell", "!next")
    checked.talk("alice", "!done")
    checked.labs_run()
    checked.wait(seconds=75)
    assert checked.talk("alice", "!hint") == []
    assert checked.scripts[0].command.count(' "$d/s" 75 <') == 1
    said = checked.labs_run(0, "Look at **this**:\n\n```\nls -Z\n```\n")[1]
    assert said == [("alice", "Look at this:"), ("alice", "ls -Z")]
    checked.talk("alice", "!hint")
    assert checked.labs_run(1, "x" * 5000)[1] == [
        ("alice", "there is no hint for this step right now; !stuck WORDS calls for help")
    ]
    assert checked.talk("carol", "!hint") == [
        "carol: the hint for this step looks into your lab, and you don't have one; !stuck WORDS calls for help"
    ]


def test_a_hint_without_end_is_some_lines(checked: Stage) -> None:
    """Whatever a lab prints, its person is not flooded."""
    checked.talk("russell", "!next")
    checked.talk("alice", "!done")
    checked.labs_run()
    checked.talk("alice", "!hint")
    assert len(checked.labs_run(0, "\n\n".join("word" for _ in range(500)))[1]) <= 6


def test_slow_labs_hold_up_nobody(played: Callable[..., Stage]) -> None:
    """Some run on each host, one in a lab; the others go on as places become free."""
    people = tuple(f"p{n}" for n in range(24))
    stage = played(people, labs=12, hosts=("xen1", "xen2"))
    while stage.scripts:
        stage.labs_run()
    stage.talk("russell", "!goto 2")
    while stage.scripts:
        stage.labs_run()
    for nick in people:
        stage.talk(nick, "!done"), stage.talk(nick, "!done")
    on = [script.host for script in stage.scripts]
    assert on.count("xen1") == on.count("xen2") == 8
    first = stage.scripts.pop(0)
    stage.happens(ScriptEnded(first.play, 0, ""))
    assert len(stage.scripts) == 16 and stage.scripts[-1].host == first.host


def test_the_channel_hears_numbers_now_and_then(played: Callable[..., Stage]) -> None:
    """At half, most and all of the people, never each, and not twice."""
    people = tuple(f"p{n}" for n in range(10))
    stage = played(people, labs=12)
    for name in ("alice", "bob", "carol", "stranger"):
        stage.leave(name)
    stage.talk("russell", "!goto 3")
    stage.talk("p9", "!stuck no idea")
    heard = []
    for nick in people[:9]:
        stage.talk(nick, "!done"), stage.talk(nick, "!done"), stage.talk(nick, "!done")
        heard += [text for target, text in stage.wait(seconds=31) if target == CHANNEL]
    assert heard == ["Step 3: 5 of 10 done, 1 stuck", "Step 3: 8 of 10 done, 1 stuck"]
    stage.talk("russell", "!next")
    assert stage.wait(seconds=31) == []


# -- the command, and what was said ----------------------------------------------------------------------


def ran(text: str, seconds: int = 20) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", "-c", command(Script("x", text), seconds)],
        input=text,
        text=True,
        capture_output=True,
        timeout=30,
        errors="replace",
    )
    return done.returncode, done.stdout


def test_a_script_runs_from_a_file_without_input() -> None:
    """As its shebang says; its exit code is the command's; nothing is left."""
    assert ran("read line || echo no input; exit 3\n") == (3, "no input\n")
    assert ran("#!/usr/bin/env python3\nprint(40 + 2)\n") == (0, "42\n")
    left = ran('echo "$0"\n')[1].strip()
    assert left and not Path(left).exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exec yes\n", 124),
        ("trap '' TERM; while :; do :; done\n", 137),
        ("(while :; do sleep 5; done) & exit 1\n", 1),
        ("head -c 300000 /dev/urandom; echo; echo last words; exit 2\n", 2),
    ],
)
def test_hostile_scripts_end(text: str, code: int) -> None:
    """One that prints forever, one that will not die, one that leaves a process behind: each has its end and its bound."""
    found, said = ran(text, 1)
    assert found == code and len(said.encode()) < 20_000
    if code == 2:
        assert last_words(said) == "last words"


@given(st.text())
def test_last_words_are_one_tame_line(said: str) -> None:
    """Whatever a lab says: one short line without anything that a client would obey."""
    words = last_words(said)
    assert len(words) <= SHOWN and not harmful(words)


def test_fail_message_comes_first() -> None:
    """Instruqt's FAIL line is what the learner is told, whatever is said after it."""
    assert last_words("FAIL: create the file first\n+ exit 1\n") == "create the file first"
    assert last_words("\n \n") == ""


class Gateway:
    """As GatewayClient: ``answers`` in turn."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def login(self, *where: object, **how: object) -> CommandResult:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (CommandResult(3, "a\n", "b\n"), ScriptEnded(7, 3, "a\n\nb")),
        (GatewayRefused("not within 60 s", "timeout"), ScriptEnded(7, None, "not within 60 s", True)),
        (
            GatewayRefused("no ssh server answers there yet", "silent"),
            ScriptEnded(7, None, "no ssh server answers there yet"),
        ),
        (GatewayAway("the gateway is away"), ScriptEnded(7, None, "the gateway is away")),
        (BackendError("x"), ScriptEnded(7, None, "x")),
        (KeyError("exit"), ScriptEnded(7, None, "it could not be run")),
    ],
)
def test_every_script_ends_with_an_event(answer: object, event: ScriptEnded) -> None:
    """Whatever the gateway says: a play that never ended would keep its place for good."""
    events = []

    async def run() -> None:
        scripts = ScriptRunner(Gateway(answer), events.append)  # type: ignore[arg-type]
        scripts.run(RunScript(7, "xen1", LabRoute("127.0.0.1", 22), "c", "s", 1.0))
        await asyncio.gather(*scripts._tasks)

    asyncio.run(run())
    assert events == [event]
