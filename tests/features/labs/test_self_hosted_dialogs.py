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
    r"([0-9a-f]{64})\); take part like everyone else: !done \(not checked here\), !stuck, !ask; !lab debian gives you a lab "
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
        r"0 done, 1 working, 0 stuck, \d silent; at home, not checked: alice", stage.talk("hannah", "!progress")[0]
    )
    stage.talk("alice", "!stuck nginx is not there")
    assert "stuck: alice (nginx is not there)" in stage.talk("hannah", "!progress")[0]
    assert stage.whisper("alice", "done") == ["step 1 is done"]
    assert "1 done, 0 working, 0 stuck" in stage.talk("hannah", "!progress")[0]
    assert stage.began == []


def test_a_class_says_which_image_is_meant(stages: Callable[..., Stage]) -> None:
    """In a class its exercise's; outside of one somebody who could mean several is asked."""
    stage = stages(images=("debian", "fedora"))
    stage.host_up()
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
    """A place in the queue is given up after a question; a lab that somebody has stays until they return it."""
    stage = publish(stages(labs=1))
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!lab debian")
    stage.talk("alice", "!lab home")
    assert "!lab debian goes back to your lab here, !lab return deletes it" in stage.talk("alice", "!yes")[0]
    assert stage.hear("bob", "!lab home") == [
        (
            "bob",
            "you lose your position in the queue for a debian lab, and !done counts without a check. Type !yes within 60 s.",
        )
    ]
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["alice", "bob"]
    assert "!lab debian gives you a lab here instead" in stage.talk("bob", "!yes")[0]
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["alice"]


def test_without_an_address_it_says_what_to_ask_for(stage: Stage) -> None:
    """They take part all the same: the organiser knows where the image is."""
    publish(stage, url="")
    (line,) = stage.talk("alice", "!lab home")
    assert line.startswith(
        "ask an organiser where to download the debian image ([records] public_url is not set); sha256 of its SHA256SUMS: "
    )
    assert stage.talk("alice", "!lab")[0].startswith("you run debian on a machine of your own")


@pytest.mark.parametrize("has_lab", [False, True])
@pytest.mark.parametrize("in_class", [False, True])
@pytest.mark.parametrize("words", ["!lab home", "!lab home debian", "!LAB  HOME  Debian"])
def test_what_is_not_published_is_refused(stage: Stage, words: str, in_class: bool, has_lab: bool) -> None:
    """Nobody is at home with an image that they can't have, and nothing is changed or asked."""
    if in_class:
        begin(stage)
    if has_lab:
        stage.talk("alice", "!lab debian")
    before = stage.dump()
    assert stage.talk("alice", words) == [
        "alice: the debian image is not published, so you can't run it elsewhere: !lab debian gives you a lab here, or ask an "
        "organiser to publish it (trainbot image publish)"
    ]
    assert stage.dump() == before
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]


def test_no_lab_is_made_ahead_for_those_at_home(stages: Callable[..., Stage]) -> None:
    """Two signed up, one is at home: one lab is made, and nobody else is handed one before the class."""
    stage = stages()
    stage.schedule(
        "course.toml",
        '[[session]]\nid = "a"\ntitle = "SE Linux"\nexercise = "selinux"\nzone = "UTC"\n'
        f"start = {START + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}\n",
    )
    stage.wait(seconds=2), stage.wait(seconds=2)
    publish(stage)
    for nick in ("alice", "bob"):
        stage.talk(nick, "!signup 1")
    stage.talk("alice", "!lab home")
    for _ in range(60):
        stage.wait(minutes=2)
        stage.hosts_work()
        stage.host_up()
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["bob"]
    assert len(stage.labs()) == 1


ASKS = (
    "you have a debian lab here. It stays, but I no longer prepare steps in it, and !done counts without a check, until you "
    "type !lab debian or the class ends. Type !yes within 60 s."
)


