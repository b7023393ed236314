"""What the bot knows about a host now."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trainbot.core.text import one_line
from trainbot.model.host import Domain, HostConfig, HostReport, NodeReport

log = logging.getLogger(__name__)
NOT_YET = "not reached yet"


@dataclass
class Watch:
    """A host of which something is missed.  ``silence``: for how many seconds neither its sshd nor its labs have answered,
    while other hosts were heard; ``alone``: for how many none was heard; ``others``: the signs of life of other hosts
    until the last probe."""

    silence: float = 0.0
    alone: float = 0.0
    others: int = 0
    greetings: int = 0  # answers of its sshd in a row, and of nothing else: it is overloaded
    listen_at: datetime | None = None  # when to probe it next; None during a probe


@dataclass
class HostView:
    """What we last heard of a host, or of one of its nodes, which is called HOST/NODE.  ``io_wait`` and ``clock_off`` as in
    HostStatus.  ``drained``: no new labs there.  ``nodes``: its nodes by name, if it has several; ``whole``: of a node, its
    host.  ``up`` of such a host says whether whoever manages its nodes answers."""

    config: HostConfig
    up: bool = False
    report: HostReport | None = None
    trouble: str = NOT_YET
    down_since: datetime | None = None
    lost: bool = False  # given up: its people have been moved elsewhere
    watch: Watch | None = None  # while something of it is missed
    signs: int = 0  # how often it has answered anything
    io_wait: float | None = None
    clock_off: float | None = None
    drained: bool = False
    last_trouble: str = ""
    last_trouble_at: datetime | None = None
    nodes: dict[str, HostView] = field(default_factory=dict)
    whole: HostView | None = field(default=None, repr=False, compare=False)
    refused: bool = False  # NodeReport.drained

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def machines(self) -> Sequence[HostView]:
        """What can be lost by itself: its nodes, or the host."""
        return tuple(self.nodes.values()) or (self,)

    @property
    def closed(self) -> bool:
        """Whether it gets no new labs: it or its host is drained, or whoever runs the host wants none on this node."""
        return self.drained or self.refused or (self.whole is not None and self.whole.drained)

    def know_nodes(self, names: Iterable[str], drained: Container[str]) -> None:
        """Its nodes are these and no others.  ``drained``: the names of drained hosts and nodes."""
        found = {}
        for name in sorted(names):
            config = self.config.at_node(name)
            if config is None:
                continue
            found[name] = self.nodes.get(name) or HostView(config, drained=config.name in drained, whole=self)
        self.nodes = found

    def answers_with(self, report: HostReport, drained: Container[str], now: datetime) -> None:
        """Its libvirt, or whoever manages its nodes, has answered with that report about all of it."""
        self.is_up(report)
        self.know_nodes((part.name for part in report.parts), drained)
        on_nodes: defaultdict[str, list[Domain]] = defaultdict(list)
        for domain in report.domains if report.parts else ():
            on_nodes[domain.node].append(domain)
        for part in report.parts:
            node = self.nodes.get(part.name)
            if node is None:
                self.troubled(f'no node can be called "{one_line(part.name, 40)}"', now)
                continue
            node.refused = part.drained
            if part.up:
                node.is_up(_of_node(node.name, part, report, on_nodes[part.name]))
            else:
                node.is_down(f"{self.name} cannot reach it", now)

    def is_up(self, report: HostReport) -> None:
        """It has answered."""
        self.up, self.report, self.trouble, self.down_since = True, report, "", None

    def is_down(self, reason: str, now: datetime) -> None:
        """It (or what manages it) does not answer."""
        self.down_since = self.down_since or now
        if self.up:
            log.warning("host %s does not answer: %s", self.name, reason)
            self.troubled(f"did not answer: {reason}", now)
        self.up, self.trouble = False, reason

    @property
    def unheard(self) -> bool:
        """Whether we have only just started and the host has not had time to answer."""
        return not self.up and self.report is None and self.trouble == NOT_YET

    @property
    def answers(self) -> bool:
        """Whether something of it answered the last time."""
        if self.watch is None:
            return self.up
        return self.watch.listen_at is not None and not self.watch.silence

    @property
    def has_ssh(self) -> bool:
        """Whether its labs have ssh: domains of libvirt's test driver run nothing."""
        return not self.config.uri.startswith("test")

    def clock_stepped(self, by: timedelta) -> None:
        self.down_since, self.last_trouble_at = (
            None if at is None else at + by for at in (self.down_since, self.last_trouble_at)
        )
        if self.watch is not None and self.watch.listen_at is not None:
            self.watch.listen_at += by

    def troubled(self, text: str, now: datetime) -> None:
        """Records the latest problem with the host, for organisers."""
        self.last_trouble, self.last_trouble_at = text, now


def _of_node(name: str, part: NodeReport, report: HostReport, domains: Iterable[Domain]) -> HostReport:
    return HostReport(
        name,
        tuple(domains),
        part.memory_mib,
        part.free_mib,
        part.cpus,
        report.hypervisor,
        part.disk_mib,
        part.disk_free_mib,
        report.images if part.images is None else part.images,
    )
