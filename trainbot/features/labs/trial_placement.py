"""Tries where labs would go, time and again on the same hosts.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trainbot.features.labs.placement import HostRoom, Need


class TrialPlacement:
    """Places labs on hosts, and their nodes, as ``choose_machine`` does one by one: in a time that does not depend on how
    many of them there are."""

    def __init__(self, hosts: Iterable[HostRoom]) -> None:
        self._hosts = _Ranked(hosts)
        several = [host for host in self._hosts.rooms if host.nodes]
        self._nodes = {host.host: _Ranked(host.nodes) for host in several}
        self._machines = {node.host: (host, node) for host in several for node in host.nodes}
        self._more: dict[Need, Counter[str]] = {}
        self._on_nodes: dict[Need, Counter[str]] = {}

    def without_lab(self, needs: Sequence[Need], lost: str = "") -> int:
        """How many of these labs find no room if they are placed in this order, on other hosts (or nodes) than ``lost``."""
        if len(set(needs)) == 1:  # then the order of hosts does not matter
            return max(0, len(needs) - self._fit_without(lost, needs[0]))
        trial = _Trial(self._hosts, lost, self._nodes)
        if lost in self._machines:
            trial.lose(*self._machines[lost])
        return sum(not trial.place(need) for need in needs)

    def _fit_without(self, lost: str, need: Need) -> int:
        """How many more labs with that need fit, on other hosts (or nodes) than ``lost``."""
        more = self._fits(need)
        if lost not in self._machines:
            return more.total() - more[lost]
        host, node = self._machines[lost]
        left = self._on_nodes[need][host.host] - node.fits(need)
        seats = host.most - host.used + (node.used if node.up else 0)
        return more.total() - more[host.host] + max(0, min(left, seats))

    def _fits(self, need: Need) -> Counter[str]:
        if need not in self._more:
            self._more[need] = Counter({host.host: host.fits(need) for host in self._hosts.rooms})
            self._on_nodes[need] = Counter()
            for host, node in self._machines.values():
                self._on_nodes[need][host.host] += node.fits(need)
        return self._more[need]


class _Ranked:
    """Hosts, or the nodes of one, in the order in which they are chosen."""

    def __init__(self, rooms: Iterable[HostRoom]) -> None:
        self.rooms = sorted(rooms, key=lambda room: room.rank)
        self._open: dict[Need, list[HostRoom]] = {}

    def with_room(self, need: Need) -> list[HostRoom]:
        if need not in self._open:
            self._open[need] = [room for room in self.rooms if room.holds(need)]
        return self._open[need]


class _Trial:
    """One trial, of which the next sees nothing.  Hosts on which nothing was placed are looked at one after the other, as far
    as needed.  ``lost``: gets no labs; ``nodes``: of the hosts that have several."""

    def __init__(self, ranked: _Ranked, lost: str, nodes: Mapping[str, _Ranked]) -> None:
        self._ranked, self._lost, self._nodes = ranked, lost, nodes
        self._changed: dict[str, HostRoom] = {}
        self._inside: dict[str, _Trial] = {}
        self._passed: Counter[Need] = Counter()

    def lose(self, host: HostRoom, node: HostRoom) -> None:
        """That node of the host is the one that is lost."""
        if node.up:
            left = round(host.answering * len(host.nodes)) - 1
            self._changed[host.host] = replace(
                host,
                up=left > 0,
                used=host.used - node.used,
                free_mib=host.free_mib - node.free_mib,
                in_making=host.in_making - node.in_making,
                answering=left / len(host.nodes),
            )

    def place(self, need: Need) -> bool:
        """Whether there is room for another lab, which is there from now on."""
        best = self.emptiest(need)
        if best is None:
            return False
        if best.nodes:
            self._trial_inside(best).place(need)
            self._changed[best.host] = replace(best, used=best.used + 1, in_making=best.in_making + 1)
        else:
            self._changed[best.host] = best.with_one_more(need)
        return True

    def emptiest(self, need: Need) -> HostRoom | None:
        """Where the next lab with that need goes."""
        there = self._ranked.with_room(need)
        while self._passed[need] < len(there) and self._is_known(there[self._passed[need]]):
            self._passed[need] += 1  # it stays passed: a host only gets fuller
        found = [host for host in self._changed.values() if self._holds(host, need)]
        found += there[self._passed[need] : self._passed[need] + 1]
        return min(found, key=lambda host: host.rank, default=None)

    def _is_known(self, host: HostRoom) -> bool:
        return host.host in self._changed or host.host == self._lost

    def _holds(self, host: HostRoom, need: Need) -> bool:
        """As HostRoom.holds; what was placed on nodes is in the trials inside."""
        if not host.nodes:
            return host.holds(need)
        open_to_labs = host.up and not host.drained and host.used < host.most
        return open_to_labs and self._trial_inside(host).emptiest(need) is not None

    def _trial_inside(self, host: HostRoom) -> _Trial:
        if host.host not in self._inside:
            self._inside[host.host] = _Trial(self._nodes[host.host], self._lost, {})
        return self._inside[host.host]
