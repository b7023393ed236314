"""A host dies in the middle of a class: what failed in 2007, as dialogs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.stage import CHANNEL, Stage
from trainbot.model.host import Domain, DomainState, HostDoubted, HostLost
from trainbot.model.lab import LabState
from trainbot.model.lab_events import HostProbed


def dies(stage: Stage, name: str = "xen1") -> list[tuple[str, str]]:
    """Nothing of it answers any more, and time passes; what is said."""
    return stage.loses(name)


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
    """A libvirtd that restarts: nothing moves while the time is not over, or when anything of the host still answers."""
    two.happens(HostLost("xen1", "closed"))
    assert two.listens("xen1", seconds=5) == [] and on(two, "xen1") == ["ready", "ready"]
    two.host_up("xen1")
    assert two.wait(seconds=60) == [] and on(two, "xen1") == ["ready", "ready"]
    two.happens(HostLost("xen1", "closed"))
    assert two.listens("xen1", seconds=5) == [] and two.listens(seconds=5) == []
    assert two.listens("xen1", seconds=5) == [] and on(two, "xen1") == ["ready", "ready"]


def test_what_is_only_late_is_no_loss(two: Stage) -> None:
    """While libvirt's connection stands, nobody moves, whatever else is silent; once it is gone, the silence has lasted
    long enough."""
    two.happens(HostDoubted("xen1", "no answer to ping for 2 s"))
    assert two.listens("xen1", seconds=10) == [] and on(two, "xen1") == ["ready", "ready"]
    two.happens(HostLost("xen1", "keepalive"))
    assert "host xen1 is lost: 2 people move" in two.listens("xen1", seconds=1)[0][1]


def test_an_overloaded_host_is_not_lost(two: Stage) -> None:
    """Its sshd greets, and nothing else answers: whoever moved would leave their work behind.  The class hears of it
    once, and organisers can decide; when it does not greet any more, it is dead."""
    two.happens(HostLost("xen1", "keepalive"))
    said = two.listens("xen1", seconds=120, greets=True)
    assert on(two, "xen1") == ["ready", "ready"]
    assert said == [
        (
            CHANNEL,
            "host xen1 is overloaded, so its labs may not answer. An organiser can move its people to other hosts: "
            "!drain xen1 now",
        )
    ]
    assert "host xen1 is lost: 2 people move" in two.listens("xen1", seconds=11)[0][1]


def test_people_of_an_overloaded_host_can_be_moved(two: Stage) -> None:
    """An organiser decides that they have waited long enough."""
    two.happens(HostLost("xen1", "keepalive"))
    two.listens("xen1", seconds=3)
    assert "xen1 does not answer, so I can't move people" in two.whisper("olga", "drain xen1 now")[0]
    two.listens("xen1", seconds=10, greets=True)
    two.whisper("olga", "drain xen1 now")
    assert any("2 moved" in line for line in two.whisper("olga", "yes"))
    two.hosts_work()
    assert on(two, "xen2") == ["ready", "ready"] and on(two, "xen1") == []


def test_a_machine_that_accepts_connections_has_longer(two: Stage) -> None:
    """Its sshd says nothing yet, but it is not off: three times as long is waited."""
    two.happens(HostLost("xen1", "keepalive"))
    assert two.listens("xen1", seconds=17, accepts=True) == []
    assert "host xen1 is lost: 2 people move" in two.listens("xen1", seconds=2, accepts=True)[0][1]


def test_time_that_we_slept_through_does_not_count(two: Stage) -> None:
    """A machine that stood still hears nobody: what was counted before says nothing either."""
    two.happens(HostLost("xen1", "keepalive"))
    assert two.listens("xen1", seconds=5) == []
    assert two.happens(HostProbed("xen1", False, span=0.0)) == []
    assert two.listens("xen1", seconds=5) == [] and on(two, "xen1") == ["ready", "ready"]
    assert "host xen1 is lost" in two.listens("xen1", seconds=2)[0][1]


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


def test_no_host_answers_and_the_class_goes_on(two: Stage) -> None:
    """Nobody could move anywhere, and the fault may be ours: everybody keeps their lab, and everything else works."""
    assert two.loses("xen1", "xen2") == [
        (CHANNEL, "no host answers right now: everybody keeps their lab, and the class goes on")
    ]
    assert two.listens("xen1", "xen2", seconds=600) == [] and on(two, "xen1") == ["ready", "ready"]
    assert two.talk("russell", "!next")[0].startswith("Step 1 of 3")
    again = (CHANNEL, "host xen2 answers again: labs are reached with the same ssh command")
    assert again in two.host_up("xen2")
    assert two.listens("xen1", seconds=4) == [] and two.host_up("xen1") == []
    assert on(two, "xen1") == ["ready", "ready"]


def test_a_network_that_comes_and_goes_is_told_once(two: Stage) -> None:
    """Every minute: the class does not hear of it each time."""
    two.loses("xen1", "xen2")
    assert len(two.host_up("xen1") + two.host_up("xen2")) == 1
    for _ in range(3):
        assert two.listens(seconds=50) + two.loses("xen1", "xen2") == []
        assert two.host_up("xen1") + two.host_up("xen2") == []
    assert on(two, "xen1") == ["ready", "ready"]


def test_the_first_host_that_is_back_takes_people(two: Stage) -> None:
    """The other one stays silent: it is lost when it could have been heard."""
    two.loses("xen1", "xen2")
    two.listens("xen1", "xen2", seconds=60)
    two.host_up("xen2")
    assert "host xen1 is lost: 2 people move to other hosts" in two.listens("xen1")[0][1]


def test_labs_that_stopped_with_the_only_host_are_started(stages: Callable[..., Stage]) -> None:
    """Its power was off for a while: everybody is told alone that their lab starts again."""
    stage = stages()
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert not any("is lost" in text for _target, text in stage.loses("xen1"))
    stage.hosts["xen1"] = {id: replace(domain, state=DomainState.OFF) for id, domain in stage.hosts["xen1"].items()}
    assert any(
        target == "alice" and "your debian lab stopped while its host did not answer: starting it again" in text
        for target, text in stage.host_up()
    )


def test_the_old_lab_is_reached_when_its_host_is_back(two: Stage) -> None:
    """Beside the new one, with the same password, until the lease ends; then it goes."""
    dies(two)
    two.hosts_work()
    two.hosts["xen1"] = {id: replace(domain, endpoint=("10.0.0.1", 22)) for id, domain in two.hosts["xen1"].items()}
    said = two.host_up("xen1")
    assert [text for target, text in said if target == "alice"] == [
        "host xen1 is back: until your lease ends, you can copy what you need from your old debian lab (same password):",
        "ssh -p 2222 old@lab.example.org",
    ]
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
    database = two.store.connection.connection.dbapi_connection
    database.execute("PRAGMA query_only=ON")
    said = dies(two)
    assert not any("is lost" in text for _target, text in said)
    database.execute("PRAGMA query_only=OFF")
    assert any("host xen1 is lost: 2 people move" in text for _target, text in two.listens("xen1"))
