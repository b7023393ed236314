"""Files that somebody needs and that go or break: staff hear of it at once, and once."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from tests.stage import EXERCISE, Stage
from trainbot.adapters.db import DatabaseDamaged
from trainbot.adapters.db.opening import LOSS, Loss, _to_json
from trainbot.bot.guard import Guard

COURSE = """
[course]
title = "SE Linux"
exercise = "selinux"
zone = "Australia/Melbourne"
[[session]]
id = "a"
start = 2026-11-29T20:00:00
"""


def told(stage: Stage) -> list[tuple[str, str]]:
    """What staff hear within a minute, outside of the channel."""
    said = []
    for _ in range(30):
        said += [(to, text) for to, text in stage.wait(seconds=2) if to != "#class"]
    return said


@pytest.fixture
def planned(stage: Stage) -> Stage:
    """A session with an exercise, tomorrow."""
    stage.schedule("course.toml", COURSE)
    assert [text for _to, text in told(stage) if "exercise" in text or "schedule" in text] == []
    return stage


def both(text: str) -> list[tuple[str, str]]:
    return [("olga", text), ("russell", text)]


def faults(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(to, text) for to, text in said if "the exercise" in text or "schedule" in text]


def test_a_planned_exercise_that_is_deleted(planned: Stage) -> None:
    """One line to each of the staff, not repeated; told again if it goes a second time."""
    folder = planned.folder / "exercises" / "selinux"
    shutil.rmtree(folder)
    gone = (
        "the exercise selinux is gone, but needed by the session SE Linux: put it back into "
        f"{planned.folder / 'exercises'}"
    )
    assert faults(told(planned)) == both(gone)
    assert faults(told(planned)) == []
    folder.mkdir()
    for name, text in EXERCISE.items():
        (folder / name).write_text(text)
    assert faults(told(planned)) == []
    planned.now += timedelta(hours=1)
    shutil.rmtree(folder)
    assert faults(told(planned)) == both(gone)


def test_a_running_exercise_that_breaks(stage: Stage) -> None:
    """A typing error in its index: the class goes on with what was read before, and the presenter hears what is wrong."""
    stage.talk("russell", "!start selinux")
    (stage.folder / "exercises" / "selinux" / "index.json").write_text('{"title": ')
    (line, *_more) = [text for to, text in told(stage) if to == "russell"]
    assert line.startswith(
        "the exercise selinux, needed by the class that runs in #class, is broken: selinux/index.json: line 1: "
    )
    assert any("Step 1 of 3" in text for text in stage.talk("russell", "!next"))


def test_a_step_that_loses_its_text(planned: Stage) -> None:
    """The exercise is there, but not all of it."""
    (planned.folder / "exercises" / "selinux" / "2.md").unlink()
    assert faults(told(planned)) == both(
        "the exercise selinux, needed by the session SE Linux, is broken: selinux/index.json: details.steps[2].text: "
        "there is no file 2.md; trainbot exercise check shows all of it"
    )


def test_a_schedule_that_breaks_or_goes(planned: Stage) -> None:
    """What was read before stands; a file that is gone cancels, and staff hear why."""
    (planned.folder / "schedules" / "course.toml").write_text("[[session]\n")
    broken = faults(told(planned))
    assert [to for to, _text in broken] == ["olga", "russell"] and "schedule course.toml:1: this is not TOML" in broken[
        0
    ][1]
    assert broken[0][1].endswith("I go by what I read there before (SE Linux): correct the file")
    (planned.folder / "schedules" / "other.toml").write_text("")
    (planned.folder / "schedules" / "course.toml").unlink()
    assert both(
        "the schedule course.toml is gone, so what it had is cancelled (SE Linux): put it back if that is wrong"
    ) == (faults(told(planned)))


def test_what_nobody_needs_is_nobodys_concern(stage: Stage) -> None:
    """An exercise that is not planned may go."""
    shutil.rmtree(stage.folder / "exercises" / "selinux")
    assert faults(told(stage)) == []


def test_staff_who_come_later_hear_of_it(planned: Stage) -> None:
    """Nobody was there when it happened."""
    for nick in ("olga", "russell"):
        planned.leave(nick)
    (planned.folder / "exercises" / "selinux" / "index.json").unlink()
    assert faults(told(planned)) == []
    planned.join("russell", account="russell")
    assert [to for to, _text in faults(told(planned))] == ["russell"]


# -- the database -------------------------------------------------------------------------------------


def test_a_loss_is_told_once(stage: Stage) -> None:
    """To the staff who are there, with the times; not again after a restart."""
    loss = Loss(stage.now - timedelta(minutes=2), stage.now - timedelta(minutes=1), 3, "it is older", stage.now)
    with stage.store.transaction():
        stage.store.settings.set(LOSS, _to_json(loss))
    said = [*stage.restart(), *told(stage)]
    text = (
        "what was asked, answered or given out from 27 Nov 07:58:00 to 27 Nov 07:59:00 UTC may be missing from my database "
        "(it is older). Please ask people to repeat it; trainbot doctor store says it again"
    )
    assert [line for line in said if "missing" in line[1]] == both(text)
    assert not [line for line in [*stage.restart(), *told(stage)] if "missing" in line[1]]


def test_damage_is_told_at_once(stage: Stage) -> None:
    """One line to each of the staff with what to type, and no "try again" to whoever asked."""
    assert stage.store.checkpoint()
    with stage.store.transaction():
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'question'"
        page = stage.store.connection.exec_driver_sql(query).scalar_one()
    stage.store.close()
    with (stage.folder / "trainbot.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    stage.restart()
    said = stage.hear("alice", "!ask why?") + told(stage)
    alarm = [to for to, text in said if "trainbot db check shows the damage and trainbot db restore FILE" in text]
    assert alarm == ["olga", "russell"]
    assert (
        "#class",
        "alice: not done: my database is damaged; an organiser has to stop me and restore a backup",
    ) in said
    assert not [text for _to, text in said if "try again" in text]


def test_damage_does_not_fill_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Each tick meets it again, in many places: each of them is logged once."""

    def damaged() -> None:
        raise DatabaseDamaged("x")

    guard = Guard(stage.store)
    with stage.store.transaction():
        for what in ("a tick", "Labs._work", "a tick", "a tick", "Labs._work"):
            assert guard(what, damaged) is None
    assert [record.getMessage() for record in caplog.records] == [
        "a tick could not be handled: the database is damaged",
        "Labs._work could not be handled: the database is damaged",
    ]


