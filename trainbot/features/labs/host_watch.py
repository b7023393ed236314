"""Watches hosts of which something is missed, and decides which are lost.  Pure decisions: ``bot.workers.host_listener``
listens, and counts only time in which this process was awake.

Nothing that is merely late makes a host lost, and no time counts in which no other host was heard either: then the fault
may be on our side of the network, and nobody could move anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.features.labs.failover import Failover
from trainbot.features.labs.host_view import HostView, Watch
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.host import HostDoubted, HostLost, HostUp, HostWorkDone
from trainbot.model.lab import LabState
from trainbot.model.lab_events import HostProbed, LoginChecked, ProbeHost

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=3)  # until a host is probed again whose sshd or labs answered, but not its libvirt
SLOW = 3  # times ``lost_after``, for a machine that accepts connections to its sshd: it is not off
GREETINGS = 15  # answers of its sshd in a row, and of nothing else, after which organisers are told
HUSH = 2  # silence is counted from the start after this part of ``lost_after`` without any host
WITNESSES = 3  # other hosts that are asked at a time whether they answer


class HostWatch:
    """One method for each event that says something about a host, and ``tick``."""

    def __init__(self, scheduler: Scheduler, store: Store, failover: Failover) -> None:
        self.hosts, self.lost_after, self.failover = scheduler.hosts, scheduler.config.lost_after, failover
        self.labs = store.labs
        self._wanted: dict[str, ProbeHost] = {}
        self._alone_told = False

    # -- what is heard of a host ---------------------------------------------------------------------

    def lost_connection(self, event: HostLost, now: datetime) -> None:
        self._begin(event.name)

    def doubted(self, event: HostDoubted, now: datetime) -> None:
        log.debug("host %s: %s", event.name, event.reason)
        self._begin(event.name)

    def checked(self, event: LoginChecked, now: datetime) -> None:
        """A lab that nobody can log in to may be the first sign of its host's loss."""
        lab = self.labs.get(event.lab) if event.error else None
        if lab is not None and lab.host in self.hosts:
            self._begin(lab.host)

    def up(self, event: HostUp, now: datetime) -> None:
        self._answers(self.hosts[event.report.name], now)

    def worked(self, event: HostWorkDone, now: datetime) -> None:
        if not event.down and event.host in self.hosts:
            self._answers(self.hosts[event.host], now)

    def probed(self, event: HostProbed, now: datetime) -> None:
        """Handles one round of listening to a host."""
        view = self.hosts[event.host]
        alive = event.speaks or event.greets
        if alive:
            self._sign(view, now)
        watch = view.watch
        if watch is None:
            return
        if alive and view.up:
            view.watch = None  # its libvirt was only late
            return
        watch.listen_at = now + AGAIN  # unless it is probed at once
        if alive:
            watch.silence = watch.alone = 0.0
            watch.greetings = 0 if event.speaks else watch.greetings + 1
            if watch.greetings == GREETINGS:
                self.failover.overloaded(event.host, now)
            return
        watch.greetings = 0
        self._count(event, watch)
        if self._over(event, view, watch):
            self._give_up(view, now)
            return
        if timedelta(seconds=watch.alone) >= self.lost_after:
            self._alone(view, now)  # it is not urgent: nobody could move
        else:
            self._probe(event.host, watch, begins=False)

    def tick(self, now: datetime) -> None:
        for name, view in self.hosts.items():
            if not view.up and not view.unheard and view.down_since is None:
                view.down_since = now  # the turn in which it was lost could not be stored
            if view.watch is not None and view.watch.listen_at is not None and now >= view.watch.listen_at:
                self._probe(name, view.watch, begins=True)

    def work(self) -> list[ProbeHost]:
        """The hosts that have to be probed now."""
        wanted, self._wanted = self._wanted, {}
        return list(wanted.values())

    def forget(self, lost: Sequence[HostLost]) -> None:
        """Drops the last decisions, which could not be stored: the hosts that do not answer, and those ``lost`` in that
        turn, are watched from the start."""
        self._wanted.clear()
        for event in lost:
            if (view := self.hosts.get(event.name)) is not None:
                view.up, view.trouble = False, event.reason
        for name, view in self.hosts.items():
            if view.watch is not None or (not view.up and not view.unheard):
                view.lost, view.watch = False, None
                self._begin(name)

    # -- decisions -----------------------------------------------------------------------------------

    def _begin(self, name: str) -> None:
        view = self.hosts[name]
        if view.lost or view.watch is not None:
            return
        watch = Watch()
        self._probe(name, watch, begins=True)
        view.watch = watch

    def _probe(self, name: str, watch: Watch, *, begins: bool) -> None:
        """Has the host probed, and a few others, so that it is known whether we hear anybody."""
        self._wanted[name] = self._to(name, begins=begins)
        others = [other for other, view in self.hosts.items() if other != name and view.answers]
        others.sort(key=lambda other: self.hosts[other].signs, reverse=True)
        for other in others[:WITNESSES]:
            self._wanted.setdefault(other, self._to(other, begins=True))
        watch.listen_at, watch.others = None, self._heard_of_others(name)

    def _to(self, name: str, *, begins: bool) -> ProbeHost:
        view = self.hosts[name]
        ready = self.labs.all(host=name, state=LabState.READY) if view.has_ssh else ()
        endpoints = tuple(lab.endpoint for lab in ready if lab.endpoint is not None)
        return ProbeHost(name, endpoints, view.config.door, begins)

    def _heard_of_others(self, name: str) -> int:
        return sum(view.signs for other, view in self.hosts.items() if other != name)

    def _count(self, event: HostProbed, watch: Watch) -> None:
        hush = self.lost_after.total_seconds() / HUSH
        if not event.span:
            watch.silence = watch.alone = 0.0  # we were not awake
        elif self._heard_of_others(event.host) > watch.others:
            watch.silence = event.span + (watch.silence if watch.alone < hush else 0.0)
            watch.alone = 0.0
        else:
            watch.alone += event.span

    def _over(self, event: HostProbed, view: HostView, watch: Watch) -> bool:
        """Whether the host is lost: libvirt's connection has ended (or could never be opened, and there is an sshd that
        says as little), and everything was silent for long enough."""
        gone = not view.up and (view.down_since is not None or view.config.door != "")
        limit = self.lost_after * (SLOW if event.accepts else 1)
        return gone and timedelta(seconds=watch.silence) >= limit

    def _give_up(self, view: HostView, now: datetime) -> None:
        view.down_since = view.down_since or now
        self.failover.move(view.config.name, now)
        view.watch, view.lost = None, True

    def _sign(self, view: HostView, now: datetime) -> None:
        view.signs += 1
        if self._alone_told:
            self._alone_told = False
            self.failover.heard_again(view.config.name, now)

    def _answers(self, view: HostView, now: datetime) -> None:
        """Its libvirt has answered."""
        self._sign(view, now)
        if view.up:
            view.watch = None

    def _alone(self, view: HostView, now: datetime) -> None:
        """No host is heard at all."""
        if not self._alone_told and not view.up:
            self._alone_told = True
            self.failover.nobody_answers(now)
