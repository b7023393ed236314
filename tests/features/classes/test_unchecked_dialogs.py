"""An exercise whose image is not here: everybody who plans, begins or takes part in its class is told, and an image that
fits is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.features.classes.conftest import INDEX, names, teach_scripts
from tests.features.classes.test_lab_setup_dialogs import run_all
from tests.stage import Stage
from trainbot.bot.rehearsal_requests import RehearsalRequests
from trainbot.cli.classes import exercise as shell
from trainbot.core.messages import Arrived
from trainbot.model.exercise import Exercise, Script, Step
from trainbot.model.stand_in import placed, stand_in
from trainbot.ops import check
from trainbot.ops.exercise_text import image_notes

NO_WINDOWS = "there are no windows labs here"
COMMANDS = "!done when you have done a step, !stuck when you need help, !ask for questions."


@pytest.fixture
def written(stages: Callable[..., Stage]) -> Callable[..., Stage]:
    """written(image, here=…): a bot with the exercise scripts, made for that image, and labs of these images."""

    def make(image: str, here: tuple[str, ...] = ("debian",), **settings: object) -> Stage:
        stage = stages(images=here, **settings)
        index = {**INDEX, "backend": {"imageid": image}}
        del index["image"]
        teach_scripts(stage, index)
        return stage

    return make


# -- which image fits ------------------------------------------------------------------------------------

HERE = ("debian", "centos", "fedora")


@pytest.mark.parametrize(
    ("image", "here", "fits"),
    [
        ("ubuntu", HERE, "debian"),
        ("ubuntu-4GB", HERE, "debian"),
        ("ubuntu:2004", HERE, "debian"),
        ("Ubuntu", HERE, "debian"),
        ("ubuntu", ("debian", "ubuntu2404"), "ubuntu2404"),
        ("ubuntu", ("centos",), ""),
        ("debian13", HERE, "debian"),
        ("debian", ("ubuntu",), ""),
        ("centos7", HERE, "centos"),
        ("centos", ("debian", "almalinux"), "almalinux"),
        ("rocky", ("debian", "centos"), "centos"),
        ("rhel9", ("rocky", "almalinux"), "almalinux"),
        ("debian13", ("debian", "trixie"), "trixie"),
        ("debian-13", ("debian", "trixie"), "trixie"),
        ("debian:trixie-slim", ("debian", "trixie"), "trixie"),
        ("debian12", ("debian", "trixie"), "debian"),
        ("bookworm", ("trixie", "debian-cloud"), "debian-cloud"),
        ("debian11", ("trixie", "debian"), "debian"),
        ("trixie", ("debian",), "debian"),
        ("debian", ("trixie",), "trixie"),
        ("centos9", ("centos10", "centos", "debian"), "centos"),
        ("centos-stream-10", ("centos10", "centos"), "centos10"),
        ("centos8-stream", ("rocky", "centos", "centos10"), "centos"),
        ("rhel9.4", ("centos10", "rocky"), "rocky"),
        ("rocky10", ("rocky", "almalinux10"), "almalinux10"),
        ("rockylinux-9", ("almalinux", "rocky", "rocky10"), "rocky"),
        ("redhat", ("centos10", "almalinux"), "almalinux"),
        ("ubuntu-22.04", ("ubuntu", "ubuntu2204"), "ubuntu2204"),
        ("ubuntu2204", ("ubuntu", "debian"), "ubuntu"),
        ("ubuntu:2004", ("trixie", "debian"), "debian"),
        ("ubuntu-jammy", ("ubuntu", "ubuntu2204"), "ubuntu2204"),
        ("ubuntu-20-04-lts", ("ubuntu", "ubuntu2004"), "ubuntu2004"),
        ("ubuntu-4GB-desktop", ("ubuntu", "ubuntu2204"), "ubuntu"),
        ("fedora41", ("debian", "fedora"), "fedora"),
        ("fedora", ("debian", "centos"), ""),
        ("kubernetes-kubeadm-1node", HERE, ""),
        ("docker", HERE, ""),
        ("windows", HERE, ""),
        ("debunk", HERE, ""),
        ("4debian", HERE, ""),
        ("", HERE, ""),
        ("ubuntu", (), ""),
    ],
)
def test_an_image_that_fits(image: str, here: tuple[str, ...], fits: str) -> None:
    """Of the same release, of the same distribution, or of one with the same packages and paths; never just any."""
    assert stand_in(image, here) == fits


def test_the_second_image_stays_another() -> None:
    """What stands in for the first one is not compared with itself; an image that is here stays."""
    found = placed(Exercise("x", "X", Path(), image="ubuntu", second_image="debian"), HERE)
    assert (found.image, found.written_for, found.second_image) == ("debian", "ubuntu", "")
    same = Exercise("x", "X", Path(), image="fedora", second_image="debian")
    assert placed(same, HERE) is same


@pytest.mark.parametrize(
    ("image", "here", "written_for"),
    [
        ("debian13", ("trixie",), ""),
        ("bookworm", ("debian",), ""),
        ("centos9", ("centos",), ""),
        ("centos9", ("almalinux",), "centos9"),
        ("debian13", ("debian",), "debian13"),
        ("debian", ("trixie",), "debian"),
        ("fedora41", ("fedora",), "fedora41"),
    ],
)
def test_only_what_may_differ_is_said(image: str, here: tuple[str, ...], written_for: str) -> None:
    """The same release under another name is what the exercise was written for."""
    found = placed(Exercise("x", "X", Path(), image=image), here)
    assert (found.image, found.written_for) == (here[0], written_for)


@pytest.mark.parametrize(
    ("here", "second"),
    [
        (("debian", "trixie", "centos"), "centos"),
        (("debian", "trixie"), "trixie"),
        (("debian", "trixie", "rocky"), "rocky"),
        (("debian",), "centos"),
        (("trixie",), "centos"),  # it is the first one now
        ((), "centos"),
    ],
)
def test_the_first_second_image_that_is_here(here: tuple[str, ...], second: str) -> None:
    """Of several, the best that people can have a lab of, or one that fits it; without any, the first is named."""
    exercise = Exercise("x", "X", Path(), image="debian", second_image="centos", second_choices=("centos", "trixie"))
    assert placed(exercise, here).second_image == second
    elsewhere = replace(exercise, image="ubuntu", second_image="debian", second_choices=("debian", "trixie"))
    assert placed(elsewhere, ("debian", "trixie")).second_image == "trixie"


# -- begins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "here", "why"),
    [
        ("windows", ("debian",), "there are no windows labs here"),
        ("kubernetes-kubeadm-1node", ("debian", "centos"), "there are no kubernetes-kubeadm-1node labs here"),
        ("centos", ("debian",), "there are no centos labs here"),
        ("ubuntu", ("centos",), "there are no ubuntu labs here"),
        ("", ("debian",), "the exercise names no image"),
        ("debian", (), "there are no debian labs here"),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_class_that_runs_unchecked(
    written: Callable[..., Stage], restarted: bool, image: str, here: tuple[str, ...], why: str
) -> None:
    """The channel hears it at the start and at every step, the presenter what to do, learners in !step and !done."""
    stage = written(image, here)
    said = stage.hear("russell", "!start scripts")
    assert said[0][1] == (
        f"Scripts begins, with russell: {COMMANDS} Nothing is prepared or checked, because {why}: !done counts as you say it."
    )
    assert said[1] == (
        "russell",
        f"{why}, so no script of scripts runs; !end ends the class. To have them run, an organiser adds the image (trainbot "
        'image list), or sets "image" in the exercise\'s index to one that is here',
    )
    if restarted:
        stage.restart()
    for number, title in enumerate(("One", "Two", "Three", "Four"), 1):
        stage.wait(seconds=6)
        head = f"Step {number} of 4: {title} (not checked: {why})"
        assert stage.talk("russell", "!next")[0] == head
        assert stage.talk("russell", "!repeat")[0] == head
        assert stage.whisper("alice", "step")[0] == head
        stage.whisper("alice", "done")
    assert stage.scripts == []


def test_done_says_that_it_is_not_checked(written: Callable[..., Stage]) -> None:
    """In private; where the channel was told, nobody gets a line for each step."""
    stage = written("windows")
    stage.talk("russell", "!start scripts"), stage.talk("russell", "!next")
    assert stage.whisper("alice", "done") == [f"step 1 is done but not checked, because {NO_WINDOWS}"]
    assert stage.talk("bob", "!done") == []
    stage.talk("russell", "!goto 3")  # has no check
    stage.whisper("alice", "done")
    assert stage.whisper("alice", "done") == ["step 3 is done"]


@pytest.mark.parametrize(
    ("nick", "words", "said"),
    [
        ("alice", "!catchup", f"{NO_WINDOWS}, so I can't do its steps for you; !step 1 shows the first one"),
        ("alice", "!lab windows", 'no image called "windows" (available: debian)'),
        ("alice", "!lab home windows", 'no image called "windows" (available: debian)'),
    ],
)
def test_nobody_is_sent_after_such_a_lab(written: Callable[..., Stage], nick: str, words: str, said: str) -> None:
    """What cannot work says why."""
    stage = written("windows")
    stage.talk("russell", "!start scripts"), stage.talk("russell", "!goto 2")
    assert stage.talk(nick, words)[0].startswith(f"{nick}: {said}")


def test_lecture_mode_promises_no_lab(written: Callable[..., Stage]) -> None:
    """Neither when it begins nor when it ends; latecomers are sent to the step."""
    stage = written("windows")
    stage.talk("russell", "!start scripts"), stage.talk("russell", "!next")
    assert "!lab" not in stage.talk("russell", "!lecture on")[0]
    assert stage.talk("russell", "!lecture off") == [f"lecture mode is off; nothing is checked, because {NO_WINDOWS}"]
    stage.join("dan", account="dan")
    said = stage.happens(Arrived(stage.net.people["dan"], "#class", stage.now)) + stage.wait(seconds=2)
    assert ("dan", "Scripts is at step 1 of 4: !step shows it") in said


@pytest.mark.parametrize("image", ["ubuntu", "ubuntu-4GB", "Debian-12", "debian"])
def test_an_image_that_fits_is_used(written: Callable[..., Stage], image: str) -> None:
    """Its labs are offered, prepared and checked, and it is said what the exercise was written for."""
    stage = written(image)
    about = (
        ""
        if image in ("debian", "Debian-12")
        else f" It was written for {image} and runs in debian labs here, so names and versions may differ."
    )
    assert stage.talk("russell", "!start scripts")[0] == (
        f"Scripts begins, with russell: !lab debian gives you a machine of your own, {COMMANDS}{about}"
    )
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.wait(seconds=6)
    assert stage.talk("russell", "!next")[0] == "Step 1 of 4: One"
    assert run_all(stage)[0] == ["intro", "setup1"]
    stage.talk("alice", "!done")
    assert names(stage.labs_run(1, "no")[0]) == ["verify1"]


@pytest.mark.parametrize("image", ["windows", ""])
def test_without_scripts_nothing_is_missing(stages: Callable[..., Stage], image: str) -> None:
    """A lecture, or texts alone: no word about checks."""
    stage = stages()
    index = {"title": "Texts", "image": image, "details": {"steps": [{"title": "A", "text": "read this here"}]}}
    folder = stage.folder / "exercises" / "texts"
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps(index))
    stage.restart()
    said = [*stage.talk("russell", "!start texts"), *stage.talk("russell", "!next"), *stage.whisper("alice", "done")]
    assert not [line for line in said if "check" in line]


# -- planned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "words", "note"),
    [
        ("windows", "", f"Nothing of scripts will be prepared or checked: {NO_WINDOWS}."),
        ("", "", "Nothing of scripts will be prepared or checked: the exercise names no image."),
        ("ubuntu", "", "scripts was written for ubuntu and runs in debian labs."),
        ("debian", "", ""),
        (
            "debian",
            "images centos",
            "Nothing of scripts will be prepared or checked: its scripts only run in debian labs.",
        ),
        ("debian", "images debian centos", ""),
    ],
)
@pytest.mark.parametrize("command", ["add", "move"])
def test_whoever_plans_it_is_told(
    written: Callable[..., Stage], command: str, image: str, words: str, note: str
) -> None:
    """Before they say yes, also to a change of what was planned."""
    stage = written(image, ("debian", "centos"))
    (said,) = stage.talk("olga", f"!session add scripts sat 28 nov 09:00 berlin {words}".strip())
    if command == "move":
        stage.talk("olga", "!yes")
        (said,) = stage.talk("olga", "!session move d1 sat 28 nov 10:00")
    assert (note in said) if note else ("checked" not in said and "written for" not in said), said


def rehearsal(stage: Stage, **request: object) -> dict[str, object]:
    """What a rehearsal is answered."""
    (asked,) = [feature for feature in stage.wiring.features if isinstance(feature, RehearsalRequests)]
    with stage.store.transaction():
        return asked.answer({"do": "begin", **request}, stage.now)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("windows", "there is no windows image here, so nothing of scripts is prepared or checked"),
        ("ubuntu", "scripts was written for ubuntu, and debian labs are used"),
        ("", "nothing of scripts is prepared or checked in a class: the exercise names no image"),
        ("debian", ""),
    ],
)
def test_a_rehearsal_says_it(written: Callable[..., Stage], image: str, said: str) -> None:
    """As its refusal, or in its report."""
    answer = rehearsal(written(image), exercise="scripts", seats=1)
    told = str(answer.get("error", "")) or f"{answer['unchecked']}{answer['about']}"
    assert told.startswith(said) and bool(told) == bool(said)


# -- in the shell --------------------------------------------------------------------------------------------


def exercise(slug: str, image: str, *, scripts: bool = True) -> Exercise:
    return Exercise(slug, slug, Path(), image=image, steps=(Step(1, "A", "", verify=Script("v", "true")),) * scripts)


def test_a_collection_is_a_few_lines() -> None:
    """Hundreds of public exercises are told by image."""
    many = [exercise(f"u{n}", "ubuntu") for n in range(120)] + [exercise(f"k{n}", "kubernetes") for n in range(90)]
    many += [exercise("text", "kubernetes", scripts=False), exercise("ours", "debian"), exercise("none", "")]
    missing, unnamed, other = image_notes(many, ("debian",))
    assert missing.startswith("there are no kubernetes labs here, so nothing is prepared or checked in k0, k1, ")
    assert unnamed == "the exercise names no image, so nothing is prepared or checked in none"
    assert other.startswith("written for ubuntu, runs in debian labs: u0, u1, ")
    assert all(len(line) < 600 for line in (missing, other)) and "text" not in missing and "ours" not in missing


@pytest.mark.parametrize(
    ("image", "said", "problem"),
    [
        ("windows", "; there are no windows labs here, so nothing is prepared or checked", True),
        ("", "; the exercise names no image, so nothing is prepared or checked", True),
        (
            "ubuntu",
            "; written for ubuntu, runs in debian labs: trainbot image import ubuntu makes an image of that release",
            False,
        ),
        (
            "debian13",
            "; written for debian13, runs in debian labs: trainbot image build trixie makes an image of that release",
            False,
        ),
        ("debian9", "; written for debian9, runs in debian labs", False),
        ("debian12", "", False),
        ("debian", "", False),
    ],
)
def test_the_check_names_it(
    written: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, image: str, said: str, problem: bool
) -> None:
    """A note for each exercise, with the command that would help if there is one; a problem where a class with it is planned."""
    stage = written(image)
    usable = stage.wiring.scheduler.images
    monkeypatch.setattr(check, "images_of", lambda _config: (usable, {}))
    monkeypatch.setattr("trainbot.bot.installation.images_of", lambda _config: (usable, {}))
    stage.schedule(
        "course.toml",
        '[[session]]\nid = "a"\ntitle = "Planned"\nexercise = "scripts"\nzone = "UTC"\nstart = 2036-01-01T10:00:00\n',
    )
    lines: list[str] = []
    check.checkup(stage.config, lines.append)
    assert f"  scripts: Scripts, 4 steps{said}" in lines
    wrong = "! Planned: in its exercise scripts nothing is prepared or checked (see above)"
    assert (wrong in lines) is problem
    found = CliRunner().invoke(shell, ["check", "-c", str(stage.folder / "bot.ini")]).output
    assert (
        "nothing is prepared or checked in scripts" in found
        if problem
        else said.strip("; ").partition(":")[0] in found or not said
    )
