"""Labs: one for whoever asks, kept on hosts that may die, made ahead of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.commands import Command, Converter
from trainbot.core.hooks import Feature, Hook, NoticeWriter, On, OnChange, OnTick, Turn
from trainbot.features.labs.admin_commands import Organising
from trainbot.features.labs.draining import Draining
from trainbot.features.labs.early_handout import Early
from trainbot.features.labs.failover import Rescue
from trainbot.features.labs.host_events import Hearing
from trainbot.features.labs.lab_commands import Handling
from trainbot.features.labs.lab_requests import Leasing
from trainbot.features.labs.lease_expiry import Terms
from trainbot.features.labs.no_shows import Absent
from trainbot.features.labs.overview import Overview
from trainbot.features.labs.preallocation import Ahead
from trainbot.features.labs.queue_position import Waiting
from trainbot.features.labs.readiness import Readiness
from trainbot.features.labs.rehearsal_leases import Rehearsing
from trainbot.features.labs.scheduler import Fleet
from trainbot.features.labs.self_hosted import AtHome
from trainbot.features.labs.stock import Stock
from trainbot.model.host import Finished, HostLost, HostUp, Mode
from trainbot.model.lab_events import Booted, Check, Checked, Heard, HostStatus, HostWork, Listen, Probe
from trainbot.model.ports import ClassContext, Ports, Timetable

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Labs(Feature):
    def __init__(self, fleet: Fleet, store: Store, ports: Ports, classes: ClassContext, timetable: Timetable) -> None:
        self.fleet = fleet
        self.terms = Terms(fleet, store, ports.access, classes)
        self.waiting = Waiting(fleet, store, self.terms)
        self.leasing = Leasing(fleet, store, self.waiting, ports.access, classes)
        self.overview = Overview(Stock(fleet, store), store, self.waiting, ports.audience)
        self.hearing = Hearing(fleet, store)
        self.rescue = Rescue(fleet, store, ports.access, classes)
        self.draining = Draining(fleet, self.rescue)
        self.absent = Absent(fleet, store, self.terms, ports.audience)
        self.rehearsing = Rehearsing(fleet, store, ports.access)
        fleet.plan = self.ahead = Ahead(fleet, store, timetable, self._spare())
        self.early = Early(self.ahead, store, self.leasing, ports.audience)
        self.readiness = Readiness(self.ahead, store, ports.people)
        self._with_commands = (
            self.leasing,
            Handling(fleet, store, self.waiting, ports.access, classes),
            AtHome(fleet, store, self.terms, classes, ports.pages),
            Organising(self.leasing, store, ports.audience, ports.people),
            self.overview,
            self.draining,
        )

    def _spare(self) -> dict[tuple[str, Mode], int]:
        """How many labs of each kind are kept free at any time."""
        return {(name, Mode.ENFORCING): number for name, number in self.fleet.spare.items()}

    def commands(self) -> list[Command]:
        return [command for part in self._with_commands for command in part.commands()]

    def argument_kinds(self) -> Mapping[str, Converter]:
        return {
            "image": self.leasing.image_kind,
            "mode": self.leasing.mode_kind,
            "host": self.draining.host_kind,
            "now": self.draining.now_kind,
        }

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        return {
            "lab": self.leasing.notice,
            "seat": self.early.notice,
            "place": self.early.notice,
            "readiness": self.readiness.notice,
        }

    def hooks(self) -> Sequence[Hook]:
        return (
            On(HostUp, self._host_up),
            On(HostLost, self.hearing.host_lost),
            On(Finished, self.hearing.finished),
            On(Booted, self.hearing.booted),
            On(Checked, self.hearing.checked),
            On(HostStatus, self.hearing.host_status),
            On(Heard, self.rescue.heard),
            OnTick(self.terms.tick),
            OnTick(self.absent.tick),
            OnTick(self.hearing.tick),
            OnTick(self.rescue.tick),
            OnTick(self.rehearsing.tick),
            OnTick(self.early.tick),
            OnTick(self.readiness.tick),
            OnChange(frozenset({"lab", "lease"}), self._seat, (HostUp, HostLost, Finished, Booted, Checked, Heard)),
            OnChange(frozenset({"lab", "lease"}), self._work, (HostUp, HostLost, Finished, Booted, Checked, Heard)),
        )

    def _host_up(self, event: HostUp, now: datetime) -> None:
        self.hearing.host_up(event, now)
        self.rescue.back(event.report.name, now)

    def _seat(self, turn: Turn) -> None:
        self.fleet.seat(turn.now)

    def _work(self, turn: Turn) -> list[HostWork | Probe | Check | Listen]:
        return [*self.fleet.work(turn.now), *self.rescue.work()]

    def undone(self, items: Sequence[object]) -> None:
        for item in items:
            if isinstance(item, HostWork | Probe | Check | Finished | Booted | Checked):
                self.fleet.busy.pop(item.lab, None)
        self.rescue.forget()
