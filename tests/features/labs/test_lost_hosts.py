"""A host dies in the middle of a class: what failed in 2007, as dialogs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.stage import CHANNEL, Stage
from trainbot.model.host import Domain, DomainState, HostLost
from trainbot.model.lab import LabState
from trainbot.model.lab_events import HostProbed, ProbeHost


def dies(stage: Stage, name: str = "xen1") -> list[tuple[str, str]]:
    """It no longer answers, its labs are silent, and time passes; what is said."""
    said = stage.happens(HostLost(name, "keepalive"))
    said += listened(stage)
    return said + stage.wait(seconds=21) + listened(stage)


def listened(stage: Stage) -> list[tuple[str, str]]:
    """All who are asked to listen hear nothing."""
    said = stage.wait(seconds=3)
    while asked := [item for item in stage.began if isinstance(item, ProbeHost)]:
        stage.began = [item for item in stage.began if not isinstance(item, ProbeHost)]
        for item in asked:
            said += stage.happens(HostProbed(item.host, False))
        said += stage.wait(seconds=3)
    return said


def on(stage: Stage, host: str) -> list[str]:
    with stage.store.transaction():
        held = {lease.lab_id for lease in stage.store.leases.open()}
        return sorted(lab.state for lab in stage.store.labs.present() if lab.host == host and lab.id in held)


def test_everybody_moves_and_the_class_hears_one_line(two: Stage) -> None:
    """One line for all; nobody is told alone; the password they have works for the new lab."""
    before = {route.lease: route.digest for route in two.routes()}
    assert dies(two) == [
        (CHANNEL, "host xen1 is lost: 2 people move to other hosts; the same ssh command and password work again")
    ]
    two.hosts_work()
    assert on(two, "xen2") == ["ready", "ready"] and on(two, "xen1") == []
    assert {route.lease: route.digest for route in two.routes() if route.image == "debian"} == before


def test_a_short_silence_is_no_loss(two: Stage) -> None:
    """A libvirtd that restarts: nothing moves while the time is not over, or when labs still speak."""
    two.happens(HostLost("xen1", "closed"))
    assert two.wait(seconds=10) == [] and on(two, "xen1") == ["ready", "ready"]
    two.host_up("xen1")
    assert two.wait(seconds=60) == [] and on(two, "xen1") == ["ready", "ready"]
    two.happens(HostLost("xen1", "closed"))
    two.wait(seconds=21)
    assert any(isinstance(item, ProbeHost) for item in two.began)
    assert two.happens(HostProbed("xen1", True)) == [] and on(two, "xen1") == ["ready", "ready"]


def test_an_overloaded_host_has_longer(two: Stage) -> None:
    """Its ssh server greets, nothing else answers in time: whoever moved would leave their work behind.  Three times as
    long it is waited for; when it does not even greet any more, it is dead."""
    two.happens(HostLost("xen1", "keepalive"))
    for _ in range(11):
        assert two.wait(seconds=5) == [] and two.happens(HostProbed("xen1", False, greets=True)) == []
    assert on(two, "xen1") == ["ready", "ready"]
    assert "host xen1 is lost: 2 people move" in two.wait(seconds=6)[0][1]
    two.host_up("xen2")
    assert "host xen2 is lost" in dies(two, "xen2")[0][1]


def test_who_does_not_fit_waits_in_line(stages: Callable[..., Stage]) -> None:
    """The class hears how many wait; each is told alone when there is room, and nobody loses their place."""
    stage = stages(hosts=("xen1", "xen2"), labs=1)
    stage.host_up("xen1")
    stage.talk("alice", "!lab debian")
    stage.host_up("xen2")
    stage.talk("bob", "!lab debian")
    stage.hosts_work()
    assert dies(stage) == [
        (
            CHANNEL,
            "host xen1 is lost: no other host has room, so one person is waiting for a lab and will be told; the class goes on",
        )
    ]
    assert "number 1 in the queue" in stage.whisper("alice", "lab")[0]
    stage.talk("bob", "!lab return")
    stage.talk("bob", "!yes")
    said = stage.hosts_work()
    assert [target for target, text in said if text.startswith("you have a new debian lab; the same ssh command")] == [
        "alice"
    ]


def test_all_hosts_lost_and_the_class_goes_on(two: Stage) -> None:
    """Everything else works; labs come back with a host, as they were left."""
    two.happens(HostLost("xen2", "closed"))
    assert "no other host has room, so 2 people are waiting" in dies(two)[0][1]
    assert two.talk("russell", "!next")[0].startswith("Step 1 of 3")
    said = two.host_up("xen1")
    assert sorted(said) == [
        (nick, "host xen1 is back, and your debian lab is as you left it: the same ssh command works again")
        for nick in ("alice", "bob")
    ]
    two.hosts_work()
    assert on(two, "xen1") == ["ready", "ready"]


def test_the_old_lab_is_reached_when_its_host_is_back(two: Stage) -> None:
    """Beside the new one, with the same password, until the lease ends; then it goes."""
    dies(two)
    two.hosts_work()
    two.hosts["xen1"] = {id: replace(domain, endpoint=("10.0.0.1", 22)) for id, domain in two.hosts["xen1"].items()}
    said = two.host_up("xen1")
    assert (
        "alice",
        "host xen1 is back: until your lease ends, you can copy what you need from your old debian lab: "
        "ssh -p 2222 old@lab.example.org (same password)",
    ) in said
    assert two.host_up("xen1") == []
    old = [route for route in two.routes() if route.image == "old"]
    assert len(old) == 2 and all(route.endpoint == ("10.0.0.1", 22) for route in old)
    two.talk("alice", "!lab return")
    two.talk("alice", "!yes")
    two.hosts_work()
    assert len(two.hosts["xen1"]) == 1 and len([route for route in two.routes() if route.image == "old"]) == 1


def test_the_second_loss_leads_back_to_the_first_lab(two: Stage) -> None:
    """What was lost first has come back, with people's work in it: they have that again, not a third one."""
    first = {lab.id for lab in two.labs() if lab.host == "xen1"}
    dies(two)
    two.hosts_work()
    two.host_up("xen1")
    assert "2 people move to other hosts" in dies(two, "xen2")[0][1]
    two.hosts_work()
    assert {lab.id for lab in two.labs() if lab.host == "xen1"} == first and on(two, "xen1") == ["ready", "ready"]
    two.host_up("xen2")
    assert [route.image for route in two.routes()].count("old") == 2


