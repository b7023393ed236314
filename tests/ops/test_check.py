"""What ``trainbot check`` says before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.stage import Stage
from trainbot.bot.app import run
from trainbot.config import load
from trainbot.core.access import NO_ORGANISER, Role, parse_rule
from trainbot.core.errors import ConfigError
from trainbot.ops.check import checkup

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("images", "per_person", "said"),
    [
        (("debian",), 1, " (without centos labs: there is no such image)"),
        (("debian", "centos"), 1, " (for a centos lab as well, set [labs] per_person = 2)"),
        (("debian", "centos"), 2, ", with a centos lab as well"),
    ],
)
def test_an_exercise_that_compares(stage: Stage, images: tuple[str, ...], per_person: int, said: str) -> None:
    """Whoever prepares the class hears what is there to compare with, and what would allow it."""
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"image": "debian"', '"image": "debian", "second_image": "centos"'))
    config = replace(
        stage.config,
        labs=replace(stage.config.labs, per_person=per_person),
        images=tuple(image for image in stage.config.images if image.name in images),
    )
    lines: list[str] = []
    checkup(config, lines.append)
    assert f"  selinux: SE Linux for beginners, 3 steps{said}" in lines


def test_values_of_the_example_are_named(stage: Stage) -> None:
    """Whoever copies bot.ini hears what still has to be set: the addresses that are nobody's, and an organiser."""
    ini = stage.folder / "bot.ini"
    ini.write_text(
        "[irc]\nchannels = #class\nserver = irc.example.org\n[roles]\npresenter = account:alice\n"
        "[labs]\npublic_address = lab.example.org ; ssh\n[records]\npublic_url = https://notexample.org.au/\n"
    )
    lines: list[str] = []
    assert checkup(load(ini), lines.append) == 1
    assert [line for line in lines if "example" in line and line.startswith("!")] == [
        "! [irc] server: irc.example.org: this is still the example's value: set your own",
        "! [labs] public_address: lab.example.org: this is still the example's value: set your own",
        f"! nobody is organiser: {NO_ORGANISER}",
    ]


@pytest.mark.parametrize(
    ("option", "tls"),
    [(option, tls) for option in ("tls_fingerprint", "tls_ca_file", "tls_client_cert") for tls in (True, False)],
)
def test_tls_options_without_tls(stage: Stage, option: str, tls: bool) -> None:
    """Who pins a certificate believes that there is TLS."""
    value = "ab" * 32 if option == "tls_fingerprint" else stage.folder / "bot.ini"
    irc = replace(
        stage.config.irc,
        **{"tls_fingerprint": "", "tls_ca_file": None, "tls_client_cert": None, "tls": tls, option: value},
    )
    lines: list[str] = []
    checkup(replace(stage.config, irc=irc), lines.append)
    said = (
        f"! {option}: has no effect with tls = no, unless the network requires TLS (STS): set tls = yes and the port for it, "
        f"or remove {option}"
    )
    assert [line for line in lines if option in line] == ([] if tls else [said])


async def test_nobody_runs_without_an_organiser(stage: Stage) -> None:
    """It says what to set, before it connects anywhere."""
    ini = stage.folder / "bot.ini"
    ini.write_text("[irc]\nchannels = #class\n[roles]\norganiser =\npresenter = account:alice\n")
    with pytest.raises(ConfigError, match="set organiser in"):
        await run(load(ini))


def test_nobody_is_shipped_as_organiser() -> None:
    """Neither bot.ini nor the README names somebody who would become the organiser of whoever copies them."""
    assert not load(ROOT / "bot.ini").roles.rules[Role.ORGANISER]
    for line in (ROOT / "README.md").read_text().splitlines():
        if "organiser = " in line:
            with pytest.raises(ValueError, match="an account is a plain name"):
                parse_rule(line.partition("=")[2].strip())


def test_an_exercise_that_something_needs_and_that_is_gone(stage: Stage) -> None:
    """Whatever runs or is planned, in the files or in the database alone, names what it lacks."""
    stage.schedule(
        "course.toml",
        '[course]\ntitle = "Later"\nexercise = "selinux"\nzone = "UTC"\n[[session]]\nid = "a"\nstart = 2099-11-29T20:00:00\n',
    )
    stage.talk("russell", "!start selinux")
    (stage.folder / "exercises" / "selinux" / "index.json").unlink()
    lines: list[str] = []
    assert checkup(stage.config, lines.append) == 1
    assert [line for line in lines if line.startswith("! exercises")] == [
        "! exercises: the exercise selinux is gone, but needed by the session Later, the class that runs in #class: put it "
        f"back into {stage.folder}/exercises"
    ]


def test_schedules_that_are_gone(stage: Stage) -> None:
    """What they planned stands in the database: a file, or the whole folder, though the usual one need not be there."""
    stage.schedule(
        "course.toml",
        '[course]\ntitle = "Later"\nzone = "UTC"\n[[session]]\nid = "a"\nstart = 2099-11-29T20:00:00\n',
    )

    def faults() -> list[str]:
        lines: list[str] = []
        checkup(stage.config, lines.append)
        return [line for line in lines if line.startswith("! schedules: ")]

    stage.wait(seconds=10)
    assert faults() == []
    (stage.folder / "schedules" / "course.toml").unlink()
    gone = "! schedules: course.toml is gone, so what it had will be cancelled (Later): put it back if that is wrong"
    assert faults() == [gone]
    (stage.folder / "schedules").rmdir()
    assert faults() == [
        "! schedules: the schedule folder cannot be read (No such file or directory): set folder in [schedule]"
    ]


def test_a_fault_in_an_index_names_its_key(stage: Stage) -> None:
    """Public folders have any kind of ``backend``; the line says which key to correct."""
    folder = stage.folder / "exercises" / "public"
    folder.mkdir(parents=True)
    (folder / "index.json").write_text('{"title": "P", "backend": {"imageid": ["ubuntu"]}, "details": {"steps": []}}')
    lines: list[str] = []
    checkup(stage.config, lines.append)
    assert "! public/index.json: backend.imageid: is not a string" in lines


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        ("", "  none, so all is lost if this machine dies: set copies in [store] (docs/operating.md)"),
        (
            "a@b.example:copies",
            "  a@b.example:copies, every 1 s, and 5 are kept; trainbot copy key says what to type there",
        ),
        (
            "a@b.example:copies\ncopies_every = 30d",
            "s, every 30 d, and 5 are kept; trainbot copy key says what to type there",
        ),
        ("copies", "; it is on the database's file system, so it does not help if that disk fails"),
    ],
)
def test_where_copies_go(stage: Stage, copies: str, said: str) -> None:
    """Whether the installation outlives its machine is said before the first class."""
    ini = stage.folder / "bot.ini"
    ini.write_text(
        "[irc]\nchannels = #class\nserver = irc.example.net\n[roles]\norganiser = account:alice\n[store]\n"
        + (f"copies = {copies}\n" if copies else "")
    )
    lines: list[str] = []
    checkup(load(ini), lines.append)
    assert [line for line in lines if line.endswith(said)]
