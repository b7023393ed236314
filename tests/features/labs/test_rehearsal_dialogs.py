"""A rehearsal on the bot's side: seats that are nobody's, that give way to people and end by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.bot.control_requests import RehearsalAsked
from trainbot.model.lab import LabState
from trainbot.model.lab_events import CheckLogin, Probe

COURSE = """
[course]
title = "SE Linux"
zone = "Australia/Melbourne"
exercise = "selinux"
[[session]]
id = "one"
start = 2026-11-27T19:40:00
minutes = 120
seats = 3
"""


def rehearse(stage: Stage, **request: Any) -> dict[str, Any]:
    """What the shell is told."""
    told: list[dict[str, Any]] = []
    outcome = stage.turn(RehearsalAsked(request, told.append))
    assert [line for line in outcome.say if CHANNEL in str(line)] == []
    for answer in outcome.answers:
        answer.give()
    return told[0]


def begin(stage: Stage, seats: int = 2, **more: Any) -> str:
    """A rehearsal whose labs are made; its token."""
    token = rehearse(stage, do="begin", exercise="selinux", seats=seats, **more)["rehearsal"]
    stage.hosts_work()
    return token


def look(stage: Stage, token: str) -> list[tuple[str, str]]:
    """(state, host) of each seat."""
    return [(seat["state"], seat["host"]) for seat in rehearse(stage, do="look", rehearsal=token)["seats"]]


def settle(stage: Stage) -> None:
    """What is not needed any more goes, one after the other."""
    for _ in range(8):
        stage.wait(seconds=2)
        stage.hosts_work()


@pytest.fixture
def two(stages: Callable[..., Stage]) -> Stage:
    stage = stages(hosts=("xen1", "xen2"), labs=3)
    stage.host_up("xen1")
    stage.host_up("xen2")
    return stage


def test_two_labs_each_are_rehearsed(stages: Callable[..., Stage]) -> None:
    """Where the exercise compares two images, whoever signed up counts for a lab of each."""
    stage = stages(images=("debian", "centos"), per_person=2)
    index = stage.folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"image": "debian"', '"image": "debian", "second_image": "centos"'))
    stage.schedule("course.toml", COURSE)
    stage.restart(), stage.host_up()
    stage.wait(seconds=2), stage.wait(seconds=2)
    stage.talk("alice", "!signup 1"), stage.talk("bob", "!signup 1")
    begun = rehearse(stage, do="begin", session="1")
    assert sorted(seat["image"] for seat in begun["seats"]) == ["centos", "centos", "debian", "debian"]


def test_seats_are_made_spread_and_freed(two: Stage) -> None:
    """As many as were asked for, each with a password that the gateway knows; nobody is told anything; nothing stays."""
    begun = rehearse(two, do="begin", exercise="selinux", seats=4)
    assert (begun["title"], begun["exercise"], begun["lease"]) == ("SE Linux for beginners", "selinux", 4 * 3600)
    assert two.hosts_work() == []
    look_ = rehearse(two, do="look", rehearsal=begun["rehearsal"])
    assert sorted((seat["state"], seat["host"], seat["own"]) for seat in look_["seats"]) == [
        ("ready", "xen1", True),
        ("ready", "xen1", True),
        ("ready", "xen2", True),
        ("ready", "xen2", True),
    ]
    digests = {two.wiring.ports.access.digest(seat["password"]) for seat in begun["seats"]}
    assert len(digests) == 4 and {route.digest for route in two.routes()} == digests
    assert rehearse(two, do="loss", rehearsal=begun["rehearsal"]) == {"left": {"xen1": 3, "xen2": 3}}
    assert two.whisper("olga", "labs") == ["a rehearsal has 4 labs (xen1 2, xen2 2)"]
    assert rehearse(two, do="end", rehearsal=begun["rehearsal"]) == {"freed": 4}
    assert two.routes() == [] and two.leases() == []
    settle(two)
    assert two.labs() == [] and two.hosts == {"xen1": {}, "xen2": {}}
    assert two.dump()["notice"] == [] and two.dump()["attendance"] == []
    assert rehearse(two, do="look", rehearsal=begun["rehearsal"])["over"] == "rehearsed"


def test_labs_are_made_as_many_at_a_time_as_for_the_pool(stages: Callable[..., Stage]) -> None:
    """A host is not drowned: it makes two at once, and the next when those are there."""
    stage = stages(labs=6)
    stage.host_up()
    rehearse(stage, do="begin", exercise="selinux", seats=5)
    assert len([item for item in stage.began if getattr(item, "action", "") == "make"]) == 2
    stage.hosts_work()
    assert len(stage.labs()) == 5


def test_a_session_has_its_sign_ups_then_its_seats(stages: Callable[..., Stage]) -> None:
    """Nobody signed up: its seats; two did: two; --seats says otherwise; by number, words, uid."""
    stage = stages(labs=5)
    stage.host_up()
    stage.schedule("course.toml", COURSE)
    stage.wait(seconds=1)
    for words, more, seats in (("1", {}, 3), ("se linux", {}, 3), ("course/one", {"seats": 5}, 5)):
        begun = rehearse(stage, do="begin", session=words, **more)
        assert (begun["title"], begun["exercise"], len(begun["seats"])) == ("SE Linux", "selinux", seats)
        rehearse(stage, do="end", rehearsal=begun["rehearsal"])
    for nick in ("alice", "bob"):
        stage.talk(nick, "!signup 1")
    assert len(rehearse(stage, do="begin", session="1")["seats"]) == 2


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"session": "7"}, "no session 7"),
        ({"session": "cooking"}, 'no session called "cooking"'),
        ({"exercise": "cooking", "seats": 1}, "no exercise with that name"),
        ({"exercise": "selinux"}, "--seats N"),
        ({"exercise": "selinux", "seats": 0}, "seats must be from 1 to 1000"),
        ({"exercise": "selinux", "seats": "x"}, "seats must be"),
        ({}, "name a session"),
    ],
)
def test_what_cannot_be_rehearsed_is_one_sentence(stage: Stage, request_: dict[str, Any], said: str) -> None:
    """Nothing is written then."""
    before = stage.dump()
    assert said in rehearse(stage, do="begin", **request_)["error"]
    assert stage.dump() == before


def test_nonsense_on_the_socket_is_refused(stage: Stage) -> None:
    """Whatever comes, an answer."""
    for request in (
        {},
        {"do": "begin", "session": ["x"]},
        {"do": "look"},
        {"do": "work", "rehearsal": "x", "seats": "y"},
        {"do": 7, "rehearsal": {}},
    ):
        assert "error" in rehearse(stage, **request)
    assert rehearse(stage, do="work", rehearsal="x", seats=[{}, "1", 1]) == {"seats": []}
    assert rehearse(stage, do="look", rehearsal="%")["over"] == "it is not known here"


def test_a_learner_goes_first(stage: Stage) -> None:
    """Every seat of the host is the rehearsal's: alice has hers at once, ready; the rehearsal's waits for room."""
    token = begin(stage, 5)
    said = stage.talk("alice", "!lab debian")
    assert "your debian lab: password " in said[0] and "booting" not in said[0]
    assert sorted(state for state, _host in look(stage, token)) == ["no room", "ready", "ready", "ready", "ready"]
    assert rehearse(stage, do="look", rehearsal=token)["yielded"] == 1
    rehearse(stage, do="end", rehearsal=token)
    settle(stage)
    assert [lease.lab_id for lease in stage.leases()] == [lab.id for lab in stage.labs()]


def test_a_lab_that_was_worked_in_goes_to_nobody(stage: Stage) -> None:
    """The exercise was begun in it: a learner has another; where there is no room it is destroyed for them."""
    token = begin(stage, 5)
    seats = [seat["seat"] for seat in rehearse(stage, do="look", rehearsal=token)["seats"]]
    assert rehearse(stage, do="work", rehearsal=token, seats=seats) == {"seats": seats}
    worked_in = {lab.id for lab in stage.labs()}
    assert "number 1 in the queue" in stage.talk("alice", "!lab debian")[0]
    assert any("(it is your turn" in text for nick, text in stage.hosts_work() if nick == "alice")
    assert len(stage.leases()) == 1 and stage.leases()[0].lab_id not in worked_in
    assert len(worked_in & {lab.id for lab in stage.labs()}) == 4


def test_a_learners_place_does_not_count_the_rehearsal(stages: Callable[..., Stage]) -> None:
    """It waits behind everybody who asks after it."""
    stage = stages(labs=1)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    begin(stage, 3)
    assert "You're number 1 in the queue" in stage.talk("bob", "!lab debian")[0]


def test_the_pool_is_borrowed_and_left_as_it_was(stages: Callable[..., Stage]) -> None:
    """Free labs are looked at, not destroyed; what was worked in is made as new; no more are made meanwhile."""
    stage = stages(labs=5, spare=2)
    stage.host_up()
    stage.hosts_work()
    pool = {lab.id for lab in stage.labs()}
    stage.wait(seconds=10)
    token = begin(stage, 2)
    assert {lab.id for lab in stage.labs()} == pool
    first = rehearse(stage, do="look", rehearsal=token)["seats"][0]
    assert first["own"] is False
    rehearse(stage, do="work", rehearsal=token, seats=[first["seat"]])
    rehearse(stage, do="end", rehearsal=token)
    assert [item.action for item in stage.began if getattr(item, "action", "") in ("reset", "destroy")] == ["reset"]
    settle(stage)
    assert {lab.id for lab in stage.labs()} == pool
    assert {lab.state for lab in stage.labs()} == {LabState.READY}


def test_a_rehearsal_that_was_killed_ends(stage: Stage) -> None:
    """Asking keeps it alive; two minutes after the last question it is over, and nothing of it is left."""
    token = begin(stage, 2)
    for _ in range(4):
        stage.wait(seconds=80)
        assert len(look(stage, token)) == 2
    stage.wait(seconds=121)
    assert rehearse(stage, do="look", rehearsal=token)["over"] == "nobody asked about it for 2 min"
    settle(stage)
    assert stage.labs() == [] and begin(stage, 1)


def test_a_restart_in_the_middle(stage: Stage) -> None:
    """The seats are as they were, and end as they would have."""
    token = begin(stage, 2)
    stage.restart()
    before = look(stage, token)
    stage.host_up()
    assert before == look(stage, token) == [("ready", "xen1")] * 2
    stage.restart()
    stage.host_up()
    stage.wait(minutes=3)
    settle(stage)
    assert stage.labs() == [] and stage.routes() == []


def test_only_one_at_a_time(stage: Stage) -> None:
    """The second is told when it can."""
    begin(stage, 1)
    assert "within 2 min" in rehearse(stage, do="begin", exercise="selinux", seats=1)["error"]


def test_not_while_a_class_runs(stage: Stage) -> None:
    """Unless somebody says so; and a class that begins ends it."""
    token = begin(stage, 1)
    stage.now = stage.now.replace(second=5)
    stage.talk("russell", "!start")
    stage.wait(seconds=2)
    assert rehearse(stage, do="look", rehearsal=token)["over"] == "a class has begun"
    assert "runs now" in rehearse(stage, do="begin", exercise="selinux", seats=1)["error"]
    token = begin(stage, 1, during_class=True)
    stage.wait(seconds=2)
    assert look(stage, token) == [("ready", "xen1")]
    stage.talk("russell", "!end")
    said = stage.talk("russell", "!yes")
    assert any("0 took part" in text for text in said)


def test_a_host_is_lost_meanwhile(two: Stage) -> None:
    """Its people are moved and counted without the rehearsal's seats, which find another host if there is room; what was
    on the lost one goes when it is back."""
    two.talk("alice", "!lab debian")
    two.hosts_work()
    home = two.labs()[0].host
    other = "xen2" if home == "xen1" else "xen1"
    token = begin(two, 4)
    assert two.loses(home) == [
        (
            CHANNEL,
            f"host {home} is lost: one person moves to another host; the same ssh command and password work again",
        )
    ]
    two.began = [
        item for item in two.began if isinstance(item, Probe | CheckLogin) or getattr(item, "host", "") != home
    ]
    two.wait(seconds=2)
    two.hosts_work()
    states = look(two, token)
    assert states.count(("ready", other)) == 2 and len(states) == 4  # three seats there, one is alice's
    rehearse(two, do="end", rehearsal=token)
    two.host_up(home)
    settle(two)
    with two.store.transaction():
        left = [lab for lab in two.store.labs.present() if lab.host == home]
    assert [lab.state for lab in left] == [LabState.LEFT]  # hers


def test_a_seat_whose_lab_reboots_keeps_it(stage: Stage) -> None:
    """An exercise may restart its lab; nobody is told that their lab restarts."""
    token = begin(stage, 1)
    lab = stage.labs()[0]
    domain = stage.hosts["xen1"][lab.id]
    stage.hosts["xen1"][lab.id] = replace(domain, run="2")
    with stage.store.transaction():
        stage.store.labs.change({"id": lab.id}, run="1")
    assert stage.host_up() == [] and stage.hosts_work() == []
    assert look(stage, token) == [("ready", "xen1")] and stage.labs()[0].id == lab.id
