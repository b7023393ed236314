"""The labs feature: gives people labs, replaces those of lost hosts, and makes labs ahead of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.clock import ClockStepped
from trainbot.core.commands import Command, Converter, Request
from trainbot.core.hooks import Feature, Hook, NextStep, NoticeWriter, On, OnChange, OnTick, Turn
from trainbot.features.labs.admin_commands import LabAdminCommands
from trainbot.features.labs.disk_guard import DiskGuard
from trainbot.features.labs.draining import Draining
from trainbot.features.labs.early_handout import EarlyHandout
from trainbot.features.labs.failover import Failover
from trainbot.features.labs.host_events import HostEvents
from trainbot.features.labs.host_watch import HostWatch
from trainbot.features.labs.lab_commands import LabCommands
from trainbot.features.labs.lab_requests import LabRequests
from trainbot.features.labs.lease_expiry import LeaseExpiry
from trainbot.features.labs.next_steps import LabNextSteps
from trainbot.features.labs.no_shows import NoShows
from trainbot.features.labs.overview import Overview
from trainbot.features.labs.preallocation import Preallocation
from trainbot.features.labs.queue_position import LabQueue
from trainbot.features.labs.readiness import Readiness
from trainbot.features.labs.rehearsal_leases import RehearsalLeases
from trainbot.features.labs.scheduler import Scheduler
from trainbot.features.labs.self_hosted import SelfHostedCommands
from trainbot.features.labs.stock import LabInventory
from trainbot.model.host import HostDoubted, HostLost, HostUp, HostWorkDone, Mode
from trainbot.model.lab_events import (
    CheckLogin,
    HostProbed,
    HostStatus,
    HostWork,
    LabBooted,
    LoginChecked,
    Probe,
    ProbeHost,
)
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import ClassContext, Ports, Timetable

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Labs(Feature):
    def __init__(
        self, scheduler: Scheduler, store: Store, ports: Ports, classes: ClassContext, timetable: Timetable
    ) -> None:
        self.scheduler = scheduler
        self.expiry = LeaseExpiry(scheduler, store, ports.access, classes)
        self.queue = LabQueue(scheduler, store, self.expiry)
        self.requests = LabRequests(scheduler, store, self.queue, ports, classes)
        self.overview = Overview(LabInventory(scheduler, store), store, self.queue, ports.audience)
        self.host_events = HostEvents(scheduler, store)
        self.disk_guard = DiskGuard(scheduler, store)
        self.failover = Failover(scheduler, store, ports.access, classes)
        self.host_watch = HostWatch(scheduler, store, self.failover)
        self.draining = Draining(scheduler, self.failover)
        self.no_shows = NoShows(scheduler, store, self.expiry, ports.audience)
        self.rehearsals = RehearsalLeases(scheduler, store, ports.access)
        scheduler.plan = self.preallocation = Preallocation(scheduler, store, timetable, self._spare())
        self.early_handout = EarlyHandout(self.preallocation, store, self.requests, ports.audience)
        self.readiness = Readiness(self.preallocation, store, ports.people)
        self.self_hosted = SelfHostedCommands(scheduler, store, self.expiry, classes, ports.pages)
        self._next_steps = LabNextSteps(scheduler, store, ports.access, classes)
        self._with_commands = (
            self.requests,
            LabCommands(scheduler, store, self.queue, ports.access, classes),
            self.self_hosted,
            LabAdminCommands(self.requests, store, ports.audience, ports.people),
            self.overview,
            self.draining,
        )

    def _spare(self) -> dict[tuple[str, Mode], int]:
        """How many labs of each kind are kept free at any time."""
        return {(name, Mode.ENFORCING): number for name, number in self.scheduler.spare.items()}

    def commands(self) -> list[Command]:
        return [command for part in self._with_commands for command in part.commands()]

    def argument_kinds(self) -> Mapping[str, Converter]:
        return {
            "image": self.requests.image_kind,
            "mode": self.requests.mode_kind,
            "host": self.draining.host_kind,
            "now": self.draining.now_kind,
        }

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        return self._next_steps.next_steps(ask)

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        return {
            NoticeKind.LAB: self.requests.notice,
            NoticeKind.SSH_COMMAND: self.requests.late,
            NoticeKind.SEAT: self.early_handout.notice,
            NoticeKind.POSITION: self.early_handout.notice,
            NoticeKind.READINESS: self.readiness.notice,
        }

    def hooks(self) -> Sequence[Hook]:
        return (
            On(HostUp, self._host_up),
            On(HostLost, self.host_events.host_lost),
            On(HostLost, self.host_watch.lost_connection),
            On(HostDoubted, self.host_watch.doubted),
            On(HostWorkDone, self.host_events.finished),
            On(HostWorkDone, self.host_watch.worked),
            On(LabBooted, self.host_events.booted),
            On(LoginChecked, self.host_events.checked),
            On(LoginChecked, self.host_watch.checked),
            On(HostStatus, self.host_events.host_status),
            On(HostProbed, self.host_watch.probed),
            On(ClockStepped, self._clock_stepped),
            OnTick(self.expiry.tick),
            OnTick(self.no_shows.tick),
            OnTick(self.host_events.tick),
            OnTick(self.host_watch.tick),
            OnTick(self.rehearsals.tick),
            OnTick(self.early_handout.tick),
            OnTick(self.readiness.tick),
            OnChange(frozenset({"class"}), self.self_hosted.classes_ended),
            OnChange(
                frozenset({"lab", "lease"}),
                self._assign,
                (HostUp, HostLost, HostWorkDone, LabBooted, LoginChecked),
            ),
            OnChange(
                frozenset({"lab", "lease"}),
                self._work,
                (HostUp, HostLost, HostDoubted, HostWorkDone, LabBooted, LoginChecked, HostProbed),
            ),
        )

    def _host_up(self, event: HostUp, now: datetime) -> None:
        self.host_events.host_up(event, now)
        self.host_watch.up(event, now)
        self.disk_guard.host_up(event, now)
        self.failover.back(event.report.name, now)

    def _clock_stepped(self, event: ClockStepped, _now: datetime) -> None:
        self._move_times(event)

    def _move_times(self, event: ClockStepped) -> None:
        self.scheduler.backoff.clock_stepped(event.by)
        self.no_shows.clock_stepped(event.by)
        self.host_events.life.clock_stepped(event.by)
        self.disk_guard.clock_stepped(event.by)
        for host in self.scheduler.hosts.values():
            for view in (host, *host.nodes.values()):
                view.clock_stepped(event.by)

    def _assign(self, turn: Turn) -> None:
        self.scheduler.assign(turn.now)

    def _work(self, turn: Turn) -> list[HostWork | Probe | CheckLogin | ProbeHost]:
        return [*self.scheduler.work(turn.now), *self.host_watch.work()]

    def undone(self, items: Sequence[object]) -> None:
        for item in items:
            if isinstance(item, ClockStepped):
                self._move_times(item.back)
            elif isinstance(item, HostWork | Probe | CheckLogin | HostWorkDone | LabBooted | LoginChecked):
                self.scheduler.busy.pop(item.lab, None)
        self.host_watch.forget([item for item in items if isinstance(item, HostLost)])
