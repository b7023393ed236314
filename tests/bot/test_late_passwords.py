"""A password that could not be told is not lost: its row waits until the gateway, the network and the person are there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.stage import Stage
from trainbot.bot.events import Tick
from trainbot.bot.gateway.gateway_tables import GatewayTookTable, PasswordsHeld
from trainbot.bot.notifier import LATER
from trainbot.core.messages import Incoming, Line, LineSent
from trainbot.features.labs import passwords

LATE = re.compile(r"your debian lab: password (\S+) \(sorry for the delay")


@pytest.fixture
def ready(stages: Callable[..., Stage]) -> Stage:
    """A lab stands ready."""
    stage = stages(spare=1)
    stage.host_up()
    stage.hosts_work()
    return stage


def asks(stage: Stage, text: str = "!lab debian") -> Line:
    """The answer with the password, as it leaves the turn."""
    outcome = stage.turn(Incoming(stage.net.people["alice"], "#class", text, stage.now))
    (line,) = (out for out in outcome.say if isinstance(out, Line) and out.secret)
    assert outcome.routes is not None and line.ticket is not None
    return line


def opens(stage: Stage, said: str) -> bool:
    """Whether the password in the late message opens the lab now."""
    found = LATE.search(said)
    assert found is not None, said
    (route,) = stage.routes()
    return passwords.digest(stage.pepper, found[1]) == route.digest


def test_a_password_is_told_once(ready: Stage) -> None:
    """The usual way: what was sent is not sent again, not even after a restart."""
    line = asks(ready)
    assert not [out for out in ready.turn(Tick()).say if isinstance(out, Line)]
    ready.turn(LineSent(line.ticket or 0, ready.now))
    assert ready.wait(days=1) == [] or "password" not in repr(ready.said)
    assert not [text for _to, text in ready.restart() if "password" in text]


def test_a_gateway_that_does_not_take_the_table(ready: Stage) -> None:
    """The person hears what is wrong and nothing else while it lasts, and then gets a password that opens the lab."""
    line = asks(ready)
    assert ready.happens(PasswordsHeld((line,))) == [("alice", LATER)]
    assert ready.wait(minutes=10) == []
    (target, text), (_target, command) = ready.happens(GatewayTookTable())
    assert command == "ssh -p 2222 debian@lab.example.org"
    assert target == "alice" and opens(ready, text)
    assert ready.wait(minutes=10) == []


def test_a_kill_while_a_password_waits(ready: Stage) -> None:
    """Neither the lab nor the answer is lost: the next start sends it."""
    line = asks(ready)
    ready.happens(PasswordsHeld((line,)))
    told = [*ready.restart(), *ready.wait(seconds=2)]
    (text,) = (text for target, text in told if target == "alice" and "password" in text)
    assert opens(ready, text)


def test_whoever_asks_again_meanwhile_gets_one_answer(ready: Stage) -> None:
    """The second answer replaces the first: one password in the end, and that is the one that works."""
    ready.happens(PasswordsHeld((asks(ready),)))
    ready.happens(PasswordsHeld((asks(ready),)))
    told = ready.happens(GatewayTookTable())
    assert len(told) == 2 and opens(ready, told[0][1])


def test_a_lab_that_was_given_back_meanwhile(ready: Stage) -> None:
    """Nothing is left to say."""
    ready.happens(PasswordsHeld((asks(ready),)))
    ready.whisper("alice", "!lab return")
    ready.whisper("alice", "!yes")
    assert ready.leases() == []
    assert not [text for _to, text in ready.happens(GatewayTookTable()) if "password" in text]


def test_no_password_is_stored(ready: Stage) -> None:
    """The row that waits holds no secret, and a program that does not know its kind still says something sensible."""
    line = asks(ready)
    secret = line.text.split(" password ")[1].split()[0]
    rows = ready.dump()
    assert secret not in repr(rows)
    assert [row for row in rows["notice"] if "type !lab debian for your ssh command" in row]
