"""Feed and page as the bot keeps them in [records] folder, and as trainbot schedule publish writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.stage import Stage
from trainbot.cli import cli

COURSE = """
[[session]]
id = "a"
title = "SE Linux"
zone = "Europe/Berlin"
start = {start}
{more}
"""


def written(stage: Stage) -> tuple[str, str]:
    public = stage.folder / "public"
    return (public / "sessions.ics").read_bytes().decode(), (public / "sessions.html").read_text()


def plan(stage: Stage, start: str = "2026-12-05T09:00:00", more: str = "") -> None:
    stage.schedule("course.toml", COURSE.format(start=start, more=more))
    stage.wait(seconds=2)
    stage.wait(seconds=2)


def properties(text: str, *names: str) -> list[str]:
    return [found for name in names for found in re.findall(rf"^{name}(?:;[^:]*)?:(.*)\r$", text, re.MULTILINE)]


def test_each_change_is_one_in_the_feed(stage: Stage) -> None:
    """UID stays, SEQUENCE and DTSTAMP go on, a session whose line is deleted is cancelled and not gone."""
    plan(stage)
    first = written(stage)
    (uid,) = properties(first[0], "UID")
    stamp = properties(first[0], "DTSTAMP")
    stage.wait(minutes=5)
    for start, more, number, status in (
        ("2026-12-06T09:00:00", "", "1", "CONFIRMED"),
        ("2026-12-06T09:00:00", "seats = 4", "2", "CONFIRMED"),
        ("2026-12-06T09:00:00", "cancelled = true", "3", "CANCELLED"),
    ):
        plan(stage, start, more)
        text = written(stage)[0]
        assert properties(text, "UID", "SEQUENCE", "STATUS") == [uid, number, status]
        assert properties(text, "DTSTAMP") > stamp
        stamp = properties(text, "DTSTAMP")
    (stage.folder / "schedules" / "course.toml").unlink()
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    assert properties(written(stage)[0], "UID", "STATUS") == [uid, "CANCELLED"]


def test_nothing_is_written_while_nothing_changes(stage: Stage) -> None:
    """Seats that are taken, a restart, time that passes: the same bytes in the same files."""
    plan(stage)
    before = written(stage)
    inodes = [path.stat().st_ino for path in sorted((stage.folder / "public").glob("sessions.*"))]
    stage.talk("alice", "!signup 1")
    stage.restart()
    stage.wait(days=3)
    assert written(stage) == before
    assert [path.stat().st_ino for path in sorted((stage.folder / "public").glob("sessions.*"))] == inodes


def test_a_session_that_is_over_leaves_the_page_and_stays_in_the_feed(stage: Stage) -> None:
    """Without anybody doing anything."""
    plan(stage)
    stage.wait(days=7, hours=23)
    assert "<h2" in written(stage)[1]
    stage.wait(hours=4)
    assert "No sessions are planned" in written(stage)[1]
    assert properties(written(stage)[0], "SUMMARY") == ["SE Linux"]


def test_a_draft_is_not_published(stage: Stage) -> None:
    """Before !session publish nothing of it can be read anywhere."""
    stage.talk("olga", '!session add sat 5 dec 09:00 berlin "Secret plans"')
    stage.talk("olga", "!yes")
    stage.wait(seconds=2)
    assert "Secret plans" not in "".join(written(stage))
    stage.talk("olga", "!session publish")
    assert all("Secret plans" in text for text in written(stage))


def test_a_folder_that_cannot_be_written(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Is said in the log once and tried again; the bot goes on."""
    (stage.folder / "public").write_text("a file")
    plan(stage)
    stage.wait(seconds=2)
    assert sum("cannot be written" in record.message for record in caplog.records) == 1
    assert stage.talk("alice", "!sessions")[0].startswith("alice: 1: SE Linux")
    (stage.folder / "public").unlink()
    stage.wait(seconds=2)
    assert properties(written(stage)[0], "SUMMARY") == ["SE Linux"]


def test_from_a_shell(stage: Stage, tmp_path: Path) -> None:
    """Without a bot the files are read and the change counts; what runs twice changes nothing."""
    ini = stage.folder / "bot.ini"
    stage.store.close()
    (stage.folder / "trainbot.db").unlink()
    start = (stage.now + timedelta(days=3000)).strftime("%Y-%m-%dT09:00:00")
    stage.schedule("course.toml", COURSE.format(start=start, more=""))
    out = tmp_path / "out"

    def run(*words: str) -> str:
        return CliRunner().invoke(cli, ["schedule", "publish", *words, "-c", str(ini)]).output.strip()

    assert run(str(out)) == f"one session in {out}/sessions.ics and {out}/sessions.html"
    before = [path.read_bytes() for path in sorted(out.iterdir())]
    assert len(before) == 2
    assert run(str(out)).endswith(", unchanged")
    assert [path.read_bytes() for path in sorted(out.iterdir())] == before
    stage.schedule("course.toml", COURSE.format(start=start, more="seats = 9"))
    assert not run(str(out)).endswith(", unchanged")
    assert properties((out / "sessions.ics").read_bytes().decode(), "SEQUENCE") == ["1"]


def test_not_into_the_schedules(stage: Stage) -> None:
    """The bot would read its own calendar as another one."""
    folder = stage.folder / "schedules"
    done = CliRunner().invoke(cli, ["schedule", "publish", str(folder), "-c", str(stage.folder / "bot.ini")])
    assert (
        "is the schedule folder, and the bot would read its own calendar from it" in str(done.exception)
        and list(folder.iterdir()) == []
    )
