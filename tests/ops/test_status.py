"""``trainbot status``: what a report says, what needs attention, and what to type then."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.stage import Stage
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.status import BotStatus
from trainbot.bot.turn_times import TurnTimes
from trainbot.gateway.supervisor import GatewayStatus
from trainbot.ops.status import _ms, findings, status

ON_IRC = {
    "connected": True,
    "trouble": "",
    "nick": "trainbot",
    "account": "bot",
    "network": "Libera.Chat",
    "host": "irc.libera.chat",
    "tls": "TLSv1.3",
    "lag": 0.0421,
    "channels": {"#class": {"joined": True}},
}


COPIES = {"where": "/c", "name": "copy-1", "age": 0.4, "trouble": "", "behind": 0}


@pytest.fixture
def report(stage: Stage) -> dict[str, Any]:
    """Of a bot with a lab, over JSON, with a connection and a gateway as they are when all is well."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    turns = TurnTimes()
    turns.took(0.0123)
    there = BotStatus(stage.config, stage.wiring, IrcConnection(stage.config.irc, lambda event: None), turns)
    with stage.store.transaction():
        found = there.report(GatewayStatus(12, "0.2.0-abc", True, 3), stage.now)
    found = json.loads(json.dumps(found))
    found["irc"] |= deepcopy(ON_IRC)
    found["database"]["disk_free_bytes"] = 50 << 30
    return found


def test_all_is_well(report):
    """A line for each part, with its figures; exit code 0."""
    said: list[str] = []
    assert status(report, False, said.append) == 0
    assert said[0].startswith("ok bot: trainbot 0.2.0, process ") and "sqlite 3." in said[0]
    assert said[1:3] == [
        "ok bot: turns: 1, p50 12.3 ms, p99 12.3 ms, longest 12.3 ms",
        "ok irc: Libera.Chat (irc.libera.chat) as trainbot, logged in as bot, TLSv1.3, lag 42.1 ms",
    ]
    assert said[3:9] == [
        "ok irc: in #class, people: 0",
        "ok irc: messages waiting to be sent: 0",
        "ok classes: running: 0, open questions: 0, notices waiting: 0 (0 due)",
        "ok labs: in all: 1 (1 ready), in use: 1",
        "ok host xen1: up, 0 of 5 labs, 8192 of 16384 MiB free",
        "ok gateway: process 12, 0.2.0-abc, logged in: 3",
    ]
    assert said[9].startswith("ok store: ") and said[9].endswith(" MiB, 50 GiB free")


def test_a_copy_that_is_fresh_is_said(report):
    report["copies"] = COPIES
    said: list[str] = []
    assert status(report, False, said.append) == 0
    assert said[-1] == "ok store: copy copy-1 in /c, 0 s old"


def test_one_slow_turn_after_a_start(report):
    """It is told, and is no reason for an alarm."""
    report["turns"].update(count=99, p99=1.5, longest=1.5)
    said: list[str] = []
    assert status(report, False, said.append) == 0
    assert said[1] == "ok bot: turns: 99, p50 12.3 ms, p99 1.5 s, longest 1.5 s"


def change(*keys: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def apply(report: dict[str, Any]) -> None:
        for key in keys:
            report = report[key]
        report.update(values)

    return apply


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (change(version="0.0.9"), "! bot: trainbot 0.2.0 is installed.*: restart the bot, for example with systemctl"),
        (change("turns", count=100, p99=1.5), "! bot: turns: 100, .*p99 1.5 s.*: run trainbot doctor store"),
        (
            change("irc", connected=False, trouble="connection refused", network=""),
            r"! irc: not connected to irc.libera.chat \(connection refused\).*: run trainbot doctor irc",
        ),
        (change("irc", lag=12.0), "! irc: .*lag 12.0 s, so answers are late"),
        (
            change("irc", "channels", **{"#class": {"refused": "you are \x1b[31mbanned"}}),
            r"! irc: not in #class \(you are \[31mbanned\).*: run trainbot doctor irc",
        ),
        (
            change("hosts", "xen1", up=False, trouble="no route"),
            r"! host xen1: down \(no route\).*: run trainbot doctor host xen1",
        ),
        (change("hosts", "xen1", up=False, lost=True), "! host xen1: lost .*moved to other hosts: run trainbot doctor"),
        (change("gateway", pid=None), "! gateway: not running.*: run trainbot doctor gateway"),
        (change("gateway", inside=None), "! gateway: .*does not answer.*: run trainbot doctor gateway"),
        (change("database", disk_free_bytes=5 << 20), "! store: .* 5.0 MiB free.*: free some space"),
        (change("database", wal_bytes=1 << 30), "! store: .*write-ahead log 1024.0 MiB.*: end that program"),
        (change(database=None), "! store: the database is in memory only"),
        (
            change(copies={**COPIES, "age": 95.0}),
            r"! store: copy copy-1 in /c, .* old \(it falls behind\).*: trainbot copy",
        ),
        (
            change(copies={**COPIES, "trouble": "no route"}),
            r"! store: copy copy-1 in /c, 0 s old \(no route\), so what has",
        ),
        (
            change(copies={**COPIES, "age": None, "trouble": "no route"}),
            r"! store: there is no copy in /c \(no route\), so all is lost if this machine dies: trainbot copy tries again",
        ),
    ],
)
def test_what_needs_attention_says_what_to_type(report, changed, line):
    """One line begins with !, and the exit code is 1."""
    changed(report)
    said: list[str] = []
    assert status(report, False, said.append) == 1
    (wrong,) = [each for each in said if each.startswith("! ")]
    assert re.match(line.replace("! ", "!  ", 1), wrong), wrong


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (change("hosts", "xen1", drained=True), "-  host xen1: drained, .*: !undrain xen1 on IRC ends this"),
        (change("turns", failed=3), "-  bot: turns that failed since the start: 3, .*: the log has the reasons"),
        (change("leases", waiting=2), "-  labs: people waiting for a lab: 2: trainbot lab capacity"),
        (change("gateway", current=False, inside=None), "-  gateway: of another version than the bot"),
    ],
)
def test_what_is_only_good_to_know_is_no_fault(report, changed, line):
    """A note, and exit code 0."""
    changed(report)
    said: list[str] = []
    assert status(report, False, said.append) == 0
    (note,) = [each for each in said if each.startswith("- ")]
    assert re.match(line, note), note


def test_programs_get_the_whole_report_and_the_findings(report):
    """--json: one object."""
    said: list[str] = []
    assert status(report, True, said.append) == 0
    value = json.loads(said[0])
    assert value.pop("findings") == [finding.as_json() for finding in findings(report)]
    assert value == report
    assert value["lab_counts"] == [{"host": "xen1", "image": "debian", "state": "ready", "labs": 1}]
    assert value["outbox"].keys() >= {"presenter", "stranger"} and value["leases"] == {"open": 1, "waiting": 0}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (9.7e-10, "under 0.01 ms"),
        (0.00002, "0.02 ms"),
        (0.0123, "12.3 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1234567.0, "1234567.0 s"),
    ],
)
def test_no_exponent(seconds: float, said: str) -> None:
    """However short or long, it is a figure that people read."""
    assert _ms(seconds) == said
