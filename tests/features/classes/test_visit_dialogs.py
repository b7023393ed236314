"""``!come``, ``!pair``, ``!alone``: who may come to whose terminal, and when that ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.bot.gateway.test_requests import ask, person
from tests.stage import Stage
from trainbot.bot.workers.maintenance import at_once
from trainbot.core.access import Role
from trainbot.gateway.routes import VisitRoute
from trainbot.model.redaction import REMOVED
from trainbot.model.visit import VisitLogin

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8A2cuJCKYXQyeZPyl28jkKTyrCGfKzVbpOJpsk7pLh"
ROOT = "anyone who comes is root in your lab; !alone ends it"


def open_desks(stage: Stage) -> list[str]:
    """Who may come with which word, as the gateway was told last."""
    return [f"{stage.name_of(desk.guest)} desk+{desk.word}" for desk in desks(stage) if not desk.over]


def desks(stage: Stage) -> list[VisitRoute]:
    """As the gateway is told now."""
    with stage.store.transaction():
        stage.store.people.change({"nick": "alice"}, nick="alice")  # a change of any row
    outcome = stage.turn()
    return outcome.visits


def why(stage: Stage) -> list[str]:
    return [desk.over for desk in desks(stage)]


def logins(stage: Stage) -> list[VisitLogin]:
    with stage.store.transaction():
        return stage.store.visits.logins.all()


@pytest.fixture
def lesson(stage: Stage) -> Stage:
    """A class at step 1; alice has a lab and is stuck; bob has a lab; hannah, a helper, has a key."""
    stage.use_key("hannah", KEY)
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!lab debian")
    stage.hosts_work()
    assert stage.hear("alice", "!stuck it says no") == [
        ("alice", "noted, you are next; !done clears it, !come lets a helper work at your terminal")
    ]
    return stage


WAY = "alice's terminal, for 2 h at most, is open to you, with your own key or lab password:"


def test_who_agrees_first_and_who_is_taken_first(lesson: Stage) -> None:
    """!come, then !helping; or the other way round: the helper gets the ssh line, privately, and nobody else any."""
    assert lesson.hear("alice", "!come") == [("alice", f"the helper who takes you may work at your terminal: {ROOT}")]
    assert open_desks(lesson) == []
    assert lesson.hear("hannah", "!helping alice") == [
        ("#class", "alice: hannah is helping you now"),
        ("hannah", WAY),
        ("hannah", "ssh -p 2222 desk+1@lab.example.org"),
    ]
    assert open_desks(lesson) == ["hannah desk+1"]
    lesson.talk("bob", "!stuck me too")
    assert lesson.hear("hannah", "!helping bob") == [
        ("#class", "bob: hannah is helping you now; !come lets them work at your terminal")
    ]
    assert lesson.hear("bob", "!come") == [
        ("bob", f"hannah may work at your terminal: {ROOT}"),
        ("hannah", WAY.replace("alice", "bob")),
        ("hannah", "ssh -p 2222 desk+2@lab.example.org"),
    ]
    assert open_desks(lesson) == ["hannah desk+1", "hannah desk+2"]


def test_a_helper_by_name_and_two_at_once(lesson: Stage) -> None:
    """Each gets a word of their own; a learner, a stranger, nobody and oneself may not come that way."""
    assert lesson.hear("alice", "!come hannah")[-1] == ("hannah", "ssh -p 2222 desk+1@lab.example.org")
    told = lesson.hear("alice", "!come Russell")
    assert told[1:] == [
        (
            "russell",
            WAY.replace("your own key or lab password", "a key (!key) or the password of a lab of yours (!lab)"),
        ),
        ("russell", "ssh -p 2222 desk+2@lab.example.org"),
    ]
    assert open_desks(lesson) == ["hannah desk+1", "russell desk+2"]
    for nick, answer in (
        ("bob", "bob is not a helper; !pair bob asks another learner to work with you"),
        ("nobody", "nobody is not here; !come alone lets the helper come who takes you"),
        ("trainbot", "trainbot is not here; !come alone lets the helper come who takes you"),
    ):
        assert lesson.talk("alice", f"!come {nick}") == [f"alice: {answer}"]
    assert lesson.hear("alice", "!come hannah")[-1] == ("hannah", "ssh -p 2222 desk+1@lab.example.org")  # again


def test_who_is_not_stuck_or_has_no_lab_is_told(lesson: Stage) -> None:
    """What to type instead; nothing is written."""
    before = lesson.dump()["visit"]
    assert lesson.talk("bob", "!come") == [
        "bob: call for help first: !stuck and what is wrong; then !come lets a helper work at your terminal"
    ]
    assert lesson.hear("carol", "!stuck") == [("carol", "noted, you are next; !done clears it")]
    assert lesson.talk("carol", "!come") == [
        "carol: you have no lab here that a helper could come to; !lab IMAGE gives you one"
    ]
    assert lesson.hear("hannah", "!helping carol") == [("#class", "carol: hannah is helping you now")]
    assert lesson.dump()["visit"] == before


@pytest.mark.parametrize(
    ("end", "over"),
    [
        (lambda s: s.talk("alice", "!alone"), "alice has ended it"),
        (lambda s: s.whisper("hannah", "alone"), "hannah has ended it"),
        (lambda s: s.talk("alice", "!done"), "alice needs no help any more"),
        (lambda s: (s.talk("russell", "!end"), s.talk("russell", "!yes")), "the class is over"),
        (lambda s: (s.talk("alice", "!lab reset"), s.talk("alice", "!yes")), "the lab was reset"),
        (lambda s: (s.talk("alice", "!lab return"), s.talk("alice", "!yes")), "the lease of that lab has ended"),
        (lambda s: (s.talk("olga", "!lab revoke alice"), s.talk("olga", "!yes")), "the lease of that lab has ended"),
        (lambda s: s.wait(hours=2), "its time is over"),
    ],
    ids=["alone", "the guest's alone", "done", "end", "reset", "return", "revoke", "time"],
)
def test_what_ends_it(lesson: Stage, end, over: str) -> None:
    """In the same turn; its guest is told why, and the word is never good again."""
    lesson.talk("alice", "!come hannah")
    assert open_desks(lesson) == ["hannah desk+1"]
    assert "visit" in ask(lesson, "hannah", "visit", word="1", address="192.0.2.7")
    end(lesson)
    assert why(lesson) == [over]
    (login,) = logins(lesson)
    assert login.ended_at == lesson.now
    assert "error" in ask(lesson, "hannah", "visit", word="1", address="192.0.2.7")
    assert logins(lesson) == [login]


def test_a_role_that_ends_ends_the_visit(lesson: Stage) -> None:
    """Taken from bot.ini while the helper is there, and also of one who has left IRC."""
    lesson.talk("alice", "!come hannah")
    lesson.leave("hannah")
    lesson.wait(seconds=2)
    assert open_desks(lesson) == ["hannah desk+1"]  # her account proves the role
    roles = lesson.wiring.people.roles
    lesson.wiring.people.roles = replace(roles, rules={Role.ORGANISER: roles.rules[Role.ORGANISER]})
    lesson.wait(seconds=2)
    assert why(lesson) == ["only helpers may come, and you are none now"]


def test_whoever_agreed_may_be_gone_for_five_minutes(lesson: Stage) -> None:
    """A connection that drops ends nothing; one who stays away cannot say !alone any more."""
    lesson.talk("alice", "!come hannah")
    lesson.leave("alice")
    lesson.wait(minutes=4)
    lesson.join("alice", account="alice")
    lesson.wait(minutes=4)
    assert open_desks(lesson) == ["hannah desk+1"]
    lesson.leave("alice")
    lesson.wait(seconds=2)
    lesson.restart()
    lesson.wait(minutes=5)
    assert why(lesson) == ["alice has left IRC"]


def test_yes_agrees_to_no_visit(lesson: Stage) -> None:
    """Neither to a helper's nor to another learner's: it confirms what somebody asked for themselves."""
    lesson.talk("hannah", "!helping alice")
    assert lesson.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    lesson.talk("bob", "!pair alice")
    assert lesson.talk("alice", "!yes") == ["alice: there is nothing to confirm"]
    assert open_desks(lesson) == []


def test_two_learners_agree(lesson: Stage) -> None:
    """One asks, the other types the same; either ends it."""
    assert lesson.hear("bob", "!pair alice") == [
        ("bob", f"alice is asked. Once they type !pair bob, they may work at your terminal: {ROOT}"),
        ("alice", "bob asks you to work together at the terminal of their debian lab: !pair bob agrees"),
    ]
    assert open_desks(lesson) == []
    assert lesson.talk("bob", "!pair alice") == ["bob: alice has not agreed yet; !alone takes it back"]
    assert lesson.hear("alice", "!pair bob") == [
        ("alice", WAY.replace("alice", "bob")),
        ("alice", "ssh -p 2222 desk+1@lab.example.org"),
        ("bob", f"alice has agreed and may work at your terminal: {ROOT}"),
    ]
    assert open_desks(lesson) == ["alice desk+1"]
    assert lesson.talk("bob", "!pair alice") == ["bob: you work with alice already; !alone ends it"]
    assert lesson.hear("alice", "!alone") == [
        ("alice", "the visit is over"),
        ("bob", "alice has ended the visit to your terminal"),
    ]
    assert why(lesson) == ["alice has ended it"]
    assert lesson.talk("alice", "!alone") == [
        "alice: nobody may come to your terminal, and you may not come to anybody's"
    ]


def test_an_offer_ends_by_itself_and_by_another(lesson: Stage) -> None:
    """After ten minutes, or when somebody else is asked; who has no lab, or asks themselves or nobody, is told."""
    lesson.talk("bob", "!pair alice")
    lesson.wait(minutes=10)
    assert lesson.hear("alice", "!pair bob")[0] == (
        "alice",
        f"bob is asked. Once they type !pair alice, they may work at your terminal: {ROOT}",
    )
    lesson.talk("alice", "!pair carol")
    assert lesson.talk("carol", "!pair bob") == [
        "carol: you have no lab that bob could come to; !lab IMAGE gives you one"
    ]
    assert lesson.talk("bob", "!pair bob") == ["bob: it takes two: !pair NICK asks somebody else to work with you"]
    assert lesson.talk("bob", "!pair nobody") == ["bob: nobody is not here"]
    lesson.talk("carol", "!pair alice")
    assert open_desks(lesson) == ["carol desk+3"]


def test_the_gateway_asks_before_anybody_comes(lesson: Stage) -> None:
    """A login is a row before it is let in, and whoever has the lab is told; nobody else's word, person or time is."""
    lesson.talk("alice", "!come hannah")
    for who, word in (
        ("bob", "1"),
        ("russell", "1"),
        ("alice", "1"),
        ("hannah", "2"),
        ("hannah", "1 "),
        ("hannah", ""),
    ):
        assert "error" in ask(lesson, who, "visit", word=word, address="192.0.2.7")
    assert "error" in ask(lesson, "hannah", "visit", word="9" * 400, address="192.0.2.7")
    assert "error" in ask(lesson, "hannah", "visit", word="²", address="192.0.2.7")
    assert logins(lesson) == []
    told = ask(lesson, "hannah", "visit", word="1", address="192.0.2.7\r\nx")
    assert told == {"visit": 1, "by": "hannah (helper)", "name": "alice", "image": "debian"}
    assert [(line.target, line.text) for line in lesson.said] == [
        ("alice", "hannah (helper) is at the terminal of your lab now; !alone ends it")
    ]
    (login,) = logins(lesson)
    assert (login.guest_id, login.owner_id) == (person(lesson, "hannah"), person(lesson, "alice"))
    assert login.address == "192.0.2.7 x" and login.lab.startswith("tb-debian-") and login.ended_at is None
    assert "error" in ask(lesson, "hannah", "left", visit=1, at="now")
    assert "error" in ask(lesson, "hannah", "left", visit=1 << 70, at=1.0)
    ask(lesson, "bob", "left", visit=1, at=lesson.now.timestamp())
    assert logins(lesson) == [login]
    ask(lesson, "hannah", "left", visit=1, at=(lesson.now + timedelta(minutes=3)).timestamp())
    assert logins(lesson)[0].ended_at == lesson.now + timedelta(minutes=3)


def test_redaction_and_prune_know_it(lesson: Stage) -> None:
    """Of whoever is removed, neither the address nor a name is left; the other's row stays, and goes when it is old."""
    lesson.talk("alice", "!come hannah")
    ask(lesson, "hannah", "visit", word="1", address="192.0.2.7")
    lesson.whisper("hannah", "alone")
    at_once(lesson.wiring.records.keeping.redact("hannah", lesson.now))
    (login,) = logins(lesson)
    assert login.address == REMOVED and lesson.name_of(login.guest_id) == REMOVED
    assert lesson.name_of(login.owner_id) == "alice"
    assert "hannah" not in str(lesson.dump()["visit"])
    before = lesson.now + timedelta(seconds=1)
    assert "1 visits to other people's labs" in lesson.wiring.records.keeping.old(before)
    at_once(lesson.wiring.records.keeping.prune(before))
    assert logins(lesson) == [] and lesson.dump()["visit"] == []
