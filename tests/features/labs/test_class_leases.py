"""A lab lasts as long as the class its person is in, and half an hour more."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stage import CHANNEL, START, Stage
from trainbot.features.labs.lease_expiry import ClassHold
from trainbot.model.class_run import LONGEST, ClassWindow
from trainbot.model.host import Mode
from trainbot.model.lab import Lease

NOT_NEEDED = "no need to: you keep your lab until 30 min after the class"
GRACE = timedelta(minutes=30)


def ends(stage: Stage) -> None:
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")


def test_nothing_ends_and_nobody_is_warned_in_a_class(stage: Stage) -> None:
    """A class longer than a lease: not a word of it, and half an hour after the class, with a warning, it is over."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.wait(hours=3)
    stage.talk("russell", "!start")
    assert stage.wait(minutes=50) == [] and stage.wait(hours=2) == []
    assert stage.whisper("alice", "lab") == ["debian (enforcing) on xen1: ready, yours until 30 min after the class"]
    ends(stage)
    assert stage.wait(seconds=2) == []
    assert stage.whisper("alice", "lab") == ["debian (enforcing) on xen1: ready, 30 min left"]
    assert stage.wait(minutes=15) == [
        (
            "alice",
            "your debian lab ends in 15 min: !lab extend gives you more time. To save your work, run this on your own machine:",
        ),
        ("alice", "scp -rp -P 2222 debian@lab.example.org:/root ."),
    ]
    assert stage.wait(minutes=14) == [] and len(stage.leases()) == 1
    assert stage.wait(minutes=1)[0][1].startswith("time is up: your debian lab has ended")


def test_who_takes_part_keeps_any_lab(stages: Callable[..., Stage]) -> None:
    """Another image than the exercise's: kept for who takes part, not for who only sits in the channel."""
    stage = stages(images=("debian", "almalinux"))
    stage.host_up()
    for nick in ("alice", "bob"):
        stage.talk(nick, "!lab almalinux")
    stage.hosts_work()
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!done")
    stage.wait(hours=5)
    assert [stage.name_of(lease.person_id) for lease in stage.leases()] == ["alice"]
    assert stage.talk("alice", "!lab extend") == [f"alice: {NOT_NEEDED}"]


def test_extend_is_not_needed_in_a_class(stage: Stage) -> None:
    """Whoever asks hears why not, and nothing changes; after the class it works as ever."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start")
    stage.wait(hours=3)
    before = stage.dump()
    assert stage.talk("alice", "!lab extend") == [f"alice: {NOT_NEEDED}"]
    assert stage.dump() == before
    ends(stage)
    assert stage.talk("alice", "!lab extend") == ["your debian lab is yours for 4 h from now"]


def test_the_end_of_a_class_survives_a_restart(stage: Stage) -> None:
    """Killed between the end of the class and the next look at leases: nobody loses the half hour."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start")
    stage.wait(hours=5)
    ends(stage)
    stage.restart()
    stage.host_up()
    stage.wait(minutes=10)
    (lease,) = stage.leases()
    assert lease.expires_at == START + timedelta(hours=5, minutes=30)
    assert stage.whisper("alice", "lab")[0].endswith("20 min left")


def test_a_warning_before_the_class_is_given_again_after_it(stage: Stage) -> None:
    """Who was warned, stayed for the class and has half an hour more is warned of that end too."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert "ends in 10 min" in stage.wait(hours=3, minutes=50)[0][1]
    stage.talk("russell", "!start")
    assert stage.wait(hours=1) == []
    ends(stage)
    stage.wait(seconds=2)
    assert stage.wait(minutes=20)[0][1].startswith("your debian lab ends in 10 min")


def test_a_class_that_nobody_ends(stage: Stage) -> None:
    """After twelve hours it counts as over: leases have their half hour and a warning, then they end."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start")
    assert stage.wait(hours=11, minutes=59) == []
    assert stage.wait(minutes=2) == [] and len(stage.leases()) == 1
    assert "!lab extend" in stage.wait(minutes=20)[0][1]
    stage.wait(minutes=10)
    assert stage.leases() == []