def test_the_only_schedule_becomes_a_loop_of_links(planned: Stage) -> None:
    """One line, though then no schedule is left that can be read."""
    file = planned.folder / "schedules" / "course.toml"
    file.unlink()
    file.symlink_to(file)
    assert faults(told(planned)) == both(
        "schedule course.toml: cannot be read: Too many levels of symbolic links. I go by what I read there before (SE Linux): "
        "correct the file"
    )


def test_the_only_schedule_is_deleted(planned: Stage) -> None:
    """The folder is empty then, which is no fault of the folder: staff hear why the session is cancelled."""
    (planned.folder / "schedules" / "course.toml").unlink()
    assert faults(told(planned)) == both(
        "the schedule course.toml is gone, so what it had is cancelled (SE Linux): put it back if that is wrong"
    )


def test_a_schedule_is_deleted_beside_a_link_that_leads_nowhere(planned: Stage) -> None:
    """One file that cannot be looked at hides no other."""
    (planned.folder / "schedules" / "link.toml").symlink_to("/nowhere/else.toml")
    (planned.folder / "schedules" / "course.toml").unlink()
    assert [text for to, text in faults(told(planned)) if to == "olga" and "is gone" in text] == [
        "the schedule course.toml is gone, so what it had is cancelled (SE Linux): put it back if that is wrong"
    ]
