"""Labs on a host of three nodes through whatever order of events: nodes that die and return, operators who move labs, a
manager that is away, a bot that is killed."""

from __future__ import annotations

import itertools
import logging
import shutil
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.features.labs.node_stage import NodeStage
from trainbot.features.labs import scheduler
from trainbot.model.host import DomainState, HostLost
from trainbot.model.lab import ALIVE, LabState
from trainbot.model.lab_events import HostWork

PEOPLE, NODES = ("alice", "bob", "carol", "olga"), ("n1", "n2", "n3")
who, where = st.sampled_from(PEOPLE), st.sampled_from(NODES)


class Nodes(RuleBasedStateMachine):
    """What an action destroys was nobody's; every way leads through the door of the node where the lab is."""

    @initialize(spare=st.integers(0, 2), forgets=st.booleans())
    def begin(self, spare: int, forgets: bool) -> None:
        logging.disable(logging.CRITICAL)
        numbers = itertools.count(1)  # in order, so that hypothesis can repeat what it found
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(scheduler, "uuid", SimpleNamespace(uuid4=lambda: uuid.UUID(int=next(numbers))))
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        self.stage = NodeStage(self.folder, labs=12, spare=spare)
        self.stage.pool.forgets = forgets
        self.stage.reads()

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)
        if hasattr(self, "stage"):
            self.patch.undo()
            self.stage.store.close()
            shutil.rmtree(self.folder)

    # -- people and operators ------------------------------------------------------------------------

    @rule(nick=who)
    def asks(self, nick: str) -> None:
        self.stage.talk(nick, "!lab debian")

    @rule(nick=who, what=st.sampled_from(["return", "reboot", "reset"]))
    def does(self, nick: str, what: str) -> None:
        self.stage.talk(nick, f"!lab {what}")
        self.stage.talk(nick, "!yes")

    @rule(node=where, do=st.sampled_from(["drain", "undrain"]), now=st.booleans())
    def drains(self, node: str, do: str, now: bool) -> None:
        self.stage.whisper("olga", f"{do} pool/{node}" + (" now" if now and do == "drain" else ""))
        self.stage.whisper("olga", "yes")

    @rule(number=st.integers(0, 9), node=where, off=st.booleans())
    def is_moved(self, number: int, node: str, off: bool) -> None:
        """Also from a node that is dead, or to one that dies just then."""
        ids = sorted(self.stage.pool.domains)
        if ids:
            self.stage.pool.moves(ids[number % len(ids)], node, DomainState.OFF if off else DomainState.RUNNING)

    # -- machines ------------------------------------------------------------------------------------

    @rule(node=where)
    def dies(self, node: str) -> None:
        self.stage.pool.dies(node)

    @rule(node=where)
    def returns(self, node: str) -> None:
        self.stage.pool.returns(node)

    @rule()
    def manager_goes(self) -> None:
        self.stage.pool.manager = False
        self.stage.happens(HostLost("pool", "refused"))

    @rule()
    def is_read(self) -> None:
        self.stage.pool.manager = True
        self.stage.reads()
        there = {id: domain.node for id, domain in self.stage.pool.domains.items() if self.stage.pool.tells(domain)}
        with self.stage.store.transaction():
            rows = {lab.id: lab.node for lab in self.stage.store.labs.present()}
        assert {id: node for id, node in there.items() if id in rows} == {id: rows[id] for id in there if id in rows}

    @rule(seconds=st.integers(1, 9))
    def time_passes(self, seconds: int) -> None:
        """Nodes that are dead say nothing, all others do."""
        silent = [f"pool/{name}" for name, node in self.stage.pool.nodes.items() if not node.up]
        self.stage.listens(*silent, seconds=seconds)

    @rule(number=st.integers(0, 5))
    def work_is_done(self, number: int) -> None:
        """Some of it, the rest later."""
        later, self.stage.began = self.stage.began[number:], self.stage.began[:number]
        for item in self.stage.began:
            if isinstance(item, HostWork) and item.action == "destroy":
                assert item.lab not in {lease.lab_id for lease in self.stage.leases()}, "somebody's lab"
        self.stage.hosts_work()
        self.stage.began += later

    @rule()
    def bot_is_killed(self) -> None:
        self.stage.restart()

    # -- what holds ----------------------------------------------------------------------------------

    @invariant()
    def ways_lead_to_the_node(self) -> None:
        if not hasattr(self, "stage"):
            return
        with self.stage.store.transaction():
            labs = {lab.id: lab for lab in self.stage.store.labs.present()}
        for route in self.stage.routes():
            if route.endpoint is not None:
                assert route.via == f"trainbot-door@{labs[route.lab].node}:22"
        held = [lease.lab_id for lease in self.stage.leases() if lease.lab_id is not None]
        assert len(held) == len(set(held)) and all(labs[id].state in ALIVE for id in held)
        assert all(lab.node in NODES for lab in labs.values())

    @rule()
    def all_is_well_in_the_end(self) -> None:
        """When everything answers and there is nothing left to do."""
        pool = self.stage.pool
        pool.manager = True
        for node in NODES:
            pool.returns(node)
            self.stage.whisper("olga", f"undrain pool/{node}")
        self.stage.restart()
        for _ in range(8):
            self.stage.reads()
            self.stage.hosts_work()
            self.stage.wait(seconds=70)
            self.stage.hosts_work()
        with self.stage.store.transaction():
            labs, leases = self.stage.store.labs.present(), self.stage.store.leases.open()
        assert all(lease.lab_id is not None for lease in leases)
        assert {lab.state for lab in labs} <= {LabState.READY, LabState.LEFT}, labs
        left = {lab.id for lab in labs if lab.state is LabState.LEFT}
        assert left <= {lease.left_id for lease in leases}, "an old lab that nobody can reach"
        assert {lab.id: lab.node for lab in labs} == {id: domain.node for id, domain in pool.domains.items()}
        assert all(domain.state is DomainState.RUNNING for domain in pool.domains.values())


TestNodes = Nodes.TestCase
TestNodes.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
