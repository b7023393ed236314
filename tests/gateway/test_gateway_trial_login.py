"""A learner's side of the gateway, made by us: what rehearsals come in by."""

from __future__ import annotations

import asyncio

import pytest

from trainbot.gateway import hostkey
from trainbot.gateway.trial_login import LoginRefused, TrialLogin


def visit(world, password, *commands, stdin="", timeout=20.0, limit=65536):
    """What each command came to, in one connection."""

    async def go():
        async with TrialLogin(world.state).enter("debian", password) as inside:
            return [await inside.run(command, stdin, timeout=timeout, limit=limit) for command in commands]

    return asyncio.run(go())


def test_a_visitor_is_let_in_as_a_learner_is(world):
    """The password opens the lab; commands have input, output, errors and an exit code; one connection runs several."""
    _route, password = world.lease()
    first, second = visit(world, password, "cat; echo trouble >&2; exit 7", "echo again", stdin="hello")
    assert (first.exit, first.stdout, first.stderr) == (7, "hello", "trouble\n")
    assert (second.exit, second.stdout) == (0, "again\n")


def test_a_wrong_password_is_one_sentence(world):
    """Whoever has no lease is not let in, and the password is not in the sentence."""
    with pytest.raises(LoginRefused, match="does not accept the password") as caught:
        visit(world, "aaaa-bbbb-cccc-dddd", "true")
    assert "aaaa" not in str(caught.value)


def test_what_the_gateway_says_is_the_reason(world):
    """A lab that is not there yet: the gateway's own sentence, after the time that was given."""
    _route, password = world.lease(endpoint=None, why="your lab is being made")
    with pytest.raises(LoginRefused, match="timed out after 2 s: your lab is still booting: your lab is being made"):
        visit(world, password, "true", timeout=2.0)


def test_a_wrong_machine_is_told(world):
    """A lab with another host key lets nobody in, and the sentence is the learner's."""
    route, password = world.lease()
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEuRVZxDqBkS7VQkPNzEClLOb5nTmVRJ3C1zZ9GvVwGh"
    world.tell(route, host_key=other)
    with pytest.raises(LoginRefused, match="your lab has the wrong ssh host key"):
        visit(world, password, "true")


def test_output_and_time_are_bounded(world):
    """A lab is hostile: what it says is cut and has no control characters, and a command that never ends is left."""
    _route, password = world.lease()
    (ran,) = visit(world, password, "printf '\\033[2Jab%0500d' 1", limit=50)
    assert ran.cut and ran.stdout.startswith("ab0") and len(ran.stdout) < 60
    with pytest.raises(LoginRefused, match="timed out after 1 s$"):
        visit(world, password, "sleep 60", timeout=1.0)


def test_another_gateways_key_is_refused(world, monkeypatch):
    """Whatever listens there has to be ours: its host key is compared."""
    _route, password = world.lease()
    monkeypatch.setattr(hostkey, "public_key", lambda state: world.lab.host_key.strip())
    with pytest.raises(LoginRefused, match="does not have our gateway's host key"):
        visit(world, password, "true")


def test_no_gateway_is_one_sentence(tmp_path):
    """Nothing listens: what to do about it."""

    async def go():
        async with TrialLogin(tmp_path).enter("debian", "x"):
            pass

    with pytest.raises(LoginRefused, match="no gateway is running"):
        asyncio.run(go())