@pytest.fixture
def checked(stages: Callable[..., Stage]) -> Stage:
    """A class whose first step has a check, in which alice and bob have labs; the image is published."""
    stage = stages(per_person=2, images=("debian", "centos"))
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"title": "Look"', '"title": "Look", "verify": "#!/bin/sh\\nverify1"'))
    publish(stage)
    begin(stage)
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    return stage


def checks(stage: Stage, nick: str) -> bool:
    """Whether a check runs when they say that they have done their step."""
    stage.talk(nick, "!done")
    return len(stage.labs_run(1, "no")[0]) == 1


def go_home(stage: Stage, nick: str = "alice", words: str = "!lab home") -> None:
    assert stage.hear(nick, words) == [(nick, ASKS)]
    stage.talk(nick, "!yes")


@pytest.mark.parametrize("answer", ["", "!no", "!done", "!lab"])
@pytest.mark.parametrize("words", ["!lab home", "!lab home debian"])
def test_whoever_has_a_lab_is_asked_first(checked: Stage, words: str, answer: str) -> None:
    """Without a yes the checks go on as before."""
    assert checked.hear("alice", words) == [("alice", ASKS)]
    if answer:
        checked.talk("alice", answer), checked.labs_run(1, "no")
    checked.wait(seconds=61)
    assert checked.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    assert checks(checked, "alice")
    assert "at home" not in checked.talk("hannah", "!progress")[0]


def test_the_lab_stands_by(checked: Stage) -> None:
    """Who takes part from home hears at every step that nothing is checked; the staff sees their name; others go on."""
    go_home(checked)
    assert checked.talk("alice", "!done") == [
        "step 1 is done but not checked, because you run debian on a machine of your own; !lab debian gives you a lab here"
    ]
    assert checked.scripts == []
    assert "; at home, not checked: alice" in checked.talk("russell", "!progress")[0]
    assert checks(checked, "bob")
    (line,) = checked.talk("alice", "!lab")
    assert line.startswith("debian (enforcing) on xen1: ready") and line.endswith(
        "; you take part from a machine of your own, so nothing is prepared in your debian lab, and !done counts without a "
        "check, until you type !lab debian"
    )


