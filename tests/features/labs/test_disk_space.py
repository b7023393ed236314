"""Labs and the disk of their host: what a lab may still write is kept free for it, whatever the others do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import Stage
from trainbot.features.labs.placement import HostRoom, Need
from trainbot.model.disk_space import DiskUse, for_labs, kept_free, promised, with_tables
from trainbot.model.host import Domain, DomainState, HostReport, HostUp
from trainbot.model.lab import Lab, LabState
from trainbot.model.lab_events import HostWork

SIZE = 2048  # MiB of each image's disk

SPACES = [
    (16384, 9000, 7362),  # a tenth is kept for the host
    (1 << 20, 9000, 4904),  # but at most 4 GiB
    (16384, 1000, 0),
    (None, 9000, 9000),
    (16384, None, None),
]


@pytest.mark.parametrize(("size", "free", "labs"), SPACES)
def test_what_is_kept_for_the_host(size: int | None, free: int | None, labs: int | None) -> None:
    assert for_labs(size, free) == labs


@given(
    st.integers(1024, 200_000),
    st.lists(st.tuples(st.integers(1, 8192), st.lists(st.integers(0, 8192), max_size=4)), max_size=30),
    st.data(),
)
def test_labs_that_write_all_they_can_leave_what_is_kept(
    size: int, asked: list[tuple[int, list[int]]], data: st.DataObject
) -> None:
    """Labs come one by one, each writes something, takes snapshots where they fit: whatever was let in may fill its disk,
    and the host still has what is kept for it."""
    free = data.draw(st.integers(0, size))
    labs: list[DiskUse] = []
    frozen = 0

    def now() -> int:
        return free - frozen - sum(lab.written_mib for lab in labs)

    def left() -> int:
        return (for_labs(size, max(0, now())) or 0) - promised([lab.growth_mib for lab in labs], 1)

    for disk, writes in asked:
        room = HostRoom(
            "a",
            True,
            99,
            len(labs),
            1 << 20,
            disk_free_mib=for_labs(size, max(0, now())),
            promised_disk_mib=promised([lab.growth_mib for lab in labs], 1),
        )
        if not room.holds(Need(1, with_tables(disk))):
            continue
        labs.append(DiskUse(disk, 0))
        for write in writes:
            here = labs[-1]
            labs[-1] = here = replace(here, written_mib=min(with_tables(disk), here.written_mib + write))
            if left() >= promised([here.written_mib], 1):  # a snapshot
                frozen += here.written_mib
                labs[-1] = DiskUse(disk, 0)
    if labs:
        assert free - frozen - sum(with_tables(lab.size_mib) for lab in labs) >= kept_free(size)


def report(stage: Stage, free: int, *stalled: str, **written: int) -> list[tuple[str, str]]:
    """xen1 as it is: its labs in order of their names' beginnings, each with what its person has written; those of the
    ``stalled`` people wait for disk space."""

    def state(nick: str) -> DomainState:
        return DomainState.STALLED if nick in stalled else DomainState.RUNNING

    people = {lease.lab_id: stage.name_of(lease.person_id) for lease in stage.leases() if lease.lab_id}
    domains = tuple(
        Domain(
            lab.id, lab.name, state(people[lab.id]), lab.endpoint, disk=DiskUse(SIZE, written.get(people[lab.id], 0))
        )
        for lab in stage.labs()
        if lab.id in people and lab.endpoint
    )
    return stage.happens(HostUp(HostReport("xen1", domains, 16384, 8192, 4, disk_mib=16384, disk_free_mib=free)))


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    stage = stages()
    scheduler = stage.wiring.scheduler
    scheduler.images.update({name: replace(image, disk_mib=SIZE) for name, image in scheduler.images.items()})
    report(stage, 1639 + 2 * with_tables(SIZE) + 500)
    return stage


def test_as_many_labs_as_can_fill_their_disks(stage: Stage) -> None:
    """Two labs fit on a disk that holds two whole disks, though neither has written a byte; the third waits, also when they
    have, and gets a lab when one is given back."""
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
        stage.hosts_work()
    assert "all debian labs are taken" in stage.talk("carol", "!lab debian")[0]
    report(stage, 1639 + 2 * with_tables(SIZE) + 500 - 1800, alice=1800)
    assert len(stage.labs()) == 2
    assert stage.talk("olga", "!lab capacity") == [
        "2 labs fit: 2 taken, 0 in the pool, 0 free; 0 survive the loss of any one host; if xen1 were lost now, 2 "
        "people would have to wait",
        "debian: 0 more",
    ]
    assert stage.talk("olga", "!hosts")[1] == (
        "xen1 up, 2 of 5 labs, 8192 of 16384 MiB free, disk 4 GiB free, 2 GiB promised to labs"
    )
    stage.talk("bob", "!lab return")
    stage.talk("bob", "!yes")
    stage.hosts_work()
    report(stage, 1639 + 2 * with_tables(SIZE) + 500 - 1800, alice=1800)
    assert len(stage.labs()) == 2


def test_a_snapshot_that_does_not_fit_is_refused(stage: Stage) -> None:
    """What a snapshot keeps stays on the disk, and the lab may write as much again."""
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
        stage.hosts_work()
    report(stage, 1639 + 2 * with_tables(SIZE) + 500 - 1500, alice=900, bob=600)
    assert stage.talk("alice", "!lab snapshot") == [
        "alice: its host xen1 has no disk space left for a snapshot; your lab goes on unchanged. !lab reset frees what your "
        "lab and its snapshots take"
    ]
    report(stage, 1639 + 2 * with_tables(SIZE) + 500 - 500, alice=400, bob=100)
    assert "taking a snapshot of your debian lab" in stage.talk("bob", "!lab snapshot")[0]


def test_overcommit(stage: Stage) -> None:
    """With 2, half of each disk is kept, so twice as many labs fit."""
    scheduler = stage.wiring.scheduler
    scheduler.config = replace(scheduler.config, overcommit=2.0)
    report(stage, 1639 + 2 * with_tables(SIZE) + 500)
    assert stage.talk("olga", "!lab capacity")[1] == "debian: 4 more (xen1 4)"


# -- a disk that is nearly full ------------------------------------------------------------------------


@pytest.fixture
def crowded(stage: Stage) -> Stage:
    """Overcommitted: alice and bob have labs on a disk that cannot hold what both may write."""
    stage.wiring.scheduler.config = replace(stage.wiring.scheduler.config, overcommit=4.0)
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab debian")
        stage.hosts_work()
    report(stage, 3000, alice=10, bob=10)
    return stage


def seen(stage: Stage, free: int, *stalled: str, seconds: int = 15, **written: int) -> list[tuple[str, str]]:
    """What is said after a reading, that many seconds later."""
    stage.now += timedelta(seconds=seconds)
    return report(stage, free, *stalled, **written)


def test_the_lab_that_writes_most_is_paused_and_goes_on(crowded: Stage) -> None:
    """At a tenth free, and only that lab; its person is told and so is the organiser; a reset or space elsewhere lets it
    go on; nothing is forgotten over a restart."""
    assert seen(crowded, 1700, alice=1300, bob=20) == []
    said = seen(crowded, 1600, alice=1400, bob=30)
    assert said == [
        (
            "alice",
            "your debian lab is paused: the disk of its host xen1 is nearly full, and your lab wrote the most (1390 MiB "
            "in the last minute). It continues by itself once there is space; !lab rollback or !lab reset free what it "
            "wrote and start it again",
        )
    ]
    assert [(work.action, work.lab) for work in crowded.began if isinstance(work, HostWork)] == [
        ("pause", lab_of(crowded, "alice").id)
    ]
    crowded.hosts_work()
    assert lab_of(crowded, "alice").state is LabState.PAUSED and lab_of(crowded, "bob").state is LabState.READY
    assert "paused, because its host's disk is nearly full" in crowded.talk("alice", "!lab")[0]
    assert "your lab is paused" in crowded.talk("alice", "!lab reboot")[0]
    assert "its disk has only 1600 MiB free: paused tb-debian-" in crowded.talk("olga", "!hosts")[1]
    crowded.restart()
    assert seen(crowded, 1700, alice=1400, bob=30) == [] and crowded.hosts_work() == []
    assert lab_of(crowded, "alice").state is LabState.PAUSED
    assert seen(crowded, 2500, alice=1400, bob=30) == [
        ("alice", "your debian lab is running again: its host xen1 has disk space")
    ]
    crowded.hosts_work()
    assert lab_of(crowded, "alice").state is LabState.READY


def test_a_paused_lab_is_reset(crowded: Stage) -> None:
    seen(crowded, 1600, alice=1400, bob=30)
    crowded.hosts_work()
    assert "will be lost" in crowded.talk("alice", "!lab reset")[0]
    assert "resetting your debian lab" in crowded.talk("alice", "!yes")[0]
    crowded.hosts_work()
    assert lab_of(crowded, "alice").state is LabState.READY


def test_a_disk_that_is_full_before_it_was_seen_to_be(crowded: Stage) -> None:
    """Labs that could not write are paused, not crashed: each person is told why, who wrote the most is told what helps, and
    so is the organiser; a reset makes room, and then everybody goes on.  A restart in between changes nothing."""
    assert seen(crowded, 2000, alice=1000, bob=20) == []
    assert seen(crowded, 0, "alice", alice=3000, bob=20) == [
        (
            "alice",
            "your debian lab is paused: the disk of its host xen1 is full, and your lab wrote the most (2990 MiB in the "
            "last minute). It continues by itself once there is space; !lab rollback or !lab reset free what it wrote "
            "and start it again",
        )
    ]
    assert seen(crowded, 2000, "alice", seconds=1, alice=3000, bob=20) == []  # free space as it was read before
    assert seen(crowded, 0, "alice", "bob", alice=3000, bob=20) == [
        (
            "bob",
            "your debian lab is paused: the disk of its host xen1 is full. It continues by itself once there is space, as "
            "it is now",
        )
    ]
    alices = lab_of(crowded, "alice").name
    assert f"its disk is full; {alices} wrote the most, 2990 MiB" in crowded.talk("olga", "!hosts")[1]
    crowded.restart()
    assert seen(crowded, 0, "alice", "bob", alice=3000, bob=20) == [] and crowded.hosts_work() == []
    assert [lab_of(crowded, nick).state for nick in ("alice", "bob")] == [LabState.PAUSED] * 2
    assert "paused, because its host's disk is" in crowded.talk("bob", "!lab")[0]
    crowded.talk("alice", "!lab reset")
    assert "resetting your debian lab" in crowded.talk("alice", "!yes")[0]
    crowded.hosts_work()
    assert seen(crowded, 3000, "bob", alice=0, bob=20) == [
        ("bob", "your debian lab is running again: its host xen1 has disk space")
    ]
    crowded.hosts_work()
    assert [lab_of(crowded, nick).state for nick in ("alice", "bob")] == [LabState.READY] * 2


def test_one_after_the_other_and_nobody_for_a_log_file(crowded: Stage) -> None:
    """Whoever goes on writing is next; a few MiB are no reason until half of what is kept is gone; what others than labs
    write is for the organiser."""
    seen(crowded, 1600, alice=1000, bob=400)
    crowded.hosts_work()
    assert "your debian lab is paused" in seen(crowded, 1500, alice=1000, bob=500)[0][1]
    crowded.hosts_work()
    seen(crowded, 4000, alice=1000, bob=500)
    crowded.hosts_work()
    assert seen(crowded, 1600, seconds=90, alice=1000, bob=500) == []
    assert seen(crowded, 1500, alice=1005, bob=500) == []
    assert "its disk has only 1500 MiB free, and no lab there writes much" in crowded.talk("olga", "!hosts")[1]
    assert "(10 MiB in the last minute)" in seen(crowded, 700, alice=1010, bob=500)[0][1]


def lab_of(stage: Stage, nick: str) -> Lab:
    lease = next(lease for lease in stage.leases() if stage.name_of(lease.person_id) == nick)
    return next(lab for lab in stage.labs() if lab.id == lease.lab_id)
