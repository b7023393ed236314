"""The hour around the start of a class through whatever order of events: nobody has two labs, nobody is forgotten."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stage import START, Stage
from trainbot.features.labs.early_handout import GIVEN_UP
from trainbot.model.host import HostLost
from trainbot.model.lab_events import HostProbed, ProbeHost

COURSE = """
[[session]]
id = "a"
title = "SE Linux"
exercise = "selinux"
zone = "UTC"
start = 2026-11-27T09:00:00
seats = 4
"""
BEGINS = START + timedelta(hours=1)
PEOPLE = ("alice", "bob", "carol", "dora", "emil")
who = st.sampled_from(PEOPLE)


class BeforeClass(RuleBasedStateMachine):
    """Five people, four seats, two hosts with room for everybody on each; the bot may be killed at any time."""

    @initialize(first=st.integers(0, 4))
    def begin(self, first: int) -> None:
        logging.disable(logging.CRITICAL)
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        self.stage = Stage(self.folder, labs=6, hosts=("xen1", "xen2"))
        for nick in ("dora", "emil"):
            self.stage.join(nick, account=nick)
        self.stage.schedule("course.toml", COURSE)
        self.stage.wait(seconds=2), self.stage.wait(seconds=2)
        for host in self.stage.hosts:
            self.stage.host_up(host)
        for nick in PEOPLE[:first]:
            self.stage.talk(nick, "!signup 1")
        self.up = set(self.stage.hosts)
        self.returned: set[str] = set()
        self.stage.now = BEGINS - timedelta(minutes=41)

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)
        if hasattr(self, "stage"):
            self.stage.store.close()
            shutil.rmtree(self.folder)

    @rule(minutes=st.sampled_from([0.05, 0.5, 1, 3, 8]))
    def time_passes(self, minutes: float) -> None:
        self.stage.wait(minutes=minutes)
        for item in [item for item in self.stage.began if isinstance(item, ProbeHost)]:
            self.stage.happens(HostProbed(item.host, False))

    @rule()
    def hosts_work(self) -> None:
        self.stage.hosts_work()

    @rule(who=who, what=st.sampled_from(["!signup 1", "!signup drop", "!lab debian"]))
    def say(self, who: str, what: str) -> None:
        if who in self.stage.net.people:
            self.stage.hear(who, what)

    @rule(who=who)
    def give_back(self, who: str) -> None:
        if who in self.stage.net.people:
            self.stage.talk(who, "!lab return")
            if "you gave back" in " ".join(self.stage.talk(who, "!yes")):
                self.returned.add(who)

    @rule(who=who)
    def go_or_come(self, who: str) -> None:
        if who in self.stage.net.people:
            self.stage.leave(who)
        else:
            self.stage.join(who, account=who)

    @rule(host=st.sampled_from(["xen1", "xen2"]))
    def host_goes_or_comes(self, host: str) -> None:
        if host in self.up and len(self.up) > 1:
            self.stage.happens(HostLost(host, "unplugged"))
            self.up.remove(host)
        else:
            self.stage.host_up(host)
            self.up.add(host)

    @rule()
    def kill_the_bot(self) -> None:
        self.stage.restart()
        for host in self.up:
            self.stage.host_up(host)

    @invariant()
    def nobody_has_two(self) -> None:
        if not hasattr(self, "stage"):
            return
        with self.stage.store.transaction():
            leases, taken = self.stage.store.leases.all(), self.stage.store.sessions.signups.count(waiting=False)
        assert max(Counter(lease.person_id for lease in leases if lease.ended_at is None).values(), default=0) <= 1
        seats = Counter(lease.person_id for lease in leases if lease.session and lease.ended_why != GIVEN_UP)
        assert max(seats.values(), default=0) <= 1, "two labs for one seat"
        assert taken <= 4

    @rule()
    def the_class_begins(self) -> None:
        """All is well again, and time goes on to the start: whoever is here and has a seat has a lab."""
        for host in ("xen1", "xen2"):
            self.stage.host_up(host)
        self.up = {"xen1", "xen2"}
        while self.stage.now < BEGINS + timedelta(minutes=1):
            self.stage.wait(minutes=1), self.stage.hosts_work()
        if self.stage.now > BEGINS + timedelta(minutes=25):
            return
        for _ in range(6):
            self.stage.wait(minutes=1), self.stage.hosts_work()
        with self.stage.store.transaction():
            seated = {
                self.stage.store.people.get(row.person_id).nick
                for row in self.stage.store.sessions.signups.all(waiting=False)
            }
        has = {self.stage.name_of(lease.person_id) for lease in self.stage.leases() if lease.lab_id}
        here = seated & set(self.stage.net.people)
        assert here - self.returned <= has, "somebody is forgotten"
        held = [lease for lease in self.stage.leases() if lease.session]
        told = {self.stage.name_of(lease.person_id) for lease in held if lease.digest}
        assert {self.stage.name_of(lease.person_id) for lease in held} & here <= told, "somebody was not told"


TestBeforeClass = BeforeClass.TestCase
TestBeforeClass.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
