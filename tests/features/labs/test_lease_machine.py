"""Labs and leases through whatever order of events: the promises that hold after each, and when all has settled."""

from __future__ import annotations

import itertools
import logging
import shutil
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.stage import CHANNEL, Stage
from trainbot.features.labs import scheduler
from trainbot.model.host import Domain, DomainState, HostLost, HostWorkDone
from trainbot.model.lab import LabState
from trainbot.model.lab_events import (
    CheckLogin,
    HostProbed,
    HostWork,
    LabBooted,
    LabRoute,
    LoginChecked,
    Probe,
    ProbeHost,
)

PEOPLE = ("alice", "bob", "carol", "stranger")
HOSTS = ("xen1", "xen2")
who = st.sampled_from(PEOPLE)
where = st.sampled_from(HOSTS)


class Leases(RuleBasedStateMachine):
    """Two hosts of two labs each; anything may fail, come late, come twice, or vanish; the bot may be killed."""

    @initialize(
        spare=st.integers(0, 2), uri=st.sampled_from(["xen:///system", "qemu:///embed?root=/r", "test:///default"])
    )
    def begin(self, spare: int, uri: str) -> None:
        logging.disable(logging.CRITICAL)
        numbers = itertools.count(1)  # in order, so that hypothesis can repeat what it found
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(scheduler, "uuid", SimpleNamespace(uuid4=lambda: uuid.UUID(int=next(numbers))))
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        self.stage = Stage(self.folder, labs=2, spare=spare, require_account="no", uri=uri)
        first = self.stage.config.hosts[0]
        self.stage.config = replace(self.stage.config, hosts=(first, replace(first, name="xen2")))
        self.stage.hosts["xen2"] = {}
        self.stage.store.close()
        self.stage.restart()
        self.old: list[HostWorkDone | LabBooted] = []  # to be repeated later
        self.up: set[str] = set()
        self.runs = itertools.count(1)  # as Xen numbers domains
        self.had: set[int] = set()  # leases that were ever open

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)
        if hasattr(self, "stage"):
            self.patch.undo()
            self.stage.store.close()
            shutil.rmtree(self.folder)

    # -- people ------------------------------------------------------------------------------------

    @rule(who=who, mode=st.sampled_from(["", " permissive"]))
    def ask(self, who: str, mode: str) -> None:
        said = self.stage.hear(who, f"!lab debian{mode}")
        answer, *command = said
        assert answer[0] in (who, CHANNEL)
        assert [(to, line[:4]) for to, line in command] == [(who, "ssh ")] * ("password " in answer[1])

    @rule(who=who)
    def give_back(self, who: str) -> None:
        self.stage.talk(who, "!lab return")
        self.stage.talk(who, "!yes")

    @rule(who=who, action=st.sampled_from(["reboot", "reset", "extend", "snapshot", "rollback"]))
    def do(self, who: str, action: str) -> None:
        self.stage.talk(who, f"!lab {action}")
        self.stage.talk(who, "!yes")

    @rule(who=who, what=st.sampled_from(["lab for {} debian", "lab revoke {}"]))
    def an_organiser_decides(self, who: str, what: str) -> None:
        self.stage.whisper("olga", what.format(who))
        self.stage.whisper("olga", "!yes")

    @rule(minutes=st.sampled_from([0, 0, 1, 6, 60, 250]))
    def wait(self, minutes: int) -> None:
        self.stage.wait(minutes=minutes, seconds=5)

    # -- hosts -------------------------------------------------------------------------------------

    @rule(host=where, free=st.sampled_from([100, 500, 8192]))
    def host_up(self, host: str, free: int) -> None:
        self.up.add(host)
        self.stage.host_up(host, free)

    @rule(host=where, how=st.sampled_from(["drain {}", "drain {} now", "undrain {}"]))
    def drain(self, host: str, how: str) -> None:
        self.stage.whisper("olga", how.format(host))
        self.stage.whisper("olga", "!yes")

    @precondition(lambda self: any(self.stage.hosts.values()))
    @rule(data=st.data())
    def a_lab_reboots_itself(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from([name for name, domains in sorted(self.stage.hosts.items()) if domains]))
        id = data.draw(st.sampled_from(sorted(self.stage.hosts[host])))
        self.stage.hosts[host][id] = replace(self.stage.hosts[host][id], run=str(next(self.runs)))

    @rule(host=where)
    def host_down(self, host: str) -> None:
        self.up.discard(host)
        self.stage.happens(HostLost(host, "connection refused"))

    @precondition(lambda self: self.stage.began)
    @rule(data=st.data(), fate=st.sampled_from(["done", "done", "done", "failed", "down", "unheard"]))
    def work_ends(self, data: st.DataObject, fate: str) -> None:
        """Any of what is under way, in any order."""
        item = self.stage.began.pop(data.draw(st.integers(0, len(self.stage.began) - 1)))
        if isinstance(item, Probe):
            if fate == "done":
                self.tell(LabBooted(item.lab))
            return
        if isinstance(item, CheckLogin):
            self.tell(LoginChecked(item.lab, "no ssh" if fate == "failed" else ""))
            return
        if isinstance(item, ProbeHost):
            self.tell(HostProbed(item.host, fate == "failed"))
            return
        if fate in ("done", "unheard"):
            self.carry_out(item)
        error = {"failed": "not enough memory", "down": "no answer"}.get(fate)
        if fate != "unheard":
            domain = self.stage.hosts[item.host].get(item.lab)
            self.tell(HostWorkDone(item.host, item.lab, item.action, domain, error, fate == "down"))

    def carry_out(self, item: HostWork) -> None:
        domains = self.stage.hosts[item.host]
        if item.action == "destroy":
            domains.pop(item.lab, None)
        elif item.spec is not None and item.action != "reboot":
            running = item.lab in domains and domains[item.lab].state is DomainState.RUNNING and item.action == "make"
            run = domains[item.lab].run if running else str(next(self.runs))
            domains[item.lab] = Domain(item.lab, item.spec.name, DomainState.RUNNING, ("127.0.0.1", 20000), run)
        elif item.lab in domains:  # rebooted
            domains[item.lab] = replace(domains[item.lab], state=DomainState.RUNNING, run=str(next(self.runs)))

    def tell(self, event: HostWorkDone | LabBooted | HostProbed) -> None:
        self.old.append(event)
        self.stage.happens(event)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def an_event_comes_again(self, data: st.DataObject) -> None:
        self.stage.happens(data.draw(st.sampled_from(self.old)))

    @precondition(lambda self: any(self.stage.hosts.values()))
    @rule(data=st.data(), gone=st.booleans())
    def a_domain_vanishes_or_stops(self, data: st.DataObject, gone: bool) -> None:
        host = data.draw(st.sampled_from([name for name, domains in sorted(self.stage.hosts.items()) if domains]))
        domains = self.stage.hosts[host]
        id = data.draw(st.sampled_from(sorted(domains)))
        if gone:
            del domains[id]
        else:
            domains[id] = replace(domains[id], state=DomainState.OFF)

    @rule()
    def kill_the_bot(self) -> None:
        """kill -9, and a start: hosts have not answered yet, what was under way is forgotten."""
        self.stage.restart()
        self.up.clear()

    # -- promises ----------------------------------------------------------------------------------

    @invariant()
    def nobody_has_anothers(self) -> None:
        if not hasattr(self, "stage"):
            return
        with self.stage.store.transaction():
            leases, labs = self.stage.store.leases.all(), self.stage.store.labs.present()
        open_leases = [lease for lease in leases if lease.ended_at is None]
        held = [lease.lab_id for lease in open_leases if lease.lab_id is not None]
        assert len(held) == len(set(held)), "two leases on one lab"
        people = [lease.person_id for lease in open_leases]
        assert len(people) == len(set(people)), "somebody has more than per_person"
        state = {lab.id: lab.state for lab in labs}
        assert all(state.get(id) not in (None, LabState.ENDING) for id in held), "a lease on a lab that goes"
        for host in HOSTS:
            there = [lab for lab in labs if lab.host == host]
            assert len(there) <= 2, "more labs than the host may have"
            assert len({lab.slot for lab in there}) == len(there) or {lab.slot for lab in there} == {0}, (
                "one seat for two"
            )
        ids = {lease.id for lease in leases}
        assert self.had <= ids, "a lease is gone"
        self.had = ids
        assert all(
            lease.ended_why in ("returned", "expired", "revoked")
            for lease in leases
            if lease.ended_at is not None and not lease.rehearsal
        )

    def settle(self) -> None:
        for host in HOSTS:
            self.stage.whisper("olga", f"undrain {host}")
        for _ in range(12):
            for host in HOSTS:
                self.stage.host_up(host)
            self.stage.wait(seconds=61)
            self.stage.hosts_work()

    @rule()
    def all_settles(self) -> None:
        """Hosts answer again and do their work: whoever waits has a lab where there is room, and hosts hold
        what the rows say."""
        self.stage.began = [
            item for item in self.stage.began if isinstance(item, Probe | CheckLogin) or item.host in self.up
        ]
        self.finish_what_is_lost()
        self.settle()
        self.up = set(HOSTS)
        with self.stage.store.transaction():
            leases, labs = self.stage.store.leases.open(), self.stage.store.labs.present()
        waiting = [lease for lease in leases if lease.lab_id is None]
        left = {
            lab.id for lab in labs if lab.state is LabState.LEFT
        }  # kept for whoever was moved, on a seat of its own
        assert left <= {lease.left_id for lease in leases}, "an old lab that nobody can reach"
        assert len(waiting) == max(0, len(leases) - (4 - len(left))), (waiting, labs)
        assert {lab.state for lab in labs} <= {LabState.READY, LabState.LEFT}, labs
        for host in HOSTS:
            assert set(self.stage.hosts[host]) == {lab.id for lab in labs if lab.host == host}
            assert all(domain.state is DomainState.RUNNING for domain in self.stage.hosts[host].values())

    @staticmethod
    def name_of(item: HostWork | Probe | CheckLogin) -> str:
        return item.action if isinstance(item, HostWork) else type(item).__name__.lower()

    def finish_what_is_lost(self) -> None:
        """A worker says how each of its actions ended, sooner or later: at the latest, that the host was down."""
        listed = {(item.lab, self.name_of(item)) for item in self.stage.began if not isinstance(item, ProbeHost)}
        for lab, action in list(self.stage.wiring.scheduler.busy.items()):
            if (lab, action) in listed:
                continue
            if action in ("probe", "check"):
                self.stage.began.append((Probe if action == "probe" else CheckLogin)(lab, LabRoute("127.0.0.1", 20000)))
            else:
                for host in HOSTS:
                    self.stage.happens(HostWorkDone(host, lab, action, None, "no answer", True))


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
