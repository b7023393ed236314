"""When a host counts as lost: the order of events on a virtual clock, with hosts that are dead, busy, flapping or cut off."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import virtual_time
from tests.bot.simulated_hosts import FAULTS, Room

SOONEST, KILLED, FROZEN = 5.9, 7.0, 11.0  # seconds; people have other labs a second later


def play(number: int, story: Callable[[Room], Awaitable[None]]) -> Room:
    """Tells ``story`` of so many hosts."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        logging.disable(logging.CRITICAL)
        room = Room(monkeypatch, number)

        async def told() -> None:
            await room.start()
            await story(room)
            await room.close()

        try:
            virtual_time.run(told())
        finally:
            logging.disable(logging.NOTSET)
    return room


def alone(fault: str, seconds: float, after: float = 0.0) -> Room:
    """xen1 has that fault for so long, xen2 is well."""

    async def story(room: Room) -> None:
        await asyncio.sleep(30 + after)
        room.hosts["xen1"].gets(fault)
        await asyncio.sleep(seconds)
        room.hosts["xen1"].gets("well")
        await asyncio.sleep(60)

    return play(2, story)


@pytest.mark.parametrize("after", [n / 2 for n in range(20)])
def test_a_dead_host_is_noticed_within_its_bound(after: float) -> None:
    """Wherever in its round of pings and readings it is when it freezes."""
    ((at, name),) = alone("off", 30, after).lost
    assert name == "xen1" and SOONEST <= at - 31 - after <= FROZEN


@pytest.mark.parametrize("after", [0.0, 0.7, 1.9, 5.3])
def test_a_host_whose_processes_were_killed(after: float) -> None:
    """libvirtd's connection ends at once, and nothing else is left."""

    async def story(room: Room) -> None:
        await asyncio.sleep(30 + after)
        room.hosts["xen1"].gets("libvirtd")
        room.hosts["xen1"].gets("off")
        await asyncio.sleep(20)

    ((at, _name),) = play(2, story).lost
    assert SOONEST <= at - 31 - after <= KILLED


@pytest.mark.parametrize("fault", ["libvirtd", "busy", "mute labs"])
def test_a_host_that_still_greets_is_not_lost(fault: str) -> None:
    """For an hour, whatever else of it is silent; organisers hear of it if nothing else answers."""
    room = alone(fault, 3600)
    assert room.lost == [] and room.said.count("xen1 overloaded") <= 1
    assert ("xen1 overloaded" in room.said) is False  # a busy libvirtd answers keepalives


def test_a_busy_host_is_left_alone_for_most_of_the_time() -> None:
    """Each greeting costs its sshd a process: never two at once where one takes four seconds, and seconds between them."""
    room = alone("busy", 3600)
    begun = [at for at in room.greeted["xen1"] if 40 < at < 3600]
    assert min(after - before for before, after in itertools.pairwise(begun)) >= 6.9
    assert max(after - before for before, after in itertools.pairwise(begun)) <= 15


def test_a_host_that_accepts_connections_and_says_nothing() -> None:
    """Three times as long is waited for it."""
    ((at, _name),) = alone("slow", 60).lost
    assert 18 <= at - 31 <= 30
    assert alone("slow", 15).lost == []


@pytest.mark.parametrize("off", [1.0, 3.0, 4.5])
def test_an_hour_of_flapping(off: float) -> None:
    """Seconds of lost packets, again and again, are no loss."""

    async def story(room: Room) -> None:
        while room.time() < 3600:
            room.hosts["xen1"].gets("off")
            await asyncio.sleep(off)
            room.hosts["xen1"].gets("well")
            await asyncio.sleep(2.5)

    assert play(2, story).lost == []


def test_the_network_of_the_bot_is_away() -> None:
    """All hosts at once, for an hour: none is lost, and they come back one after the other."""

    async def story(room: Room) -> None:
        await asyncio.sleep(30)
        for host in room.hosts.values():
            host.unplugged = True
            await asyncio.sleep(0.3)
        await asyncio.sleep(3600)
        for host in room.hosts.values():
            host.unplugged = False
            await asyncio.sleep(2)
        await asyncio.sleep(60)

    room = play(3, story)
    assert room.lost == [] and len(room.alone) == 1 and len(room.said) == 1


