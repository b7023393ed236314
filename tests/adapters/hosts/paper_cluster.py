"""A host of several nodes, without machines: a driver that takes twelve calls at a time and keeps everything in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from trainbot.core.errors import BackendError, HostDown, NoSuchThing
from trainbot.model.host import ON, Domain, DomainState, HostReport, LabSpec, NodeReport

LAB_MIB = 384


@dataclass
class PaperNode:
    """``up``: it answers its host; labs on it run on, whether it does or not."""

    name: str
    up: bool = True
    memory_mib: int = 8192
    drained: bool = False


class PaperCluster:
    """``manager``: whether what manages the nodes answers.  ``forgets``: labs on nodes that do not answer are left out of
    reports, otherwise they are in them as they were last known."""

    at_once = 12
    shared = False

    def __init__(self, name: str, nodes: Iterable[str] = ("n1", "n2", "n3")) -> None:
        self.name = name
        self.nodes = {node: PaperNode(node) for node in nodes}
        self.domains: dict[str, Domain] = {}
        self.manager, self.forgets = True, False
        self.changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._addresses = 1

    # -- what happens to it

    def dies(self, node: str) -> None:
        self.nodes[node].up = False

    def returns(self, node: str) -> None:
        self.nodes[node].up = True

    def moves(self, lab: str, node: str, state: DomainState = DomainState.RUNNING) -> None:
        """An operator moves the lab, with all that is in it."""
        self.domains[lab] = replace(self.domains[lab], node=node, state=state)
        self.changed()

    def tells(self, domain: Domain) -> bool:
        """Whether a report has it."""
        return domain.node not in self.nodes or self.nodes[domain.node].up or not self.forgets

    def on(self, node: str) -> list[str]:
        return sorted(id for id, domain in self.domains.items() if domain.node == node)

    # -- what a driver does (trainbot.model.host.HostDriver)

    def open(self) -> None:
        self._answers()

    def close(self) -> None:
        pass

    def claims(self) -> list[str]:
        return []

    def signs(self) -> frozenset[str]:
        return frozenset()

    def take(self) -> list[str]:
        return []

    def ping(self) -> None:
        self._answers()

    def report(self) -> HostReport:
        with self._lock:
            self._answers()
            told = [domain for domain in self.domains.values() if self.tells(domain)]
            parts = tuple(self._part(node) for node in self.nodes.values())
            up = [part for part in parts if part.up]
            return HostReport(
                self.name,
                tuple(sorted(told, key=lambda domain: domain.name)),
                sum(part.memory_mib for part in up),
                sum(part.free_mib for part in up),
                sum(part.cpus for part in up),
                "paper",
                parts=parts,
            )

    def _part(self, node: PaperNode) -> NodeReport:
        if not node.up:
            return NodeReport(node.name, False, drained=node.drained)
        running = [domain for domain in self.domains.values() if domain.node == node.name and domain.state in ON]
        free = node.memory_mib - LAB_MIB * len(running)
        return NodeReport(node.name, True, free, len(running), node.memory_mib, 4, drained=node.drained)

    def make(self, spec: LabSpec) -> Domain:
        with self._lock:
            self._answers()
            there = self.domains.get(spec.id)
            node = there.node if there is not None else spec.node
            if node not in self.nodes or not self.nodes[node].up:
                raise BackendError(f"node {node} does not answer")
            if there is None:
                self._addresses += 1
                there = Domain(spec.id, spec.name, DomainState.OFF, (f"10.77.0.{self._addresses}", 22), node=node)
            self.domains[spec.id] = replace(there, state=DomainState.RUNNING)
            return self.domains[spec.id]

    reset = snapshot = rollback = make

    def reboot(self, id: str) -> None:
        with self._lock:
            self._find(id)

    pause = resume = reboot

    def destroy(self, id: str) -> None:
        with self._lock:
            self._answers()
            if id in self.domains:
                self._find(id)
                del self.domains[id]

    def _find(self, id: str) -> Domain:
        self._answers()
        if id not in self.domains:
            raise NoSuchThing(f"{self.name} does not have this lab ({id})")
        if not self.nodes[self.domains[id].node].up:
            raise BackendError(f"node {self.domains[id].node} does not answer")
        return self.domains[id]

    def _answers(self) -> None:
        if not self.manager:
            raise HostDown(f"{self.name} does not answer")
