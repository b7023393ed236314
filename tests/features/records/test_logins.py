"""``trainbot log logins`` and ``log visits``: who was in which lab, from where and how."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tests.bot.gateway.test_requests import ask
from tests.stage import Stage
from trainbot.cli import cli


def run(stage: Stage, *words: str, what: str = "logins") -> str:
    ran = CliRunner().invoke(cli, ["log", what, *words, "-c", str(stage.folder / "bot.ini")])
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_logins_in_the_shell(stage: Stage) -> None:
    """The latest, newest last, as lines or as JSON; nothing of who was redacted."""
    assert run(stage) == "no logins yet\n"
    stage.talk("alice", "!tz berlin")
    with stage.store.transaction():
        (alice,) = [person.id for person in stage.store.people.all() if person.nick == "alice"]
        for number in range(3):
            stage.store.people.logins.add(
                person_id=alice,
                at=stage.now,
                seconds=number,
                lab="tb-debian-0a0807a1",
                method="password",
                address="192.0.2.1",
                received=5,
                sent=7,
            )
    lines = run(stage, "--most", "2").splitlines()
    assert len(lines) == 2 and lines[-1].endswith(
        " UTC alice from 192.0.2.1 with password, tb-debian-0a0807a1, 2 s, 5 bytes received, 7 sent"
    )
    assert [each["seconds"] for each in json.loads(run(stage, "--json"))] == [0, 1, 2]


def test_visits_in_the_shell(stage: Stage) -> None:
    """Who was at whose terminal, from where and how long, as lines or as JSON; one that lasts has no end."""
    assert run(stage, what="visits") == "no visits yet\n"
    stage.use_key("hannah", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8A2cuJCKYXQyeZPyl28jkKTyrCGfKzVbpOJpsk7pLh")
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("alice", "!stuck")
    stage.talk("alice", "!come hannah")
    ask(stage, "hannah", "visit", word="1", address="192.0.2.7")
    (lab,) = stage.labs()
    line = f"2026-11-27 08:00 UTC hannah from 192.0.2.7 at the terminal of alice, {lab.name}, "
    assert run(stage, what="visits") == f"{line}not over\n"
    stage.talk("alice", "!alone")
    assert run(stage, what="visits") == f"{line}until 08:00:00\n"
    (row,) = json.loads(run(stage, "--json", what="visits"))
    assert (row["nick"], row["at_the_terminal_of"], row["ended_at"]) == ("hannah", "alice", row["at"])
