"""``!lab home``: learners who run the image on a machine of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.stage import START, Stage
from trainbot.images.publishing.published import FOLDER, SUMS

WHERE = re.compile(
    r"debian for Xen or QEMU, how-to: https://lab\.example\.org/images/debian/ \(sha256 of SHA256SUMS: "
    r"([0-9a-f]{64})\); take part like everyone else: !done, !stuck, !ask; !lab debian gives you a lab "
    r"here instead"
)


def publish(stage: Stage, url: str = "https://lab.example.org/") -> Stage:
    folder = Path(stage.config.records.folder) / FOLDER / "debian"
    folder.mkdir(parents=True)
    (folder / SUMS).write_text("sums\n")
    stage.config = replace(stage.config, records=replace(stage.config.records, public_url=url))
    stage.restart()
    stage.host_up()
    return stage


def begin(stage: Stage) -> None:
    stage.talk("russell", "!start selinux")
    stage.talk("russell", "!next")


def test_home_says_where_the_image_is(stage: Stage) -> None:
    """One private line with the how-to and its sum; no lab is made for it."""
    publish(stage)
    said = stage.hear("alice", "!lab home")
    assert [target for target, _line in said] == ["alice"] and WHERE.fullmatch(said[0][1])
    assert len(said[0][1].encode()) < 400
    assert stage.leases() == [] and stage.labs() == []


def test_whoever_is_at_home_is_a_member_of_the_class(stage: Stage) -> None:
    """``!progress`` counts them, ``!done`` and ``!stuck`` work, and no check is run anywhere."""
    publish(stage)
    begin(stage)
    stage.talk("alice", "!lab home")
    assert re.search(
        r"0 done, 1 working, 0 stuck, \d silent \(1 of them at home\)", stage.talk("hannah", "!progress")[0]
    )
    stage.talk("alice", "!stuck nginx is not there")
    assert "stuck: alice (nginx is not there)" in stage.talk("hannah", "!progress")[0]
    assert stage.whisper("alice", "done") == ["step 1 is done"]
    assert "1 done, 0 working, 0 stuck" in stage.talk("hannah", "!progress")[0]
    assert stage.began == []


def test_a_class_says_which_image_is_meant(stages: Callable[..., Stage]) -> None:
    """In a class its exercise's; outside of one somebody who could mean several is asked."""
    stage = stages(images=("debian", "fedora"))
    assert stage.talk("alice", "!lab home") == ["alice: which image? Type !lab home IMAGE with one of: debian, fedora"]
    begin(stage)
    assert "the debian image is not published" in stage.talk("alice", "!lab home")[0]
    assert stage.talk("alice", "!lab home gentoo")[0].startswith('alice: no image called "gentoo"')


def test_being_at_home_outlives_a_restart(stage: Stage) -> None:
    """``!lab`` says so after kill -9 as before."""
    publish(stage)
    stage.talk("alice", "!lab home")
    stage.restart()
    stage.host_up()
    assert stage.talk("alice", "!lab") == [
        "you run debian on a machine of your own (!lab home shows where to get the image); "
        "!lab debian gives you a lab here instead"
    ]


def test_a_lab_here_ends_being_at_home(stage: Stage) -> None:
    """Asked for by themselves or by an organiser."""
    publish(stage)
    for words in ("!lab debian", "!lab for alice debian"):
        stage.talk("alice", "!lab home")
        stage.talk("olga" if "for" in words else "alice", words)
        stage.talk("alice", "!lab return"), stage.talk("alice", "!yes")
        assert stage.talk("alice", "!lab") == ["you have no lab; !lab debian gives you one"]


def test_who_waits_for_a_lab_makes_room(stages: Callable[..., Stage]) -> None:
    """A place in the queue is given up; a lab that somebody has stays until they return it."""
    stage = stages(labs=1)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!lab debian")
    assert "you keep your debian lab here until !lab return" in stage.talk("alice", "!lab home")[0]
    assert "!lab debian gives you a lab here instead" in stage.talk("bob", "!lab home")[0]
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["alice"]


@pytest.mark.parametrize(
    ("published", "words"),
    [
        (False, "the debian image is not published: ask an organiser for it (trainbot image publish)"),
        (
            True,
            "ask an organiser where to download the debian image ([records] public_url is not set); sha256 of its SHA256SUMS: ",
        ),
    ],
)
def test_without_an_address_it_says_what_to_ask_for(stage: Stage, published: bool, words: str) -> None:
    """They take part all the same: they may have the image from elsewhere."""
    if published:
        publish(stage, url="")
    (line,) = stage.talk("alice", "!lab home")
    assert line.startswith(words)
    assert stage.talk("alice", "!lab")[0].startswith("you run debian on a machine of your own")


def test_no_lab_is_made_ahead_for_those_at_home(stages: Callable[..., Stage]) -> None:
    """Two signed up, one is at home: one lab is made, and nobody else is handed one before the class."""
    stage = stages()
    stage.schedule(
        "course.toml",
        '[[session]]\nid = "a"\ntitle = "SE Linux"\nexercise = "selinux"\nzone = "UTC"\n'
        f"start = {START + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}\n",
    )
    stage.wait(seconds=2), stage.wait(seconds=2)
    stage.host_up()
    for nick in ("alice", "bob"):
        stage.talk(nick, "!signup 1")
    stage.talk("alice", "!lab home")
    for _ in range(60):
        stage.wait(minutes=2)
        stage.hosts_work()
        stage.host_up()
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["bob"]
    assert len(stage.labs()) == 1