def test_an_old_lab_that_did_not_survive_is_forgotten(two: Stage) -> None:
    """The host came back empty: nobody is sent to a lab that is not there."""
    dies(two)
    two.hosts_work()
    two.hosts["xen1"].clear()
    assert two.host_up("xen1") == []
    with two.store.transaction():
        assert two.store.labs.all(state=LabState.LEFT) == []
    assert [route.image for route in two.routes()] == ["debian", "debian"]
    two.talk("alice", "!lab return")
    two.talk("alice", "!yes")
    with two.store.transaction():
        assert all(lab.host == "xen2" for lab in two.store.labs.present())


def test_an_old_lab_that_is_off_is_started(two: Stage) -> None:
    """A host that lost its power starts nothing by itself: what was in the lab is on its disk."""
    dies(two)
    two.hosts_work()
    off = {id: Domain(id, domain.name, DomainState.OFF) for id, domain in two.hosts["xen1"].items()}
    two.hosts["xen1"] = dict(off)
    two.host_up("xen1")
    assert {item.lab for item in two.began if getattr(item, "action", "") == "make"} == set(off)


def test_a_restart_of_the_bot_in_between(two: Stage) -> None:
    """Who was moved stays moved; what was left is found again."""
    dies(two)
    two.hosts_work()
    two.restart()
    two.host_up("xen2")
    assert on(two, "xen2") == ["ready", "ready"]
    assert any("your old debian lab" in text for _nick, text in two.host_up("xen1"))


def test_nothing_moves_where_it_cannot_be_stored(two: Stage) -> None:
    """The database refuses: the next tick moves them, and the class hears it then."""
    two.happens(HostLost("xen1", "keepalive"))
    two.store.connection.exec_driver_sql("PRAGMA query_only=ON")
    two.store.connection.rollback()
    said = dies(two)
    assert not any("is lost" in text for _target, text in said)
    two.store.connection.exec_driver_sql("PRAGMA query_only=OFF")
    two.store.connection.rollback()
    assert any("host xen1 is lost: 2 people move" in text for _target, text in dies(two))
