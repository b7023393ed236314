"""Labs that stop, labs that do not work, hosts that are emptied: what people are told and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.features.labs.scheduler import EmptyPoolPlan
from trainbot.model.host import Domain, DomainState, HostWorkDone
from trainbot.model.lab import LabState
from trainbot.model.lab_events import CheckLogin, HostStatus, HostWork, LoginChecked


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """One host; alice has a lab there."""
    found = stages()
    found.host_up()
    found.talk("alice", "!lab debian")
    found.hosts_work()
    return found


def change(stage: Stage, **what: object) -> list[tuple[str, str]]:
    """Something happens to the only domain on xen1, and the host reports it."""
    ((id, domain),) = stage.hosts["xen1"].items()
    stage.hosts["xen1"][id] = replace(domain, **what)  # type: ignore[arg-type]
    return stage.host_up()


# -- labs that stop ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "what"), [(DomainState.CRASHED, "crashed"), (DomainState.OFF, "was shut down from inside")]
)
def test_a_lab_that_stopped_is_started_again_and_its_person_told(stage: Stage, state: DomainState, what: str) -> None:
    """On the disk that it had; the ssh line stays."""
    (before,) = stage.labs()
    stage.wait(minutes=10)
    assert change(stage, state=state) == [
        ("alice", f"your debian lab {what}: starting it again, about 5 s; the same ssh command works")
    ]
    assert [(item.action, item.lab) for item in stage.began if isinstance(item, HostWork)] == [("make", before.id)]
    stage.hosts_work()
    (after,) = stage.labs()
    assert (after.id, after.state, after.boots) == (before.id, LabState.READY, before.boots + 1)


def test_a_lab_that_goes_off_again_and_again(stage: Stage) -> None:
    """Its person hears it twice, then what to do, then no more; and each start waits longer."""
    told = []
    for _ in range(5):
        told += [text.split(":")[0] for nick, text in change(stage, state=DomainState.CRASHED) if nick == "alice"]
        stage.wait(seconds=30)
        stage.hosts_work()
    assert told == ["your debian lab crashed", "your debian lab crashed", "your debian lab keeps stopping"]
    assert stage.labs()[0].state is LabState.READY
    stage.wait(minutes=6)
    assert change(stage, state=DomainState.CRASHED)[0][1].startswith("your debian lab crashed")


def test_a_reboot_from_inside_is_no_news(stage: Stage) -> None:
    """Its person did it; whoever logs in meanwhile waits for it to be up again."""
    change(stage, run="4")
    boots = stage.labs()[0].boots
    assert change(stage, run="4") == [] and stage.labs()[0].state is LabState.READY
    assert change(stage, run="7") == []
    assert (stage.labs()[0].state, stage.labs()[0].boots) == (LabState.BOOTING, boots + 1)
    stage.hosts_work()
    assert stage.labs()[0].state is LabState.READY


def test_our_own_reboot_is_not_taken_for_one_from_inside(stage: Stage) -> None:
    """The number that the host gave it is another afterwards, and that is as it should be."""
    change(stage, run="4")
    stage.talk("alice", "!lab reboot")
    stage.hosts_work()
    before = stage.labs()[0]
    assert before.state is LabState.READY
    change(stage, run="8")
    assert stage.labs()[0].state is LabState.READY and stage.labs()[0].boots == before.boots


def test_a_lab_with_work_in_it_is_not_thrown_away_for_its_ssh(stage: Stage) -> None:
    """It worked before: its person broke it and may mend it, so they are told how, once, and it stays."""
    (before,) = stage.labs()
    stage.host_boots = False
    stage.talk("alice", "!lab reboot")
    stage.hosts_work()
    assert [nick for nick, text in stage.wait(minutes=6) if "ssh has not answered for 5 min" in text] == ["alice"]
    assert not [text for _nick, text in stage.wait(minutes=6) if "ssh has not" in text]
    assert [lab.id for lab in stage.labs()] == [before.id]


def test_a_lab_with_work_in_it_is_not_thrown_away_because_its_host_is_short_of_memory(stage: Stage) -> None:
    """It is tried again for as long as it takes, and its person is told why once."""
    (before,) = stage.labs()
    said = change(stage, state=DomainState.OFF)
    for _ in range(6):
        said += stage.happens(
            HostWorkDone("xen1", before.id, "make", None, "there is not enough free memory on the host")
        )
        said += stage.wait(minutes=1)
    assert [text for _nick, text in said if "can't be started" in text] == [
        "your debian lab can't be started right now; I'll keep trying: there is not enough free memory on the host"
    ]
    assert [lab.id for lab in stage.labs()] == [before.id]


def test_a_snapshot_that_fails_leaves_the_lab_as_it_was(stage: Stage) -> None:
    """Its person hears why, and it runs on."""
    (lab,) = stage.labs()
    with stage.store.transaction():
        stage.store.labs.change({"id": lab.id}, state=LabState.SAVING)
    stage.wait(seconds=2)
    stage.began.clear()
    said = stage.happens(HostWorkDone("xen1", lab.id, "snapshot", None, "the host's disk is full"))
    assert said == [
        ("alice", "could not take a snapshot of your debian lab; it goes on unchanged: the host's disk is full")
    ]
    stage.hosts_work()
    assert stage.labs()[0].state is LabState.READY and stage.labs()[0].saved_at is None


def test_sessions_hear_that_their_lab_starts_anew(stage: Stage) -> None:
    """The gateway is told when a reset begins, and not once more when it has been done."""

    def boots() -> int:
        return stage.routes()[0].boots

    before = boots()
    stage.talk("alice", "!lab reset")
    stage.talk("alice", "!yes")
    assert (boots(), stage.routes()[0].endpoint) == (before + 1, None)
    stage.hosts_work()
    assert boots() == before + 1 and stage.routes()[0].endpoint is not None


# -- labs that nobody has ----------------------------------------------------------------------------


def checks(stage: Stage) -> list[CheckLogin]:
    found = [item for item in stage.began if isinstance(item, CheckLogin)]
    stage.began = [item for item in stage.began if not isinstance(item, CheckLogin)]
    return found


def test_a_free_lab_is_tried_from_time_to_time_and_a_broken_one_is_not_handed_out(stages: Callable[..., Stage]) -> None:
    """One failure may be an accident; after two it is made anew."""
    stage = stages(spare=1)
    stage.host_up()
    stage.hosts_work()
    (lab,) = stage.labs()
    stage.wait(minutes=1)
    assert checks(stage) == []
    stage.wait(minutes=1, seconds=1)
    (check,) = checks(stage)
    assert (check.lab, check.way.address) == (lab.id, "127.0.0.1")
    stage.happens(LoginChecked(lab.id, "no ssh"))
    (check,) = checks(stage)
    stage.happens(LoginChecked(lab.id))
    assert checks(stage) == []
    stage.wait(minutes=2)
    for _ in range(2):
        (check,) = checks(stage)
        stage.happens(LoginChecked(lab.id, "no ssh"))
    stage.hosts_work()
    assert [other.id == lab.id for other in stage.labs()] == [False]


def test_a_check_that_comes_late_harms_nobody(stages: Callable[..., Stage]) -> None:
    """The lab was handed out meanwhile: it is its person's, whatever the check found."""
    stage = stages(spare=1)
    stage.host_up()
    stage.hosts_work()
    stage.wait(minutes=3)
    (check,) = checks(stage)
    stage.talk("alice", "!lab debian")
    for _ in range(3):
        stage.happens(LoginChecked(check.lab, "no ssh"))
    assert check.lab in [lab.id for lab in stage.labs()]