def test_an_exercise_that_is_broken_meanwhile(stage: Stage) -> None:
    """A fault in the exercise's files during the class takes nobody's lab away."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start")
    stage.wait(seconds=2)
    (stage.folder / "exercises" / "selinux" / "index.json").write_text("{")
    for _ in range(10):
        stage.wait(hours=1)
    assert len(stage.leases()) == 1


# -- the rule alone ----------------------------------------------------------------------------------

moment = st.integers(0, 48 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
LEASE = Lease(1, 7, "debian", Mode.ENFORCING, "lab", None, "", START, START, None, None, "")
lessons = st.lists(
    st.builds(
        lambda people, image, start, length: ClassWindow(
            frozenset(people), image, start, None if length is None else start + timedelta(minutes=length)
        ),
        st.sets(st.integers(6, 8)),
        st.sampled_from(["", "debian", "centos"]),
        moment,
        st.one_of(st.none(), st.integers(0, 24 * 60)),
    ),
    max_size=4,
)


@given(lessons=lessons, expires=moment, now=moment)
def test_what_a_class_gives(lessons: list[ClassWindow], expires: datetime, now: datetime) -> None:
    """Never less than the lease's own time; half an hour after each class of it that is over; held while one runs."""
    lessons = [lesson for lesson in lessons if lesson.started_at <= now and (lesson.ended_at or now) <= now]
    keeping, lease = ClassHold(lessons, GRACE, now), replace(LEASE, expires_at=expires)
    mine = [lesson for lesson in lessons if 7 in lesson.people or lesson.image == "debian"]
    assert keeping.held(lease) == any(lesson.ended_at is None and now < lesson.started_at + LONGEST for lesson in mine)
    at = keeping.ends_at(lease)
    assert at >= expires
    assert all(at >= lesson.ended_at + GRACE or lesson.ended_at + GRACE <= now for lesson in mine if lesson.ended_at)
    assert keeping.left(lease).endswith((" left", "yours until 30 min after the class"))


# -- whatever happens in a class -----------------------------------------------------------------------


class InClass(RuleBasedStateMachine):
    """People ask, take part, extend; classes begin and end; the bot is killed; time passes.  Nobody gives a lab back, so
    leases end by their time alone."""

    @initialize(runs=st.booleans(), image=st.sampled_from(["debian", "almalinux"]))
    def begin(self, runs: bool, image: str) -> None:
        logging.disable(logging.CRITICAL)
        self.folder = Path(tempfile.mkdtemp(prefix="terms"))
        self.stage = Stage(self.folder, images=("debian", "almalinux"))
        self.stage.host_up()
        self.kept: dict[int, datetime] = {}  # lease -> before this it must not end, for a class that is over
        if runs:
            self.class_begins()
        self.ask("alice", image)

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)
        if hasattr(self, "stage"):
            self.stage.store.close()
            shutil.rmtree(self.folder)

    def held(self) -> tuple[dict[int, str], datetime | None]:
        """Lease -> nick, of those that the class holds; when it began, None where none runs."""
        with self.stage.store.transaction():
            run = self.stage.store.classes.in_channel(CHANNEL)
            if run is None:
                return {}, None
            people = {row.person_id for row in self.stage.store.classes.attendance.all(class_id=run.id)}
            return {
                lease.id: self.stage.store.people.get(lease.person_id).nick
                for lease in self.stage.store.leases.open()
                if lease.person_id in people or lease.image == "debian"
            }, run.started_at

    who = st.sampled_from(["alice", "bob"])

    @rule(who=who, image=st.sampled_from(["debian", "almalinux"]))
    def ask(self, who: str, image: str) -> None:
        self.stage.talk(who, f"!lab {image}")
        self.stage.hosts_work()

    @rule(who=who, what=st.sampled_from(["done", "stuck", "lab extend"]))
    def say(self, who: str, what: str) -> None:
        self.stage.talk(who, f"!{what}")

    @rule()
    def class_begins(self) -> None:
        self.stage.talk("russell", "!start")

    @rule()
    def class_ends(self) -> None:
        held, started_at = self.held()
        ends(self.stage)
        if started_at is not None:
            self.kept |= dict.fromkeys(held, self.stage.now + GRACE)

    @rule()
    def kill(self) -> None:
        self.stage.restart()
        self.stage.host_up()

    @rule(minutes=st.sampled_from([1, 29, 100, 250]))
    def wait(self, minutes: int) -> None:
        """Whoever is in a class before time passes has the lab afterwards, and heard nothing of its end."""
        held, started_at = self.held()
        until = self.stage.now + timedelta(minutes=minutes)
        said = self.stage.wait(minutes=minutes)
        if started_at is not None and until < started_at + LONGEST:
            assert held.keys() <= {lease.id for lease in self.stage.leases()}, "a lease of somebody in a class ended"
            assert not [text for nick, text in said if nick in held.values() and "ends in" in text], "warned in a class"

    @invariant()
    def after_a_class_there_is_time(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.stage.wait(seconds=0)
        there = {lease.id: lease.expires_at for lease in self.stage.leases()}
        running = self.held()[0]
        for id, until in self.kept.items():
            if self.stage.now < until:
                assert id in there and (there[id] >= until or id in running), "the time after a class was cut"


TestInClass = InClass.TestCase
TestInClass.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


@pytest.mark.parametrize("warned", [False, True])
def test_two_classes_one_after_the_other(stage: Stage, warned: bool) -> None:
    """The second class holds what the first one held."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    if warned:
        stage.wait(hours=3, minutes=50)
    stage.talk("russell", "!start")
    stage.wait(hours=4)
    ends(stage)
    stage.wait(minutes=29)
    stage.talk("russell", "!start")
    assert stage.wait(hours=3) == [] and len(stage.leases()) == 1
