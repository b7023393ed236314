"""Who joined a class and who left: always how many, and who if the class is logged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trainbot.core.messages import Arrived, ChannelMembers, Left, Renamed, Sender
from trainbot.features.records.journal import ClassJournal
from trainbot.model.ports import Audience


class Presence:
    """Remembers who was in which channel: somebody who quits is no longer in any when we hear of it."""

    def __init__(self, journal: ClassJournal, audience: Audience, channels: Sequence[str]) -> None:
        self.journal, self.audience = journal, audience
        self._there: dict[str, set[str]] = {channel: set() for channel in channels}

    def begins(self, channel: str, at: datetime) -> None:
        """Notes who is there when a class begins."""
        self._roll(channel, self.audience.members(channel), at)

    def roll_call(self, event: ChannelMembers, _now: datetime) -> None:
        for channel in self._named(event.channel):
            self._roll(channel, event.present, event.at)

    def _roll(self, channel: str, present: Sequence[Sender], at: datetime) -> None:
        people = [sender for sender in present if not self._ours(sender)]
        self._there[channel] = {self.audience.fold(sender.nick) for sender in people}
        if self.journal.runs(channel):
            named = sorted(sender.nick for sender in people if self._may_name(sender, at))
            self.journal.note(channel, "", "there", " ".join([str(len(people)), *named]), at)

    def arrived(self, event: Arrived, _now: datetime) -> None:
        for channel in self._named(event.channel):
            if not self._ours(event.sender):
                self._there[channel].add(self.audience.fold(event.sender.nick))
                self._note(channel, event.sender, "joined", event.at)

    def left(self, event: Left, _now: datetime) -> None:
        nick = self.audience.fold(event.sender.nick)
        for channel in self._there if event.channel is None else self._named(event.channel):
            if nick in self._there[channel]:
                self._there[channel].discard(nick)
                self._note(channel, event.sender, "left" if event.channel else "quit", event.at)

    def renamed(self, event: Renamed, _now: datetime) -> None:
        before, after = self.audience.fold(event.before.nick), self.audience.fold(event.after.nick)
        for channel, there in self._there.items():
            if before != after and before in there:
                there.discard(before)
                there.add(after)
                if self._may_name(event.after, event.at):
                    self._note(channel, event.before, "renamed", event.at, event.after)

    def _named(self, channel: str) -> list[str]:
        """The channel as bot.ini spells it; empty if it is not ours."""
        return [ours for ours in self._there if self.audience.fold(ours) == self.audience.fold(channel)]

    def _note(self, channel: str, sender: Sender, kind: str, at: datetime, now: Sender | None = None) -> None:
        if self.journal.runs(channel):
            named = self._may_name(now or sender, at)
            person = self.journal.known_people.seen(now or sender, at) if named else None
            self.journal.note(
                channel, sender.nick if named else "", kind, now.nick if now else "", at, person.id if person else None
            )

    def _may_name(self, sender: Sender, at: datetime) -> bool:
        person = self.journal.known_people.seen(sender, at) if self.journal.logged else None
        return self.journal.logged and (person is None or not person.nolog)

    def _ours(self, sender: Sender) -> bool:
        return self.audience.fold(sender.nick) == self.audience.fold(self.audience.nick)