@pytest.mark.parametrize(
    ("nick", "words", "said"),
    [
        ("alice", "!lab debian", r"your debian lab: password \S+ \(you no longer take part from home"),
        ("alice", "!lab DEBIAN", r"your debian lab: password \S+ \(you no longer take part from home"),
        ("alice", "!lab create debian", r"your debian lab: password \S+ \(you no longer take part from home"),
        ("alice", "!lab debian enforcing", r"your debian lab: password \S+ \(you no longer take part from home"),
        (
            "alice",
            "!lab debian permissive",
            r"alice: you no longer take part from home, and you already have a debian lab in enforcing mode. !lab return",
        ),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_asking_for_the_lab_ends_it(checked: Stage, restarted: bool, nick: str, words: str, said: str) -> None:
    """Whatever lab they have, and also after kill -9: the checks run in it again."""
    go_home(checked)
    if restarted:
        checked.restart()
        checked.host_up()
    assert re.match(said, checked.talk(nick, words)[0])
    assert "machine of your own" not in checked.talk("alice", "!lab")[0]
    assert checks(checked, "alice")
    assert "at home" not in checked.talk("hannah", "!progress")[0]


def test_a_new_lab_ends_it(checked: Stage) -> None:
    """Who returned theirs before gets another, and its checks."""
    go_home(checked)
    checked.talk("alice", "!lab return"), checked.talk("alice", "!yes")
    assert "(you no longer take part from home" in checked.talk("alice", "!lab debian")[0]
    checked.hosts_work()
    assert checks(checked, "alice")


@pytest.mark.parametrize("early", [False, True])
def test_it_ends_with_the_class(checked: Stage, early: bool) -> None:
    """In the next class their lab is checked like everybody's, unless they say it again."""
    go_home(checked)
    if early:
        checked.wait(seconds=30)
    checked.talk("russell", "!end"), checked.talk("russell", "!yes")
    checked.wait(seconds=2)
    begin(checked)
    assert checks(checked, "alice")
    go_home(checked)
    checked.talk("alice", "!done")
    assert checked.scripts == []


def test_it_stays_for_who_was_not_in_that_class(checked: Stage) -> None:
    """The end of a class that they missed, and a restart before it ended, change nothing."""
    checked.join("dan", account="dan")
    checked.whisper("dan", "lab home debian"), checked.leave("dan")
    with checked.store.transaction():
        checked.store.classes.attendance.remove(person_id=checked.store.people.first(account="dan").id)
    checked.talk("russell", "!end"), checked.talk("russell", "!yes")
    checked.restart()
    checked.host_up()
    checked.join("dan", account="dan")
    assert checked.talk("dan", "!lab")[0].startswith("you run debian on a machine of your own")


def test_another_image_at_home_changes_nothing_here(checked: Stage) -> None:
    """Only labs of the image that runs at home stand by, and only such a class has somebody at home."""
    folder = Path(checked.config.records.folder) / FOLDER
    (folder / "centos").mkdir()
    (folder / "centos" / SUMS).write_text("sums\n")
    assert checked.talk("alice", "!lab home centos")[0].startswith("centos for Xen or QEMU")
    assert checks(checked, "alice")
    assert "at home" not in checked.talk("hannah", "!progress")[0]
    assert "you run centos on a machine of your own" in checked.talk("alice", "!lab")[0]
    assert "you no longer" not in checked.talk("alice", "!lab debian")[0]
    assert checked.talk("carol", "!lab home debian")[0].endswith("; !lab debian gives you a lab here instead")
    assert checked.talk("carol", "!lab home centos")[0].endswith("; you no longer run debian at home")


def test_silent_ones_at_home_are_named(checked: Stage) -> None:
    """Also those who said it before the class and nothing since."""
    checked.talk("russell", "!end"), checked.talk("russell", "!yes")
    checked.whisper("carol", "lab home debian")
    begin(checked)
    assert "silent; at home, not checked: carol" in checked.talk("russell", "!progress")[0]


@pytest.mark.parametrize(
    ("published", "url", "named"),
    [(False, "https://lab.example.org/", False), (True, "", False), (True, "https://lab.example.org/", True)],
)
def test_a_lecture_names_it_where_it_works(stage: Stage, published: bool, url: str, named: bool) -> None:
    """Nobody is told to type what is refused, or what names no address."""
    if published:
        publish(stage, url)
    begin(stage)
    (line,) = stage.talk("russell", "!lecture on")
    assert ("!lab home debian tells you how" in line) is named


def test_a_latecomer_at_home_is_offered_no_catching_up(checked: Stage) -> None:
    """What is done in labs for others they do by hand."""
    index = checked.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"title": "Look"', '"title": "Look", "solve": "#!/bin/sh\\nsolve1"'))
    for _ in range(9):
        checked.wait(seconds=2)
    checked.talk("russell", "!goto 2")
    said = checked.hear("carol", "!lab home") + checked.wait(seconds=2)
    assert ("carol", "the class is at step 2 of 3; !step shows it, !step 1 shows the first step again") in said


def test_a_seat_says_that_it_brings_no_lab(stage: Stage) -> None:
    """Who looked where the image is, weeks ago, hears at the sign-up that no lab is made for them."""
    publish(stage)
    stage.schedule(
        "course.toml",
        '[[session]]\nid = "a"\ntitle = "SE Linux"\nexercise = "selinux"\nzone = "UTC"\n'
        f"start = {START + timedelta(days=2):%Y-%m-%dT%H:%M:%S}\n",
    )
    stage.wait(seconds=2), stage.wait(seconds=2)
    stage.talk("alice", "!lab home")
    assert (
        "; you run debian on a machine of your own, so you get no lab; !lab debian ends that"
        in (stage.talk("alice", "!signup 1")[0])
    )
    stage.talk("alice", "!lab debian")
    assert "you get your debian lab" in stage.talk("alice", "!signup 1")[0]