def test_a_free_lab_that_stops_is_replaced(stages: Callable[..., Stage]) -> None:
    """Nobody's work is in it, and nobody knows what is wrong with it."""
    stage = stages(spare=1)
    stage.host_up()
    stage.hosts_work()
    (lab,) = stage.labs()
    assert change(stage, state=DomainState.CRASHED) == []
    stage.hosts_work()
    assert [(other.id == lab.id, other.state) for other in stage.labs()] == [(False, LabState.READY)]


def test_a_host_where_an_image_does_not_come_up_has_a_rest(two: Stage) -> None:
    """The next try goes to another host at once."""
    two.talk("carol", "!lab debian")
    (work,) = [item for item in two.began if isinstance(item, HostWork)]
    two.began.clear()
    assert work.host == "xen2"
    two.happens(HostWorkDone("xen2", work.lab, "make", None, "the host's disk is full"))
    assert {(item.host, item.action) for item in two.began if isinstance(item, HostWork)} == {
        ("xen2", "destroy"),
        ("xen1", "make"),
    }
    assert "a debian lab there: the host's disk is full" in two.wiring.scheduler.hosts["xen2"].last_trouble


def test_a_pool_that_is_too_large_shrinks_one_by_one(stages: Callable[..., Stage]) -> None:
    """Labs that were promised and given back do not stay for ever."""
    stage = stages(spare=3)
    stage.host_up()
    stage.hosts_work()
    stage.wait(seconds=2)
    stage.hosts_work()
    assert len(stage.labs()) == 3
    stage.wiring.scheduler.plan = EmptyPoolPlan()
    sizes = []
    for _ in range(4):
        stage.wait(seconds=2)
        sizes.append(len(stage.labs()))
    assert sizes == [2, 1, 0, 0]


# -- hosts that are emptied --------------------------------------------------------------------------


