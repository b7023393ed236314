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
from trainbot.model.host import HostDoubted, HostLost, HostUp, HostWorkDone, machine_name
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
    """One method for each event that says something about a host, and ``tick``.  The nodes of a host are watched one by
    one, each called HOST/NODE: what it has lost when its manager is silent, its nodes may still have."""

    def __init__(self, scheduler: Scheduler, store: Store, failover: Failover) -> None:
        self.scheduler, self.lost_after, self.failover = scheduler, scheduler.config.lost_after, failover
        self.labs = store.labs
        self._wanted: dict[str, ProbeHost] = {}
        self._alone_told = False

    # -- what is heard of a host ---------------------------------------------------------------------

    def lost_connection(self, event: HostLost, now: datetime) -> None:
        self._begin_all(event.name)

    def doubted(self, event: HostDoubted, now: datetime) -> None:
        log.debug("host %s: %s", event.name, event.reason)
        self._begin_all(event.name)

    def checked(self, event: LoginChecked, now: datetime) -> None:
        """A lab that nobody can log in to may be the first sign of its host's loss."""
        lab = self.labs.get(event.lab) if event.error else None
        if lab is not None and (view := self.scheduler.view(lab.machine)) is not None:
            self._begin(view)

    def up(self, event: HostUp, now: datetime) -> None:
        for view in self.scheduler.hosts[event.report.name].machines:
            if view.up:
                self._answers(view, now)
            else:
                self._begin(view)

    def worked(self, event: HostWorkDone, now: datetime) -> None:
        node = event.domain.node if event.domain is not None else ""
        view = None if event.down else self.scheduler.view(machine_name(event.host, node))
        if view is not None:
            self._answers(view, now)

    def probed(self, event: HostProbed, now: datetime) -> None:
        """Handles one round of listening to a host."""
        view = self.scheduler.view(event.host)
        if view is None:
            return  # a node that is no longer there
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
        self._count(event, view, watch)
        if self._over(event, view, watch):
            self._give_up(view, now)
            return
        if timedelta(seconds=watch.alone) >= self.lost_after:
            self._alone(view, now)  # it is not urgent: nobody could move
        else:
            self._probe(view, watch, begins=False)

    def tick(self, now: datetime) -> None:
        for view in self.scheduler.machines.values():
            if not view.up and not view.unheard and view.down_since is None:
                view.down_since = now  # the turn in which it was lost could not be stored
            if view.watch is not None and view.watch.listen_at is not None and now >= view.watch.listen_at:
                self._probe(view, view.watch, begins=True)

    def work(self) -> list[ProbeHost]:
        """The hosts that have to be probed now."""
        wanted, self._wanted = self._wanted, {}
        return list(wanted.values())

    def forget(self, lost: Sequence[HostLost]) -> None:
        """Drops the last decisions, which could not be stored: the hosts that do not answer, and those ``lost`` in that
        turn, are watched from the start."""
        self._wanted.clear()
        for event in lost:
            if (host := self.scheduler.hosts.get(event.name)) is not None:
                for view in (host, *host.nodes.values()):
                    view.up, view.trouble = False, event.reason
        for view in self.scheduler.machines.values():
            if view.watch is not None or (not view.up and not view.unheard):
                view.lost, view.watch = False, None
                self._begin(view)

    # -- decisions -----------------------------------------------------------------------------------

    def _begin_all(self, name: str) -> None:
        view = self.scheduler.view(name)
        for each in view.machines if view is not None else ():
            self._begin(each)

    def _begin(self, view: HostView) -> None:
        if view.lost or view.watch is not None:
            return
        watch = Watch()
        self._probe(view, watch, begins=True)
        view.watch = watch

    def _probe(self, view: HostView, watch: Watch, *, begins: bool) -> None:
        """Has the host probed, and a few others, so that it is known whether we hear anybody."""
        self._wanted[view.name] = self._to(view, begins=begins)
        others = [other for other in self.scheduler.machines.values() if other is not view and other.answers]
        others.sort(key=lambda other: other.signs, reverse=True)
        for other in others[:WITNESSES]:
            self._wanted.setdefault(other.name, self._to(other, begins=True))
        watch.listen_at, watch.others = None, self._heard_of_others(view)

    def _to(self, view: HostView, *, begins: bool) -> ProbeHost:
        host, _, node = view.name.partition("/")
        ready = self.labs.all(host=host, node=node, state=LabState.READY) if view.has_ssh else ()
        endpoints = tuple(lab.endpoint for lab in ready if lab.endpoint is not None)
        return ProbeHost(view.name, endpoints, view.config.door_of(node) or "", begins)

    def _heard_of_others(self, view: HostView) -> int:
        return sum(other.signs for other in self.scheduler.machines.values() if other is not view)

    def _count(self, event: HostProbed, view: HostView, watch: Watch) -> None:
        hush = self.lost_after.total_seconds() / HUSH
        if not event.span:
            watch.silence = watch.alone = 0.0  # we were not awake
        elif self._heard_of_others(view) > watch.others:
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
        self.failover.move(view.name, now)
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
