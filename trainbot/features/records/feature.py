"""Records: the timeline of each class, its minutes, and how long people are named in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.commands import Command, Request
from trainbot.core.hooks import Feature, Hook, On, OnChange, TalkHeard, Turn
from trainbot.core.messages import Arrived, ChannelMembers, Left, Renamed
from trainbot.features.records.archive import Archive, MinutesPages
from trainbot.features.records.journal import ClassJournal
from trainbot.features.records.presence import Presence
from trainbot.features.records.retention import RetentionCommands
from trainbot.model.class_run import ClassRun
from trainbot.model.config import Config
from trainbot.model.ports import Ports

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Records(Feature):
    """Also the port ``ClassJournal`` (trainbot.model.ports)."""

    def __init__(self, store: Store, config: Config, ports: Ports, minutes_pages: MinutesPages) -> None:
        self.journal = ClassJournal(store, ports.people, config.records.log)
        self.presence = Presence(self.journal, ports.audience, config.irc.channels)
        self.archive = Archive(store, config.records, config.schedule.zones, minutes_pages)
        self.keeping = RetentionCommands(store, self.archive)

    def commands(self) -> list[Command]:
        return self.journal.commands()

    def hooks(self) -> Sequence[Hook]:
        return (
            On(ChannelMembers, self.presence.roll_call),
            On(Arrived, self.presence.arrived),
            On(Left, self.presence.left),
            On(Renamed, self.presence.renamed),
            On(TalkHeard, self._talk),
            OnChange(frozenset({"class"}), self._minutes),
        )

    def _talk(self, event: TalkHeard, _now: datetime) -> None:
        self.journal.heard(event.there)

    def _minutes(self, turn: Turn) -> None:
        self.archive.settle(turn.now)

    # -- what classes ask --------------------------------------------------------------------------

    def noted(self, ask: Request, kind: str, text: str) -> None:
        self.journal.noted(ask, kind, text)
        if kind == "start" and ask.channel is not None:
            self.presence.begins(ask.channel, ask.at)

    def note(
        self, channel: str | None, nick: str, kind: str, text: str, at: datetime, person_id: int | None = None
    ) -> None:
        self.journal.note(channel, nick, kind, text, at, person_id)

    def minutes_at(self, run: ClassRun) -> str:
        return self.archive.minutes_at(run)

    @property
    def logged(self) -> bool:
        return self.journal.logged

    @property
    def public_url(self) -> str:
        return self.archive.public_url
