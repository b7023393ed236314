"""The gateway, as a real process and as values: each finding once."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from trainbot.adapters.state_folder import lab_key
from trainbot.core.errors import BackendError
from trainbot.gateway import process
from trainbot.ops.demo.ngircd import free_port
from trainbot.ops.doctor.finding import Level
from trainbot.ops.doctor.gateway_findings import GatewaySeen, gateway_findings

KEY = "ssh-ed25519 AAAA"
WELL = GatewaySeen(True, 7, "v", "v", (("0.0.0.0", 2222),), (("127.0.0.1", 2222),), None, KEY, None, KEY)


def but(**changes) -> GatewaySeen:
    return replace(WELL, **changes)


@pytest.mark.parametrize(
    ("seen", "level", "words", "mend"),
    [
        (WELL, None, "", ""),
        (but(pid=None, listens=(), outside=None), Level.WRONG, "is not running, although the bot is", "gateway.log"),
        (but(pid=None, listens=(), outside=None, bot_runs=False), Level.NOTE, "is not running", "trainbot run"),
        (but(listens=()), Level.WRONG, "but does not listen", "--stop"),
        (but(answers=BackendError("mute")), Level.WRONG, "does not answer (mute)", "--stop"),
        (but(asked=(("127.0.0.1", 22),)), Level.WRONG, "on addresses from an older bot.ini", "--stop"),
        (but(program="old"), Level.NOTE, "is another version", "--stop"),
        (but(lab_key=BackendError("it cannot be read: chmod it")), Level.WRONG, "the key for the labs", "chmod it"),
        (
            but(outside=BackendError("refused")),
            Level.WRONG,
            "cannot be reached at lab.example.org port 2222",
            "firewall",
        ),
        (but(outside="ssh-ed25519 BBBB"), Level.WRONG, "another ssh server answers", "public_address"),
        (but(own_key=BackendError("gone")), Level.WRONG, "cannot be compared", "check it by hand"),
    ],
)
def test_one_thing_is_one_line(installed, seen, level, words, mend):
    """Each fault is one line, with what mends it."""
    config = installed.change(host_xen1={"uri": "test:///default"}, labs={"public_address": "lab.example.org"})
    found = [finding for finding in gateway_findings(config, seen) if finding.level is not Level.OK]
    assert [finding.level for finding in found] == ([level] if level else []), found
    assert all(words in finding.line and mend in finding.mend for finding in found)


@pytest.mark.parametrize(
    ("uri", "server", "address", "level"),
    [
        ("xen+ssh://root@xen1/system", "127.0.0.1", "localhost", Level.WRONG),
        ("test:///default", "irc.libera.chat", "127.0.0.1", Level.WRONG),
        ("test:///default", "127.0.0.1", "localhost", Level.NOTE),
        ("xen+ssh://root@xen1/system", "irc.libera.chat", "lab.example.org", None),
    ],
)
def test_an_address_that_is_the_learners_own(installed, uri, server, address, level):
    """Who is told ssh to localhost reaches their own machine: a fault as soon as anything is elsewhere."""
    config = installed.change(host_xen1={"uri": uri}, labs={"public_address": address}, irc={"server": server})
    found = [each.level for each in gateway_findings(config, WELL) if "learners are told" in each.what]
    assert found == ([level] if level else [])


def test_no_hosts_no_gateway(installed):
    """Without labs nobody needs one."""
    assert installed.say("gateway").wrong == []


@pytest.fixture
def running(installed):
    """A gateway of this installation; its public address leads to it."""
    port = free_port()
    config = installed.change(
        host_xen1={"uri": "test:///default"},
        gateway={"listen": f"127.0.0.1:{port}"},
        labs={"public_address": "127.0.0.1"},
    )
    lab_key(config.gateway.lab_key)
    process.start_detached(config.path, config.store.state)
    yield installed
    process.stop(config.store.state)


def test_a_real_one(running):
    """It runs, answers, and is reached with its own key; then another key is expected, then its labs' key goes."""
    well = running.say("gateway")
    assert well.wrong == []
    well.one("is running (process", Level.OK)
    well.one("with its own host key", Level.OK)
    public = running.state / "gateway_host_key.pub"
    public.write_text(public.read_text().replace("AAAAC3NzaC1lZDI1NTE5AAAAI", "AAAAC3NzaC1lZDI1NTE5AAAAJ"))
    running.say("gateway").one("another ssh server answers")
    (running.folder / "lab_key.pub").write_text("ssh-ed25519 AAAA other")
    running.say("gateway").one("the key for the labs")
    (running.folder / "lab_key").write_text("no key at all")
    assert "private key" in running.say("gateway").one("the key for the labs").line


def test_reached_elsewhere(running):
    """Where learners are told to go nobody listens, or no such name is known."""
    before = running.sections["gateway"]["listen"]
    heard = running.say("gateway", gateway={"listen": "127.0.0.1:1"})
    assert "connect" in heard.one("cannot be reached at 127.0.0.1 port 1").what
    heard.one("listens on addresses from an older bot.ini")
    heard = running.say("gateway", gateway={"listen": before}, labs={"public_address": "no-such-host.invalid"})
    assert "name" in heard.one("cannot be reached at no-such-host.invalid").what


async def test_one_that_stands_still(running, monkeypatch):
    """It is stopped: doctor says so and ends."""
    monkeypatch.setattr("trainbot.ops.doctor.examine_gateway.ANSWER", 0.5)
    monkeypatch.setattr("trainbot.ops.doctor.examine_gateway.REACH", 0.5)
    pid = process.running(running.state)
    os.kill(pid, signal.SIGSTOP)
    try:
        heard = await asyncio.wait_for(running.hears("gateway"), 60)
    finally:
        os.kill(pid, signal.SIGCONT)
    heard.one("does not answer")


def test_a_key_that_is_not_there(installed):
    """Before any image was built there is no key, and doctor makes none."""
    heard = installed.say("gateway", host_xen1={"uri": "test:///default"})
    assert "trainbot image build" in heard.one("the key for the labs").mend
    assert [path.name for path in Path(installed.folder).iterdir()] == ["bot.ini"]
