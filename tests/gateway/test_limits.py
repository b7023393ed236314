"""The limits before and after login: who is let in while others flood, and who is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.gateway.learner.limits import (
    LONGEST,
    MOST_NETWORKS,
    NO_LOGIN,
    TOLERATED,
    WRONG_PASSWORD,
    KnownNetworks,
    Penalties,
    PreAuthLimiter,
    Quota,
    networks,
)

HOME = "192.0.2.1"


def limiter(limit: int, *known: str) -> PreAuthLimiter:
    there = KnownNetworks()
    for address in known:
        there.add(address)
    return PreAuthLimiter(limit, there, random.Random(1))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=80))
def test_never_more_wait_than_may(steps):
    """Whoever comes and goes, the limit holds, and whoever is dropped is the newcomer or one of those that wait."""
    waiting, here = limiter(8, "10.0.3.0"), set()
    for number, (place, leaves) in enumerate(steps):
        if leaves and here:
            gone = min(here)
            waiting.go(gone)
            here.remove(gone)
        here.add(number)
        dropped = waiting.come(number, f"10.0.{place}.1")
        if dropped is not None:
            here.remove(dropped)
        assert len(waiting) == len(here) <= 8


FLOODS = {
    "one address": lambda number: "198.51.100.9",
    "one /24": lambda number: f"198.51.100.{number % 256}",
    "one /48, a /64 for each": lambda number: f"2001:db8:9:{number:x}::1",
    "one /56": lambda number: f"2001:db8:9:{number % 256:x}::{number:x}",
    "everywhere": lambda number: f"{1 + number % 223}.{number // 223}.7.1",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_nobody_is_pushed_from_the_password_prompt(flood):
    """A person, and a class of forty behind one router, stay while others open two thousand connections."""
    waiting = limiter(200)
    people = {waiting.come("alice", HOME)} | {waiting.come(f"learner {n}", "203.0.113.5") for n in range(40)}
    assert people == {None}
    dropped = {waiting.come(number, flood(number)) for number in range(2_000)}
    assert not any(isinstance(each, str) for each in dropped) and len(waiting) <= 200


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_known_networks_have_room_kept(flood):
    """While a flood holds all there is to hold, people get in from where somebody logged in before."""
    waiting = limiter(200, HOME)
    for number in range(2_000):
        waiting.come(number, flood(number))
    assert all(waiting.come(f"learner {n}", "192.0.2.77") is None for n in range(50))


def test_a_flood_from_one_network_leaves_room_for_others():
    """Its own connections are dropped for a newcomer from elsewhere, at the latest when all is taken."""
    waiting = limiter(200)
    for number in range(2_000):
        waiting.come(number, "198.51.100.9")
    came = [waiting.come(f"learner {n}", f"192.0.{n}.1") for n in range(60)]
    refused = [n for n, dropped in enumerate(came) if dropped == f"learner {n}"]
    assert len(refused) < 30  # some are, at random, and come again


@pytest.mark.parametrize(
    ("address", "nets"),
    [
        ("192.0.2.1", ("192.0.2.1/32", "192.0.2.0/24")),
        ("::ffff:192.0.2.1", ("192.0.2.1/32", "192.0.2.0/24")),
        ("2001:db8:1:203::1", ("2001:db8:1:203::/64", "2001:db8:1:200::/56", "2001:db8:1::/48")),
        ("fe80::1%eth0", ("fe80::/64", "fe80::/56", "fe80::/48")),
        ("?", ("?", "?")),
        ("", ("", "")),
    ],
)
def test_the_networks_of_an_address(address, nets):
    """IPv4: the address and its /24; IPv6: /64, /56 and /48; anything else stands for itself."""
    assert networks(address) == nets


def test_who_keeps_failing_is_refused_for_a_while():
    """A dozen wrong passwords refuse the address, others go on; it is let in again when the time is over."""
    now = [1000.0]
    penalties = Penalties(KnownNetworks(), lambda: now[0])
    for _ in range(12):
        penalties.add(HOME, WRONG_PASSWORD)
        assert penalties.refused(HOME) == 0
    penalties.add(HOME, WRONG_PASSWORD)
    assert penalties.refused(HOME) == 13 * WRONG_PASSWORD and penalties.refused("192.0.2.2") == 0
    for _ in range(1000):
        penalties.add(HOME, WRONG_PASSWORD)
    assert penalties.refused(HOME) == LONGEST
    now[0] += LONGEST - TOLERATED
    assert penalties.refused(HOME) == 0


def test_a_class_behind_one_router_is_not_refused():
    """Thirty people mistype twice each: once one of them is in, none is refused, however many still fail."""
    known = KnownNetworks()
    penalties = Penalties(known, lambda: 0.0)
    for _ in range(60):
        penalties.add(HOME, WRONG_PASSWORD)
    assert penalties.refused(HOME) > 0
    known.add(HOME)
    penalties.forgive(HOME)
    for _ in range(600):
        penalties.add(HOME, WRONG_PASSWORD)
        assert penalties.refused(HOME) == 0


def test_what_is_remembered_is_bounded():
    """A stranger with many addresses cannot fill the memory."""
    known = KnownNetworks()
    penalties = Penalties(known, lambda: 0.0)
    for number in range(MOST_NETWORKS + 500):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        penalties.add(address, NO_LOGIN)
        known.add(f"2001:db8:{number:x}::1")
    assert len(penalties._until) == len(known._networks) == MOST_NETWORKS


@given(st.lists(st.sampled_from([1, 2, -1, -2]), max_size=50))
def test_quotas_are_kept(steps):
    """Nobody has more than the limit, and nobody's use takes from another's."""
    quota, had = Quota(3), {1: 0, 2: 0}
    for step in steps:
        person = abs(step)
        if step > 0:
            assert quota.take(person) == (had[person] < 3)
            had[person] = min(3, had[person] + 1)
        elif had[person]:
            quota.give_back(person)
            had[person] -= 1