def test_a_drained_host_gets_no_new_labs(two: Stage) -> None:
    """Whoever has one there keeps it; after a restart it is drained still."""
    assert two.whisper("olga", "drain xen1") == [
        "xen1 gets no new labs; 2 labs stay until their leases end. !drain xen1 now moves people off it"
    ]
    two.restart()
    two.host_up("xen1")
    two.host_up("xen2")
    for nick in ("carol", "hannah"):
        two.talk(nick, "!lab debian")
    assert sorted(lab.host for lab in two.labs()) == ["xen1", "xen1", "xen2", "xen2"]
    assert two.whisper("olga", "undrain xen1") == ["xen1 gets labs again"]
    assert two.whisper("olga", "undrain xen1") == ["xen1 is not drained; !hosts shows the state of all hosts"]


def test_draining_now_moves_people_off(two: Stage) -> None:
    """Asked first, told in one line; the old labs are reached until the leases end."""
    assert two.whisper("olga", "drain xen1 now")[0].startswith(
        "2 people get new labs on other hosts, as far as there is room; they can reach their old labs as old@ meanwhile."
    )
    said = two.hear("olga", "!yes", None)
    assert ("olga", "xen1 gets no new labs; 2 moved") in said
    assert [text for target, text in said if target == CHANNEL] == [
        "host xen1 is being emptied: 2 people move to other hosts. The same ssh command and password work again; this one "
        "reaches your old lab:",
        "ssh -p 2222 old@lab.example.org",
    ]
    two.hosts_work()
    assert two.host_up("xen1") == []
    assert {route.image for route in two.routes()} == {"debian", "old"}
    assert [lab.host for lab in two.labs()] == ["xen2", "xen2"]


def test_whom_there_is_no_room_for_stays(two: Stage) -> None:
    """Nobody loses a lab to a drain."""
    for nick in ("carol", "hannah"):
        two.talk(nick, "!lab debian")
    two.hosts_work()
    before = {lab.id for lab in two.labs()}
    two.whisper("olga", "drain xen1 now")
    assert (
        two.whisper("olga", "!yes")[0]
        == "xen1 gets no new labs; 1 moved; one lab stays because there is no room elsewhere"
    )
    two.hosts_work()
    assert len({lab.id for lab in two.labs()} & before) == 3 and len(two.labs()) == 4


def test_drain_says_what_is_wrong(two: Stage) -> None:
    """A host that is not there, that does not answer, a word too many; and not for everybody."""
    assert two.whisper("olga", "drain xen7") == ['no host called "xen7" (available: xen1, xen2)']
    assert "now" in two.whisper("olga", "drain xen1 later")[0]
    assert "organiser" in two.whisper("alice", "drain xen1")[0]
    assert two.whisper("olga", "drain xen2") == ["xen2 gets no new labs"]


def test_free_labs_on_a_drained_host_go(stages: Callable[..., Stage]) -> None:
    """They would be handed out otherwise; the pool is made elsewhere."""
    stage = stages(hosts=("xen1", "xen2"), spare=2)
    stage.host_up("xen1")
    stage.hosts_work()
    stage.host_up("xen2")
    stage.whisper("olga", "drain xen1")
    for _ in range(4):
        stage.wait(seconds=2)
        stage.hosts_work()
    assert [lab.host for lab in stage.labs()] == ["xen2", "xen2"] and not stage.hosts["xen1"]


def test_a_clock_that_is_off_is_known(stage: Stage) -> None:
    """Labs have their time from their host."""
    stage.happens(HostStatus("xen1", 0.2, 95.4))
    view = stage.wiring.scheduler.hosts["xen1"]
    assert view.last_trouble == "its clock is +95 s off, and labs take their time from it" and view.io_wait == 0.2


def test_who_asks_is_seated_where_the_fewest_are(stages: Callable[..., Stage]) -> None:
    """Though the other host's free labs are older."""
    stage = stages(hosts=("xen1", "xen2"), spare=4)
    stage.host_up("xen1")  # two are being made there, as many as at a time
    stage.wait(seconds=2)
    stage.host_up("xen2")
    stage.hosts_work()
    for nick in ("alice", "bob", "carol", "hannah"):
        stage.talk(nick, "!lab debian")
    held = {lease.lab_id for lease in stage.leases()}
    assert sorted(lab.host for lab in stage.labs() if lab.id in held) == ["xen1", "xen1", "xen2", "xen2"]


def test_a_lab_whose_host_has_no_copy_of_the_image_is_made_elsewhere(two: Stage) -> None:
    """A host says which images it has."""
    two.wiring.scheduler.images["debian"] = replace(two.wiring.scheduler.images["debian"], version="debian-1")
    for view in two.wiring.scheduler.hosts.values():
        view.report = replace(view.report, images=frozenset({"debian-1"} if view.config.name == "xen1" else ()))
    two.talk("carol", "!lab debian")
    assert sorted(lab.host for lab in two.labs()) == ["xen1", "xen1", "xen1"]


def test_the_domain_of_a_lab_may_tell_nothing_of_its_runs(stage: Stage) -> None:
    """An embedded host has no numbers for them."""
    assert change(stage, run="") == [] and stage.labs()[0].state is LabState.READY
    assert isinstance(next(iter(stage.hosts["xen1"].values())), Domain)
