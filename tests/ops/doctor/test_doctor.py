"""The doctor itself: subjects, deadlines, faults of its own, what it prints; and the whole of it as a command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading

import pytest

from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.progress_bar import Silent
from trainbot.ops.doctor.doctor import doctor, is_subject, subjects
from trainbot.ops.doctor.examine import Subject, attempt, examine, in_thread
from trainbot.ops.doctor.finding import Finding, Findings, Level
from trainbot.ops.doctor.here import LocalFacts

OK = [Findings("a").ok("well")]


async def well() -> list[Finding]:
    return OK


def failing(error: BaseException):
    async def look() -> list[Finding]:
        raise error

    return look


async def test_what_hangs_holds_nobody_up(caplog):
    """One hangs, one breaks, one has an error to tell: all are accounted for, in their order."""
    found = await examine(
        [
            Subject("mute", asyncio.Event().wait, 0.05),
            Subject("bug", failing(KeyError("x")), 5.0),
            Subject("error", failing(BackendError("it is gone: bring it back")), 5.0),
            Subject("a", well, 5.0),
        ],
        Silent(),
    )
    assert [(each.subject, each.level) for each in found] == [
        ("mute", Level.WRONG),
        ("bug", Level.WRONG),
        ("error", Level.WRONG),
        ("a", Level.OK),
    ]
    assert "took longer than 0.05 s" in found[0].what and "KeyError" in found[1].what
    assert found[2].mend == "bring it back" and "bug could not be examined" in caplog.text


async def test_a_thread_that_hangs_is_left_behind():
    """What blocks for ever, as libvirt does, is given up; its thread does not keep the program."""
    forever = threading.Event()
    found = await attempt(0.05, "it", in_thread(forever.wait))
    assert isinstance(found, BackendError)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "look")
    forever.set()
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_deadline_inside_is_another_matter():
    """A TimeoutError of the work's own is not taken for our deadline."""
    with pytest.raises(TimeoutError):
        await attempt(5.0, "it", failing(TimeoutError())())


def test_one_line_whatever_was_said():
    """Control characters and escapes of a host do not reach the terminal; the line is bounded."""
    finding = Findings("host x").wrong("a\x1b[2Jb\r\nc" + "x" * 5000, "why", "mend")
    assert finding.line.isprintable() and len(finding.line) < 800 and "\x1b" not in json.dumps(finding.as_json())


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ((), True),
        (("host",), True),
        (("host", "x"), True),
        (("image", "x"), True),
        (("irc",), True),
        (("store",), True),
        (("gateway",), True),
        (("host", "x", "y"), False),
        (("irc", "x"), False),
        (("x",), False),
        (("",), False),
    ],
)
def test_what_can_be_asked_for(words, right):
    """Kinds, and the names of hosts and images."""
    assert is_subject(words) is right


def test_which_are_examined(installed):
    """All of bot.ini, or those that are named; a name that is not there is said with those that are."""
    config = installed.change(host_a={"uri": "test:///default"}, host_b={"uri": "test:///default"}, image_i={})

    def names(*words):
        return [subject.name for subject in subjects(LocalFacts(config), words)]

    assert names() == ["host a", "host b", "image i", "irc", "store", "copies", "gateway"]
    assert names("host") == ["host a", "host b"] and names("host", "b") == ["host b"] and names("irc") == ["irc"]
    with pytest.raises(UserError, match=r"no \[host.c\] \(available: a, b\)"):
        names("host", "c")


def test_what_is_printed(installed):
    """Lines and a sum for people, one list for programs; 1 where something is wrong."""
    config = installed.change()
    said = []
    assert doctor(config, ("store",), False, said.append) == 0
    assert said[0].startswith("-  store: ") and said[-1] == "no problems, 1 notes, 1 ok"
    said.clear()
    assert doctor(config, ("irc",), True, said.append) == 1
    wrong = [each for each in json.loads(said[0]) if each["level"] == "wrong"]
    assert wrong[0]["subject"] == "irc" and set(wrong[0]) == {"subject", "level", "what", "why", "mend"}


def test_as_a_command(installed):
    """0 and 1 by what was found; 1 for what bot.ini does not have and 2 for wrong usage, with one line on stderr."""
    config = installed.change()

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "trainbot", "doctor", *words, "-c", str(config.path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    for words, code, said in ((("store",), 0, 0), (("irc",), 1, 0), (("host", "x"), 1, 1), (("nonsense",), 2, 1)):
        ran = run(*words)
        assert (ran.returncode, ran.stderr.count("\n")) == (code, said), ran
