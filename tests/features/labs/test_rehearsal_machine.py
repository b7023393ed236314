"""Leases, hosts and a rehearsal through whatever order of events: a rehearsal never stands in anybody's way."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.features.labs.test_lease_machine import Leases, who
from trainbot.bot.control_requests import RehearsalAsked
from trainbot.model.lab import LabState


class Rehearsed(Leases):
    """The machine of leases, and somebody who rehearses in between."""

    token = ""

    def rehearse(self, **request: object) -> dict[str, object]:
        told: list[dict[str, object]] = []
        for answer in self.stage.turn(RehearsalAsked(dict(request), told.append)).answers:
            answer.give()
        return told[0]

    @rule(seats=st.integers(1, 5))
    def begin_one(self, seats: int) -> None:
        before = self.rehearsals()
        begun = self.rehearse(do="begin", exercise="selinux", seats=seats)
        assert ("error" in begun) == bool(before), begun
        self.token = str(begun.get("rehearsal", self.token))

    @rule()
    def look(self) -> None:
        assert "error" not in self.rehearse(do="look", rehearsal=self.token)
        assert "error" not in self.rehearse(do="loss", rehearsal=self.token)

    @rule(data=st.data())
    def work_in_some(self, data: st.DataObject) -> None:
        leases = self.rehearsals()
        if leases:
            seats = data.draw(st.lists(st.sampled_from(sorted(lease.id for lease in leases)), max_size=3))
            assert "error" not in self.rehearse(do="work", rehearsal=self.token, seats=seats)

    @rule()
    def end_it(self) -> None:
        assert "error" not in self.rehearse(do="end", rehearsal=self.token)

    @rule(who=who)
    def ask_while_seats_are_lent(self, who: str) -> None:
        """Where a rehearsal holds an untouched lab that is ready, whoever asks and waits for nobody has a ready one."""
        hosts, before = self.stage.wiring.scheduler.hosts, self.stage.leases()
        labs = {lab.id: lab for lab in self.stage.labs()}
        there = [labs[lease.lab_id] for lease in self.rehearsals() if lease.lent and lease.lab_id in labs]
        ready = any(lab.state is LabState.READY and hosts[lab.host].up and not hosts[lab.host].drained for lab in there)
        self.stage.hear(who, "!lab debian")
        new = [lease for lease in self.stage.leases() if lease.id not in {lease.id for lease in before}]
        if ready and new and all(lease.lab_id is not None for lease in before):
            assert {lab.id: lab.state for lab in self.stage.labs()}[new[0].lab_id] is LabState.READY

    def rehearsals(self) -> list:
        with self.stage.store.transaction():
            return self.stage.store.leases.rehearsals()

    @invariant()
    def nobody_hears_of_it(self) -> None:
        """No notice, and no place in a class, for a person of the rehearsal."""
        if not hasattr(self, "stage"):
            return
        with self.stage.store.transaction():
            nobody = {person.id for person in self.stage.store.people.all() if (person.account or "").startswith("(")}
            assert not [notice for notice in self.stage.store.notices.all() if notice.person_id in nobody]
            assert not [row for row in self.stage.store.classes.attendance.all() if row.person_id in nobody]

    def settle(self) -> None:
        """Nobody asks about it any more, so it ends by itself."""
        super().settle()
        assert self.rehearsals() == []
        assert all(route.name != "rehearsal 1" for route in self.stage.routes())


TestRehearsed = Rehearsed.TestCase
TestRehearsed.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