def test_the_bot_itself_stands_still() -> None:
    """Suspended, swapped out or busy for up to a minute: its own lateness is nobody's loss; a host that died meanwhile is
    noticed within the bound, counted from when it is awake."""

    async def story(room: Room) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualLoop)
        for seconds in (3, 8, 60, 3, 20):
            await asyncio.sleep(7.3)
            loop.now += seconds
        assert room.lost == []
        room.hosts["xen1"].gets("off")
        loop.now += 30
        awake.append(room.time())
        await asyncio.sleep(20)

    awake: list[float] = []
    ((at, _name),) = play(2, story).lost
    assert SOONEST <= at - awake[0] <= FROZEN + 2


def test_the_second_host_dies_too() -> None:
    """First one, then the other of three: each within its bound."""

    async def story(room: Room) -> None:
        await asyncio.sleep(30)
        room.hosts["xen1"].gets("off")
        await asyncio.sleep(2)
        room.hosts["xen2"].gets("off")
        await asyncio.sleep(20)

    (first, one), (second, two) = play(3, story).lost
    assert (one, two) == ("xen1", "xen2") and first - 31 <= FROZEN and second - 33 <= FROZEN


def test_many_hosts_die_at_once() -> None:
    """Each within the bound, though the sshd of the one that is left is greeted once a second at most."""

    async def story(room: Room) -> None:
        await asyncio.sleep(30)
        for number in range(1, 8):
            room.hosts[f"xen{number}"].gets("off")
            await asyncio.sleep(0.13)
        await asyncio.sleep(20)
        begun = [at for at in room.greeted["xen8"] if at > 31]
        assert len(begun) > 5 and min(later - at for at, later in itertools.pairwise(begun)) >= 0.9

    lost = play(8, story).lost
    assert len(lost) == 7 and max(at for at, _name in lost) <= 32 + FROZEN


FAULT = st.tuples(
    st.sampled_from(["xen1", "xen2"]), st.sampled_from(FAULTS), st.floats(0.2, 25).map(lambda at: round(at, 1))
)


@settings(max_examples=60, deadline=None)
@given(faults=st.lists(FAULT, max_size=12), sleeps=st.sets(st.integers(0, 11)))
@example(faults=[("xen1", "slow", 15.5), ("xen1", "well", 0.5), ("xen1", "off", 5.0)], sleeps={0})
def test_any_sequence_of_faults(faults: list[tuple[str, str, float]], sleeps: set[int]) -> None:
    """Nothing is lost of which anything could be heard during the last seconds; whatever was dead for as long as the bound
    is lost, since xen3 is well throughout."""
    dead: list[tuple[str, float, float]] = []

    async def story(room: Room) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualLoop)
        since: dict[str, float | None] = {"xen1": None, "xen2": None}
        awake = room.time()
        for number, (name, fault, seconds) in enumerate(faults):
            host = room.hosts[name]
            if fault == "off" and since[name] is None:
                since[name] = room.time()
            elif fault != "off" and since[name] is not None:
                dead.append((name, max(awake, since[name] or 0), room.time()))
                since[name] = None
            host.gets(fault)
            if number in sleeps:
                loop.now += 5
                awake = room.time()
            await asyncio.sleep(seconds)
        end = room.time()
        dead.extend((name, max(awake, at), end) for name, at in since.items() if at is not None)

    room = play(3, story)
    for name, began, ended in dead:
        if ended - began > 3 * 6 + 12:  # it may have accepted connections just before
            assert any(lost == name and at <= began + 30 for at, lost in room.lost), (dead, room.lost)
    assert heard_within(room) == []


def heard_within(room: Room) -> list[tuple[float, str]]:
    """Losses of hosts that could be heard a moment before."""
    return [(at, name) for at, name, heard in room.heard_at_loss if at - heard < 5.0]
