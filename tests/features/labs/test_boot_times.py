"""How long boots take: estimates that learn, and a slow lab that works is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import START, Stage
from trainbot.features.labs.boot_times import BOOT_LIMIT, LONGEST, LifeSigns, expected, is_slow, left, too_long
from trainbot.features.labs.placement import HostRoom, Need
from trainbot.features.labs.readiness import late, rest_of
from trainbot.model.disk_space import DiskUse
from trainbot.model.host import Domain, DomainState, HostReport, Mode
from trainbot.model.lab import Lab, LabState
from trainbot.model.lab_events import LoginChecked

MINUTE = timedelta(minutes=1)
LAB = Lab("l1", "tb", "debian", Mode.ENFORCING, "xen1", LabState.BOOTING, 0, "", 0, 0, "", START, START)


@pytest.mark.parametrize(
    ("usual", "elapsed", "seconds"),
    [(30, 0, 30), (30, 10, 20), (30, 25, 12.5), (30, 29, 14.5), (30, 60, 30), (30, 360, 180), (5, 2, 5)],
)
def test_a_late_boot_is_not_nearly_over(usual: float, elapsed: float, seconds: float) -> None:
    """Within the usual time the rest of it; after that the more, the later it is."""
    assert left(usual, elapsed) == seconds


@given(st.floats(1, 3600), st.lists(st.floats(0, 3600), max_size=20))
def test_boots_under_way_only_lengthen_the_estimate(usual: float, under_way: list[float]) -> None:
    """Labs that have just begun say nothing; labs that are late say that the next ones will be late, too."""
    assert expected(usual, under_way) >= usual
    assert expected(usual, [0.0] * len(under_way)) == usual


def test_one_broken_lab_does_not_spoil_the_estimate_for_all() -> None:
    """What most labs do counts for those to come."""
    assert expected(30, [300, 5, 6, 7, 8]) == 30
    assert expected(30, [100, 110, 90]) == 150


def test_the_rest_is_not_promised_twice() -> None:
    """Six minutes later the rest is not ready "in 30 s" again; and it is said that boots are slow."""
    needs, rooms = {"debian": Need(384, 0, "v1")}, [HostRoom("xen1", True, 15, 0, 16384, images=frozenset({"v1"}))]
    first, _ = rest_of({"debian": 1}, {"debian": [1.0]}, needs, rooms, lambda _image: 30.0)
    later, _ = rest_of({"debian": 1}, {"debian": [360.0]}, needs, rooms, lambda _image: 30.0)
    unknown, _ = rest_of({"debian": 1}, {"debian": [700.0]}, needs, rooms, lambda _image: 30.0)
    assert (first, later, unknown) == (timedelta(seconds=29), timedelta(seconds=180), None)
    assert late({"debian": 1}, {"debian": [1.0]}, lambda _image: 30.0) == []
    assert late({"debian": 1}, {"debian": [360.0, 20.0]}, lambda _image: 30.0) == [
        "debian labs have been booting for 6 min, usually 30 s"
    ]


@pytest.mark.parametrize(
    ("usual", "booting", "quiet", "given_up"),
    [
        (30, 4, 4, False),
        (30, 5.1, 5.1, True),  # nothing is known of it, or it has done nothing from the beginning
        (30, 6, 0.2, False),
        (30, 6, 2.1, True),  # it worked, and stopped
        (30, 19, 0, False),
        (30, 20.1, 0, True),
        (900, 25, 0, False),  # where boots take a quarter of an hour
        (900, 31, 0, True),
    ],
)
def test_how_long_a_lab_is_waited_for(usual: float, booting: float, quiet: float, given_up: bool) -> None:
    """Five minutes for one that does nothing; longer while it works; not for ever."""
    assert too_long(usual, booting * MINUTE, quiet * MINUTE) is given_up


@given(st.floats(1, 3600), st.floats(0, 400), st.floats(0, 400))
def test_a_lab_that_works_is_waited_for_up_to_the_limit(usual: float, booting: float, quiet: float) -> None:
    """Whatever the numbers: never given up early, always in the end, and never later for one that is quieter."""
    gone = too_long(usual, booting * MINUTE, quiet * MINUTE)
    assert not gone or booting * MINUTE > BOOT_LIMIT
    assert gone or booting * MINUTE <= max(LONGEST, timedelta(seconds=2 * usual))
    assert too_long(usual, booting * MINUTE, (quiet + 10) * MINUTE) >= gone


def test_slow_is_what_takes_three_times_as_long() -> None:
    """Nobody is told of a boot that is a few seconds late."""
    assert not is_slow(30, MINUTE) and not is_slow(30, 2 * MINUTE) and is_slow(30, 2.1 * MINUTE)
    assert not is_slow(120, 5 * MINUTE) and is_slow(120, 6.1 * MINUTE)


def reported(cpu: float | None, written: int = 100, run: str = "1") -> HostReport:
    domain = Domain("l1", "tb", DomainState.RUNNING, None, run, DiskUse(10240, written), cpu)
    return HostReport("xen1", (domain,))


@pytest.mark.parametrize(
    ("before", "after", "alive"),
    [
        (reported(10.0), reported(10.0), False),
        (reported(10.0), reported(10.1), False),  # 1 % of a core: an idle machine
        (reported(10.0), reported(10.5), True),
        (reported(10.0, 100), reported(10.0, 101), True),  # its disk is slow, and it writes
        (reported(10.0), reported(0.1), True),  # it was started again
        (reported(10.0, run="1"), reported(10.0, run="2"), True),
    ],
)
def test_signs_of_life(before: HostReport, after: HostReport, alive: bool) -> None:
    """CPU time and written blocks between two reports, ten seconds apart, tell a slow lab from a dead one."""
    life, ten = LifeSigns(), timedelta(seconds=10)
    life.heard(before, START)
    life.heard(after, START + ten)
    assert life.quiet(LAB, START + ten) == (timedelta() if alive else ten)


def test_a_host_that_cannot_tell_gives_no_signs() -> None:
    """Then a lab counts as quiet from the beginning, as does one that was never reported."""
    life = LifeSigns()
    life.heard(reported(None), START)
    assert life.quiet(LAB, START + 6 * MINUTE) == 6 * MINUTE


def test_silence_of_the_host_is_no_silence_of_the_lab() -> None:
    """While its host does not report, nothing is known against a lab."""
    life = LifeSigns()
    life.heard(reported(1.0), START)
    life.heard(reported(9.0), START + MINUTE)
    assert life.quiet(LAB, START + 10 * MINUTE) == timedelta()


# -- dialogs ---------------------------------------------------------------------------------------


def boots(stage: Stage, minutes: int, share: float) -> list[tuple[str, str]]:
    """So many minutes in which all labs use that share of a core, as the host reports every ten seconds."""
    said = []
    for _ in range(6 * minutes):
        there = stage.hosts["xen1"]
        for id, domain in there.items():
            there[id] = replace(domain, cpu=(domain.cpu or 0.0) + 10 * share)
        said += stage.wait(seconds=10) + stage.host_up()
    return said


@pytest.fixture
def booting(stages: Callable[..., Stage]) -> Stage:
    """alice waits for a lab that does not come up."""
    stage = stages()
    stage.host_up()
    stage.host_boots = False
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    return stage


def test_a_slow_lab_that_works_is_waited_for(booting: Stage) -> None:
    """Its person hears once what is going on, and the lab is theirs when it is up after all."""
    (lab,) = booting.labs()
    told = (
        "your debian lab is booting slower than usual (2 min so far, usually 30 s), but it is working, so I'm waiting "
    )
    said = boots(booting, 12, share=0.3)
    assert [text.startswith(told) for nick, text in said if nick == "alice"] == [True]
    assert "booting, slower than usual: about 6 min left" in booting.whisper("alice", "lab debian")[0]
    assert "debian (enforcing) on xen1: booting for 12 min, " in booting.whisper("alice", "lab")[0]
    booting.host_boots = True
    booting.restart()
    booting.host_up()
    booting.hosts_work()
    assert [(other.id, other.state) for other in booting.labs()] == [(lab.id, LabState.READY)]
    estimate = booting.wiring.scheduler.boot_seconds("debian")
    assert estimate > 600  # the next one is not promised in half a minute


def test_a_lab_that_does_nothing_is_replaced(booting: Stage) -> None:
    """After five minutes, and its person is told why."""
    (lab,) = booting.labs()
    said = [text for nick, text in boots(booting, 6, share=0.001) if nick == "alice"]
    assert said == [
        "sorry, your debian lab did not come up within 5 min. A new one is on its way; the same ssh command works"
    ]
    assert lab.id not in [other.id for other in booting.labs()]


def test_a_lab_that_only_burns_time_is_replaced_in_the_end(booting: Stage) -> None:
    """A kernel that has panicked can look busy: twenty minutes are the limit."""
    (lab,) = booting.labs()
    boots(booting, 19, share=1.0)
    assert lab.id in [other.id for other in booting.labs()]
    boots(booting, 2, share=1.0)
    assert lab.id not in [other.id for other in booting.labs()]


def test_a_restart_does_not_kill_slow_labs(booting: Stage) -> None:
    """The bot forgets what it saw, not that it has to look."""
    (lab,) = booting.labs()
    boots(booting, 7, share=0.3)
    booting.restart()
    boots(booting, 2, share=0.3)
    assert lab.id in [other.id for other in booting.labs()]


def test_a_free_lab_that_answers_slowly_is_tried_more_often(stages: Callable[..., Stage]) -> None:
    """A login that takes too long on a busy host is no broken lab: five in a row are."""
    stage = stages(spare=1)
    stage.host_up()
    stage.hosts_work()
    (lab,) = stage.labs()
    for _ in range(4):
        stage.wait(minutes=2, seconds=1)
        stage.happens(LoginChecked(lab.id, "no answer within 20 s", slow=True))
    assert lab.id in [other.id for other in stage.labs()]
    stage.happens(LoginChecked(lab.id, "no answer within 20 s", slow=True))
    assert lab.id not in [other.id for other in stage.labs()]
