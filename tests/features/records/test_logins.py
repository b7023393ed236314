"""``trainbot log logins``: who was in which lab, from where and how."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tests.stage import Stage
from trainbot.cli import cli


def run(stage: Stage, *words: str) -> str:
    ran = CliRunner().invoke(cli, ["log", "logins", *words, "-c", str(stage.folder / "bot.ini")])
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
