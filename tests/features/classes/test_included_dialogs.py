"""The exercises that come with trainbot are always there, beside one's own, which may come while the bot runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.stage import Stage
from trainbot.adapters.scenario_files.library import ExerciseFolder, load_exercises
from trainbot.cli.classes import exercise
from trainbot.config import load
from trainbot.ops.check import checkup

INCLUDED = ("comparing-distributions", "load-average", "play-machine", "selinux-debian", "squid-ports")


@pytest.fixture
def included(stages: Callable[..., Stage]) -> Stage:
    """A bot with the included exercises and one of its own, selinux."""
    stage = stages(included=True)
    stage.host_up()
    return stage


def put(stage: Stage, folder: str, title: str, steps: int = 1) -> Path:
    """An exercise of one's own, which the bot has had time to read."""
    path = stage.folder / "exercises" / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "index.json").write_text(
        json.dumps({"title": title, "details": {"steps": [{"text": "do it now"}] * steps}})
    )
    read(stage)
    return path


def read(stage: Stage) -> None:
    for _ in range(9):
        stage.wait(seconds=2)


def begun(stage: Stage, words: str) -> str:
    """What a class is told when the presenter says this; the class is ended again."""
    said = stage.talk("russell", words)[0]
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")
    return said


@pytest.mark.parametrize("slug", INCLUDED)
def test_each_included_one_begins(included: Stage, slug: str) -> None:
    """Though there is an exercise of one's own."""
    assert " begins, with russell: " in begun(included, f"!start {slug}")


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("!start", "SE Linux for beginners"),
        ("!start selinux", "SE Linux for beginners"),
        ("!start SELINUX", "SE Linux for beginners"),
        ("!start se linux", "SE Linux for beginners"),
        ("!start beginners", "SE Linux for beginners"),
        ("!start selinux-d", "SE Linux on Debian: labels, switches, a policy of your own"),
        ("!start squid", "Squid"),
    ],
)
def test_ones_own_are_meant_first(included: Stage, words: str, title: str) -> None:
    """What was clear before the included ones were there stays clear."""
    assert begun(included, words).startswith(title)


@pytest.mark.parametrize("slug", INCLUDED)
@pytest.mark.parametrize("folder", ["{}", "course/{}", "UPPER"])
def test_ones_own_of_the_same_name_wins(included: Stage, folder: str, slug: str) -> None:
    """At once, in whichever folder it lies, and the included one is back when it goes."""
    path = put(included, slug.upper() if folder == "UPPER" else folder.format(slug), "Mine")
    assert begun(included, f"!start {slug}").startswith("Mine begins")
    shutil.rmtree(path)
    read(included)
    assert not begun(included, f"!start {slug}").startswith("Mine begins")


def test_a_broken_one_of_ones_own_is_not_replaced(included: Stage) -> None:
    """A class that is to have their version does not begin with another one; it stays as it was last read, and after a
    restart it is said what is wrong."""
    path = put(included, "squid-ports", "Mine")
    read(included)
    (path / "index.json").write_text("{")
    read(included)
    assert included.wiring.exercises.get("squid-ports").title == "Mine"
    included.restart()
    assert "no exercise with that name" in included.talk("russell", "!start squid-ports")[0]
    put(included, "squid-ports", "Mine again")
    assert begun(included, "!start squid-ports").startswith("Mine again begins")


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_the_folder_comes_while_the_bot_runs(stages: Callable[..., Stage], restarted: bool, named: bool) -> None:
    """Without it the included ones are there; what is put into it is read, also after it was away for a while."""
    stage = stages(included=True)
    stage.config = replace(stage.config, exercises=replace(stage.config.exercises, named=named))
    shutil.rmtree(stage.folder / "exercises")
    stage.restart()
    assert stage.talk("russell", "!start") == [
        f"russell: which exercise? Type !start and one of: {', '.join(INCLUDED)}; !exercises lists them all"
    ]
    put(stage, "mine", "Mine")
    if restarted:
        stage.restart()
    assert begun(stage, "!start").startswith("Mine begins")
    (stage.folder / "exercises").rename(stage.folder / "away")
    read(stage)
    assert "no exercise with that name" in stage.talk("russell", "!start mine")[0]
    (stage.folder / "away").rename(stage.folder / "exercises")
    read(stage)
    assert begun(stage, "!start mine").startswith("Mine begins")


def test_a_session_can_have_any(included: Stage) -> None:
    """Whoever plans one names theirs or an included one."""
    for words in ("selinux", "squid-ports"):
        said = included.talk("olga", f"!session add {words} sat 28 nov 09:00 berlin")
        assert f"exercise {words}" in said[0] and "Save this as a draft?" in said[0]


def test_a_running_class_keeps_its_exercise(included: Stage) -> None:
    """The folder is lost during the class: the next step is shown all the same."""
    put(included, "mine", "Mine", steps=3)
    included.talk("russell", "!start mine")
    shutil.rmtree(included.folder / "exercises")
    read(included)
    assert included.talk("russell", "!next")[0].startswith("Step 1 of 3")


def test_a_folder_that_is_the_included_one(included: Stage) -> None:
    """A checkout, or an old bot.ini: nothing is there twice, and nothing is wrong."""
    where = included.config.exercises.included
    assert where is not None
    library = load_exercises(replace(included.config.exercises, folder=where), ["debian"])
    assert (tuple(library.exercises), library.problems, library.included) == (INCLUDED, (), frozenset())


@pytest.mark.parametrize(("named", "wrong"), [(False, 0), (True, 1)])
def test_only_a_folder_that_bot_ini_names_has_to_be_there(tmp_path: Path, named: bool, wrong: int) -> None:
    """A slip in its name is a fault; the default may still be made."""
    ini = tmp_path / "bot.ini"
    ini.write_text("[irc]\nchannels = #class\n" + ("[exercises]\nfolder = exercices\n" if named else ""))
    config = load(ini)
    assert len(load_exercises(config.exercises, ["debian"]).problems) == wrong
    assert tuple(ExerciseFolder(config.exercises, ["debian"]).library.exercises) == INCLUDED
    lines: list[str] = []
    checkup(config, lines.append)
    assert len([line for line in lines if "there is no such folder" in line]) == wrong
    assert "  squid-ports: " in "\n".join(lines) and "9 steps (included)" in "\n".join(lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check",), "6 exercises, 0 problems"),
        (("show", "squid-ports"), "squid"),
        (("show", "selinux"), "SE Linux for beginners"),
        (("preview", "load", "average"), "Step 1 of 7"),
        (("handout", "play-machine"), "play-machine.html"),
    ],
)
def test_the_shell_knows_them_all(included: Stage, words: tuple[str, ...], said: str) -> None:
    """Theirs and the included ones, by name."""
    done = CliRunner().invoke(exercise, [*words, "--config", str(included.folder / "bot.ini")])
    assert said in done.output, done.output
