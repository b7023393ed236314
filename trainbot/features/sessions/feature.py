"""The sessions feature: planning, announcements, sign-ups, polls and channel topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.clock import ClockStepped
from trainbot.core.commands import Command, Request
from trainbot.core.hooks import Feature, Hook, NextStep, NoticeWriter, On, OnChange, OnTick, PersonRenamed, Turn
from trainbot.core.messages import Arrived, ChannelMembers, Left, Outgoing, Renamed
from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.channel_state import ChannelState, ChannelView
from trainbot.features.sessions.invitations import Invitations
from trainbot.features.sessions.next_steps import SessionNextSteps
from trainbot.features.sessions.organiser_commands import OrganiserCommands
from trainbot.features.sessions.planner import Planner
from trainbot.features.sessions.polls.poll_commands import PollCommands
from trainbot.features.sessions.publishing import CalendarPublished, PublishCalendar, Publishing
from trainbot.features.sessions.reminder_notices import ReminderNotices
from trainbot.features.sessions.schedule_reader import ScheduleReader, ScheduleSource
from trainbot.features.sessions.seat_list import SeatList
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps
from trainbot.features.sessions.timetable import SessionTimetable
from trainbot.model.config import Config
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Ports
from trainbot.model.session import Session

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Sessions(Feature):
    def __init__(
        self, store: Store, config: Config, ports: Ports, schedules: ScheduleSource, view: ChannelView
    ) -> None:
        self.session_store = SessionStore(store, config.irc.class_channels)
        self.signups = SignUps(store, self.session_store, config, ports.exercises, ports.stock)
        self.timetable = SessionTimetable(self.session_store, self.signups, config.labs.per_person)
        self.invitations = Invitations(store, self.signups, ports.people)
        self.announcements = announcements = Announcements(store, self.invitations, config.schedule)
        self.polls = PollCommands(store, self.session_store, ports)
        self.reader = ScheduleReader(announcements, schedules)
        self.planner = Planner(announcements, store, self.polls)
        self.reminders = ReminderNotices(self.session_store, store, self.signups, config.schedule)
        self.channel_state = ChannelState(store, self.session_store, view, ports.people, config.irc)
        self.publishing = Publishing()
        self._next_steps = SessionNextSteps(store, self.session_store)
        self._with_commands = (
            self.planner,
            self.signups,
            SeatList(self.signups, ports.audience),
            OrganiserCommands(announcements, ports.exercises),
            self.polls,
            self.channel_state,
        )

    def next_start(self, ask: Request, words: str) -> Session | None:
        """The session that ``!start`` means: the one of that number, or the one due now."""
        return self.planner.next_start(ask, words)

    def commands(self) -> list[Command]:
        return [command for part in self._with_commands for command in part.commands()]

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        return self._next_steps.next_steps(ask)

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        return {
            NoticeKind.ANNOUNCEMENT: self.announcements.notice,
            NoticeKind.INVITATION: self.invitations.notice,
            NoticeKind.POLL_RESULT: self.invitations.result_notice,
            NoticeKind.REMINDER: self.reminders.notice,
            NoticeKind.MY_REMINDER: self.reminders.my_notice,
        }

    def hooks(self) -> Sequence[Hook]:
        return (
            On(PersonRenamed, self._person_renamed),
            On(Renamed, self._renamed),
            On(Left, self._left),
            On(ChannelMembers, self._roll_call),
            On(CalendarPublished, self._published),
            On(ClockStepped, self._clock_stepped),
            OnTick(self.reader.reload),
            OnTick(self.polls.tick),
            OnTick(self.signups.tick),
            OnTick(self.reminders.tick),
            OnChange(frozenset({"session"}), self._publish),
            OnChange(frozenset({"class", "session", "channel"}), self._channels, (ChannelMembers, Arrived, Renamed)),
        )

    def _person_renamed(self, event: PersonRenamed, _now: datetime) -> None:
        self.signups.merge(event.was, event.now)
        self.polls.merge(event.was, event.now)
        self.invitations.merge(event.was, event.now)

    def _renamed(self, event: Renamed, _now: datetime) -> None:
        self.channel_state.renamed(event.before.nick, event.after.nick)

    def _left(self, event: Left, _now: datetime) -> None:
        self.channel_state.left(event.sender.nick, event.channel)

    def _roll_call(self, event: ChannelMembers, _now: datetime) -> None:
        self.channel_state.came_back(event.channel)

    def _published(self, event: CalendarPublished, _now: datetime) -> None:
        self.publishing.done(event)

    def _clock_stepped(self, event: ClockStepped, now: datetime) -> None:
        self.reminders.clock_stepped(event.by, now)

    def _publish(self, turn: Turn) -> list[PublishCalendar]:
        due = self.publishing.due(turn.now, "session" in turn.changed)
        return [due] if due is not None else []

    def _channels(self, turn: Turn) -> list[Outgoing]:
        return self.channel_state.settle(turn.now)

    def undone(self, items: Sequence[object]) -> None:
        self.reader.forget()
        if any(isinstance(item, PublishCalendar) for item in items):
            self.publishing.forget()
