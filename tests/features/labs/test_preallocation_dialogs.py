"""A class from its sign-ups to its end, as dialogs: labs are there before anybody asks, and nobody gets two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.stage import CHANNEL, START, Stage
from trainbot.bot.events import Tick
from trainbot.core.messages import Line, LineSent, LineUndelivered
from trainbot.model.host import HostLost

COURSE = """
[[session]]
id = "a"
title = "SE Linux"
exercise = "selinux"
zone = "Europe/Berlin"
start = {start}
"""
BEGINS = START + timedelta(hours=2)  # 10:00 UTC, 11:00 in Berlin
LEARNERS = ("ann", "ben", "cem", "dia")


def plan(stage: Stage, start: str = "2026-11-27T11:00:00", extra: str = "") -> None:
    stage.schedule("course.toml", COURSE.format(start=start) + extra)
    stage.wait(seconds=2), stage.wait(seconds=2)


def signed_up(stage: Stage, *nicks: str) -> Stage:
    plan(stage)
    for nick in nicks:
        if nick not in stage.net.people:
            stage.join(nick, account=nick)
        stage.talk(nick, "!signup 1")
    for host in stage.hosts:
        stage.host_up(host)
    return stage


@pytest.fixture
def four(stages: Callable[..., Stage]) -> Stage:
    """Four learners have signed up for a class in two hours; two hosts have room for six each."""
    return signed_up(stages(labs=6, hosts=("xen1", "xen2")), *LEARNERS)


def until(stage: Stage, minutes: float, works: bool = True) -> list[tuple[str, str]]:
    """Time passes up to so many minutes after the start of the class (before it: less than 0), hosts do their work;
    what is said about labs, not the reminders."""
    said, end = [], BEGINS + timedelta(minutes=minutes)
    while stage.now < end:
        left = (BEGINS - stage.now) / timedelta(minutes=1)
        step = 5 if left > 50 else 2 if left > 22 else 0.5 if left > -2 else 2
        stage.now = min(stage.now + timedelta(minutes=step), end)
        said += stage.wait(minutes=0)
        said += stage.hosts_work() if works else []
    return [line for line in said if not line[1].startswith("you have a seat: ")]


def seats(said: list[tuple[str, str]]) -> list[str]:
    """Who got an access line."""
    return [target for target, text in said if "your debian lab: password " in text]


def has(stage: Stage) -> list[str]:
    """Whoever has a lab, in the order of their leases."""
    return [stage.name_of(lease.person_id) for lease in stage.leases() if lease.lab_id]


def test_labs_are_made_before_the_class(four: Stage) -> None:
    """Nothing 41 minutes before, then one for each sign-up, spread over the hosts; nobody is told yet but by reminder."""
    until(four, -41)
    assert four.labs() == []
    until(four, -21)
    assert Counter(lab.host for lab in four.labs()) == {"xen1": 2, "xen2": 2}
    assert {lab.state for lab in four.labs()} == {"ready"} and four.leases() == []


def test_everybody_is_told_in_the_order_of_sign_up(four: Stage) -> None:
    """One a minute from twenty minutes before; the line says what it is for; the time counts from the start."""
    until(four, -20.5)
    said = until(four, -1)
    assert seats(said) == list(LEARNERS)
    line, command = [text for target, text in said if target == "ann"][:2]
    assert re.match(r"your debian lab: password \S+ \(SE Linux begins in 20 min; ", line)
    assert command == "ssh -p 2222 debian@lab.example.org"
    assert {lease.expires_at for lease in four.leases()} == {BEGINS + four.config.labs.lease}
    assert len(four.labs()) == 4, "none more than the sign-ups ask for"


def test_a_class_begun_early_has_begun(four: Stage) -> None:
    """Whoever gets a lab from then on reads that it runs; no verdict comes in its middle, and no reminder."""
    until(four, -22)
    four.happens(HostLost("xen1", "no route to host"), HostLost("xen2", "no route to host"))  # else it is a go
    four.talk("russell", "!start")
    said = until(four, 6, works=False)
    four.host_up("xen1"), four.host_up("xen2")
    said += until(four, 12)
    mine = [text for target, text in said if target in LEARNERS and text.startswith("SE Linux ")]
    assert mine and all(text.startswith("SE Linux has begun; ") for text in mine)
    assert not [text for _target, text in said if "no-go" in text or "go: " in text or "begins in" in text]
    assert not [text for _target, text in said if "SE Linux starts" in text or "started" in text]


def test_two_labs_each(stages: Callable[..., Stage]) -> None:
    """An exercise that compares two images: both labs of everybody are made and told before the class."""
    stage = stages(labs=6, hosts=("xen1", "xen2"), images=("debian", "centos"), per_person=2)
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"image": "debian"', '"image": "debian", "second_image": "centos"'))
    stage.restart()
    signed_up(stage, "ann", "ben")
    said = until(stage, -1)
    assert [
        (target, image)
        for target, text in said
        for image in ("debian", "centos")
        if f"your {image} lab: password" in text
    ] == [("ann", "debian"), ("ann", "centos"), ("ben", "debian"), ("ben", "centos")]
    assert sorted((stage.name_of(lease.person_id), lease.image) for lease in stage.leases()) == [
        ("ann", "centos"),
        ("ann", "debian"),
        ("ben", "centos"),
        ("ben", "debian"),
    ]
    stage.talk("ann", "!lab return centos"), stage.talk("ann", "!yes")
    assert not [text for _target, text in until(stage, 5) if "ssh" in text] and len(stage.leases()) == 3


def test_presenters_hear_go(four: Stage) -> None:
    """When the labs should be ready, each of the staff who is here, once, in their own time."""
    four.talk("russell", "!tz Melbourne")
    until(four, -20.5)
    said = [(target, text) for target, text in until(four, -0.5) if "go:" in text]
    ready = "4 of 4 labs for SE Linux at {} are ready, on 2 hosts; losing one would leave at least 2"
    assert said == [
        ("olga", "go: " + ready.format("11:00 Berlin")),
        ("russell", "go: " + ready.format("21:00 Melbourne")),
    ]


def test_no_go_and_go(four: Stage) -> None:
    """A host is gone and the other slow: why and how long is said; when labs are there it turns; five minutes before the
    start it is said as it is."""
    four.happens(HostLost("xen2", "no route to host"))
    until(four, -20.5, works=False)
    said = [text for target, text in until(four, -17, works=False) if target == "russell" and "go:" in text]
    assert said == [
        "no-go: 0 of 4 labs for SE Linux at 11:00 Berlin are ready (xen2 does not answer: no route to host; debian labs "
        "have been booting for 20 min, usually 30 s); I can't say when the rest will be; organisers can see more with !hosts"
    ]
    said = [text for target, text in until(four, -6) if target == "russell" and "go:" in text]
    assert said == [
        "go: 4 of 4 labs for SE Linux at 11:00 Berlin are ready, all on one host (xen1): losing it would leave none"
    ]
    said = [text for target, text in until(four, -0.5) if target == "russell" and "go:" in text]
    assert said == [
        "go: 4 of 4 labs for SE Linux at 11:00 Berlin are ready, all on one host (xen1): losing it would leave none"
    ]


def test_no_go_where_labs_do_not_boot(four: Stage) -> None:
    """Labs that nobody can log in to are no labs: presenters hear on which host that is so."""
    four.host_boots = False
    until(four, -20.5)
    said = [text for target, text in until(four, -18) if target == "olga" and "go:" in text]
    assert said == [
        "no-go: 0 of 4 labs for SE Linux at 11:00 Berlin are ready (debian does not boot on xen1; debian "
        "does not boot on xen2); I can't say when the rest will be; organisers can see more with !hosts"
    ]


def test_no_host_at_all(four: Stage) -> None:
    """Said to presenters; learners who are here hear their place at the last call, and get a lab when a host does."""
    for host in four.hosts:
        four.happens(HostLost(host, "off"))
    four.wait(seconds=21)
    until(four, -20.5)
    said = until(four, -0.5)
    (first, last) = [text for target, text in said if target == "olga" and "no-go" in text]
    assert (
        first == last
        and "(xen1 does not answer: off; xen2 does not answer: off); I can't say when the rest will be" in first
    )
    assert [target for target, text in said if "number" in text] == list(LEARNERS)
    assert dict(said)["ann"].startswith(
        "SE Linux begins in 5 min; no lab host answers right now. You're number 1 in the queue"
    )
    said = four.host_up("xen1") + until(four, 1)
    assert sorted(seats(said)) == list(LEARNERS)
    assert not seats(until(four, 20))


def test_asked_before_is_served(four: Stage) -> None:
    """Who types !lab at any time has theirs at once, and gets no second one; neither does who gave theirs back."""
    assert seats(four.hear("ben", "!lab debian")) == ["ben"]
    until(four, -20.5)
    assert len(four.labs()) == 4
    said = until(four, -15)
    assert seats(said) == ["ann", "cem", "dia"]
    four.talk("ann", "!lab return")
    four.talk("ann", "!yes")
    assert seats(until(four, 20)) == [] and sorted(has(four)) == ["ben", "cem", "dia"]


def test_somebody_else_takes_part(four: Stage) -> None:
    """Without a sign-up there is a lab where there is room, and those who signed up have theirs all the same."""
    until(four, -20.5)
    assert seats(four.hear("carol", "!lab debian")) == ["carol"]
    four.hosts_work()
    assert sorted(seats(until(four, 0))) == list(LEARNERS)
    assert len(has(four)) == 5


def test_away_until_the_class(four: Stage) -> None:
    """The lab is kept for half an hour after the start; its line is said when its person comes."""
    four.leave("cem")
    said = until(four, 10)
    assert sorted(seats(said)) == ["ann", "ben", "dia"] and "cem" in has(four)
    four.join("cem", account="cem")
    line, _command = [text for target, text in four.wait(seconds=2) if target == "cem"]
    assert line.startswith("your debian lab: password") and "(SE Linux has begun" in line
    assert "cem" in [four.name_of(lease.person_id) for lease in four.leases()]
    until(four, 40)
    assert "cem" in has(four)


def test_nobody_came(four: Stage) -> None:
    """Half an hour after the start the lab goes back and, as nobody is waited for any more, goes; later it is !lab."""
    four.leave("cem")
    until(four, 29)
    assert len(four.labs()) == 4
    until(four, 32)
    assert sorted(has(four)) == ["ann", "ben", "dia"] and len(four.labs()) == 3
    with four.store.transaction():
        assert [lease.ended_why for lease in four.store.leases.all() if lease.ended_at] == ["unclaimed"]
    four.join("cem", account="cem")
    assert seats(until(four, 40)) == []
    assert seats(four.hear("cem", "!lab debian")) == ["cem"]


def test_a_key_may_have_been_used(four: Stage) -> None:
    """The lab of somebody with a key, who could have been in it without a word from us, is nobody else's afterwards."""
    four.use_key("cem", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
    four.leave("cem")
    until(four, -10)
    (lab,) = [lease.lab_id for lease in four.leases() if four.name_of(lease.person_id) == "cem"]
    for _ in range(90):
        four.wait(seconds=30)
        with four.store.transaction():
            there = four.store.labs.get(lab or "")
        if "cem" not in has(four):
            break
    assert there is not None and there.state == "ending"


def test_a_key_and_told(four: Stage) -> None:
    """Who has a key is told without a password, and that is a claim as good as any."""
    four.use_key("cem", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
    said = until(four, -1)
    assert any(target == "cem" and "log in with your key" in text for target, text in said)
    four.leave("cem")
    until(four, 45)
    assert "cem" in has(four)


def test_a_seat_given_up(four: Stage) -> None:
    """Before its turn: no lab; told already: it stays until it is given back."""
    until(four, -20)
    four.talk("dia", "!signup drop")
    four.talk("ann", "!signup drop")
    assert seats(until(four, 40)) == ["ben", "cem"]
    assert sorted(has(four)) == ["ann", "ben", "cem"] and len(four.labs()) == 3


def test_a_late_sign_up(four: Stage) -> None:
    """Ten minutes before the start: a lab is made, and comes with the others."""
    until(four, -10)
    four.join("eva", account="eva")
    four.talk("eva", "!signup 1")
    assert seats(until(four, -3)) == ["eva"]


def test_the_class_is_called_off(four: Stage) -> None:
    """Labs that nobody was told of go; who has theirs keeps it."""
    four.leave("ben")
    until(four, -18.5)
    assert sorted(has(four)) == ["ann", "ben"]
    (four.folder / "schedules" / "course.toml").unlink()
    four.wait(seconds=2), four.wait(seconds=2)
    until(four, -10)
    assert has(four) == ["ann"] and len(four.labs()) == 1


def test_the_class_moves_to_later(four: Stage) -> None:
    """Who was told keeps the lab and gets no second one; the others have theirs before the new time."""
    until(four, -18.5)
    assert has(four) == ["ann", "ben"]
    plan(four, "2026-11-27T13:00:00")
    assert seats(until(four, 75)) == [] and len(four.labs()) == 2
    assert seats(until(four, 120)) == ["cem", "dia"]
    assert len(has(four)) == 4


def test_another_lab_is_in_the_way(stages: Callable[..., Stage]) -> None:
    """One lab each: who has another is told once what to do, and has theirs as soon as that is given back."""
    stage = signed_up(stages(images=("debian", "centos")), "ann")
    stage.talk("ann", "!lab centos")
    said = [text for target, text in until(stage, -5) if target == "ann"]
    assert said == [
        "SE Linux needs a debian lab, but you have a centos lab. Type !lab return to give it back, then !lab debian"
    ]
    stage.restart()
    stage.host_up()
    stage.talk("ann", "!lab return")
    stage.talk("ann", "!yes")
    assert seats(until(stage, 1)) == ["ann"]


def test_killed_at_every_step(four: Stage) -> None:
    """kill -9 and a start every minute: everybody has one lab, everybody was told."""
    told: Counter[str] = Counter()
    until(four, -42)
    while four.now < BEGINS:
        said = four.wait(minutes=1) + four.hosts_work() + four.restart()
        for host in four.hosts:
            said += four.host_up(host)
        told.update(seats(said))
    assert told == Counter(LEARNERS) and sorted(has(four)) == list(LEARNERS)
    assert len(four.labs()) == 4


def test_killed_before_it_was_said(four: Stage) -> None:
    """The lease is stored and the line is not out: it is said after the start, with a password that works."""
    until(four, -20.5)
    four.now = BEGINS - timedelta(minutes=20)
    (line,) = [line for line in four.turn(Tick()).say if isinstance(line, Line) and line.target == "ann"]
    assert line.secret
    said = four.restart()
    assert seats(said) == ["ann"] and has(four) == ["ann"]


def test_the_server_says_later(four: Stage) -> None:
    """Too many people in a short time (707): the line comes a minute later, whole, with a password that works."""
    until(four, -20.5)
    four.now = BEGINS - timedelta(minutes=20)
    lines = [line for line in four.turn(Tick()).say if isinstance(line, Line) and line.target == "ann"]
    four.turn(LineUndelivered(lines[0].ticket or 0, "target change too fast", four.now))
    assert "ann" not in seats(four.wait(seconds=30))
    said = four.wait(minutes=1)
    assert "ann" in seats(said)


@pytest.mark.parametrize("sent", ["under way", "sent", "not sent"])
def test_asked_for_when_it_was_handed_out_already(four: Stage, sent: str) -> None:
    """Who types !lab while their line is on its way gets that line; afterwards they get another password, and are told that
    the first no longer works.  Either way there is one line that works, and no third."""
    until(four, -20.5)
    four.now = BEGINS - timedelta(minutes=20)
    (line,) = [line for line in four.turn(Tick()).say if isinstance(line, Line) and line.target == "ann"]
    if sent == "sent":
        four.happens(LineSent(line.ticket or 0, four.now))
    elif sent == "not sent":
        four.turn(LineUndelivered(line.ticket or 0, "target change too fast", four.now))
    said = four.hear("ann", "!lab debian")
    if sent == "under way":
        assert said == []
        four.happens(LineSent(line.ticket or 0, four.now))
    else:
        assert seats(said) == ["ann"] and "any earlier password no longer works" in said[0][1]
    assert "ann" not in seats(until(four, 10))


def test_a_host_is_lost_before_the_class(four: Stage) -> None:
    """Those whose lab was there move, those who have none yet get theirs, and presenters hear of it."""
    until(four, -18.5)
    (lost,) = {lab.host for lab in four.labs() if lab.id == four.leases()[0].lab_id}
    said = four.loses(lost)
    for _ in range(60):
        said += four.wait(seconds=10) + four.hosts_work()
    assert len([text for target, text in said if target == CHANNEL and f"host {lost} is lost" in text]) == 1
    assert seats(said) == ["cem", "dia"]
    assert {lab.host for lab in four.labs() if lab.id in {lease.lab_id for lease in four.leases()}} == {
        "xen1",
        "xen2",
    } - {lost}
    turns = [text.partition(":")[0] for target, text in said if target == "russell" and "go: " in text]
    assert turns == ["no-go"]
    assert "go: 4 of 4" in dict(until(four, -1))["russell"]


def test_the_class_begins_early(four: Stage) -> None:
    """A presenter who begins an hour before: whoever signed up has a lab, as the class is there."""
    four.talk("russell", "!start")
    assert four.now < BEGINS - timedelta(minutes=90)
    said = until(four, -110)
    assert sorted(seats(said)) == list(LEARNERS)
    until(four, -60)
    assert sorted(has(four)) == list(LEARNERS)
    four.talk("russell", "!end")
    four.talk("russell", "!yes")
    assert not seats(until(four, 20))


def test_a_class_that_ended_soon(four: Stage) -> None:
    """Nobody is waited for after its end and the time of grace."""
    four.leave("dia")
    until(four, 0)
    four.talk("russell", "!start")
    until(four, 2)
    four.talk("russell", "!end")
    four.talk("russell", "!yes")
    until(four, 34)
    assert sorted(has(four)) == ["ann", "ben", "cem"]


def test_a_share(stages: Callable[..., Stage]) -> None:
    """Labs for 70 percent are made ahead; whoever is here beyond that has theirs made at the last call."""
    stage = stages(labs=12)
    stage.config = replace(stage.config, labs=replace(stage.config.labs, share=70))
    stage.start()
    nicks = [f"learner{n}" for n in range(9)]
    signed_up(stage, *nicks)
    until(stage, -20.5)
    assert len(stage.labs()) == 7
    assert seats(until(stage, -6)) == nicks[:7]
    assert seats(until(stage, 0)) == nicks[7:]


def test_permissive_where_the_exercise_says_so(stages: Callable[..., Stage]) -> None:
    """The mode is the exercise's: its labs are made so ahead."""
    stage = stages()
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"image": "debian"', '"image": "debian", "permissive": true'))
    stage.start()
    signed_up(stage, "ann", "ben")
    until(stage, -20.5)
    assert [lab.mode for lab in stage.labs()] == ["permissive", "permissive"]
    assert any("; permissive" in text for target, text in until(stage, -10) if target == "ann")


def test_no_room_for_all(stages: Callable[..., Stage]) -> None:
    """Presenters hear how many find no room; the last to sign up have their place in the queue."""
    stage = signed_up(stages(labs=3), *LEARNERS)
    until(stage, -20.5)
    said = until(stage, -0.5)
    verdicts = [text for target, text in said if target == "olga" and "no-go" in text]
    assert verdicts[0] == (
        "no-go: 3 of 4 labs for SE Linux at 11:00 Berlin are ready (no room for 1 of them); "
        "I can't say when the rest will be; organisers can see more with !hosts"
    )
    assert seats(said) == ["ann", "ben", "cem"]
    assert "all debian labs are taken. You're number 1 in the queue" in dict(said)["dia"]
    stage.talk("ann", "!lab return")
    stage.talk("ann", "!yes")
    assert seats(until(stage, 1)) == ["dia"]


def test_a_lecture_needs_no_labs(stages: Callable[..., Stage]) -> None:
    """No lab in the session, or no host at all: nothing is made, and nobody is told go or no-go."""
    stage = stages()
    stage.config = replace(stage.config, hosts=())
    stage.start()
    plan(stage)
    stage.talk("alice", "!signup 1")
    assert [text for _target, text in until(stage, 10) if "SE Linux starts" not in text] == []
    with stage.store.transaction():
        assert stage.store.leases.all() == []


def test_a_damaged_session_stops_no_labs(four: Stage) -> None:
    """What somebody did to a row by hand harms that session alone: labs are still made and handed out."""
    with four.store.transaction():
        four.store.sessions.change({}, value="{not json")
    four.wait(seconds=2)
    assert seats(four.hear("carol", "!lab debian")) == ["carol"]
    four.hosts_work()
    assert [lab.state for lab in four.labs()] == ["ready"]


def test_a_seat_for_whoever_has_a_lab(stage: Stage) -> None:
    """Nobody is told to get the lab that they have; shortly before the class, that it comes, or that it is there."""
    plan(stage)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    seat = stage.talk("alice", "!signup 1")[0]
    assert (
        "; you get your debian lab in the 20 min before the start; to log in without" in seat and "try one" not in seat
    )
    until(stage, -10)
    seat = stage.talk("alice", "!signup 1")[0]
    assert "; you have your debian lab already: !lab debian gives its ssh command again; to log in" in seat
    seat = stage.talk("bob", "!signup 1")[0]
    assert "; you get your debian lab before the start; to have it now: !lab debian; to log in" in seat
