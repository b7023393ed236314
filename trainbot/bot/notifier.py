"""Delivers notices: finds where the recipient is now, writes the text, and records what became of the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from trainbot.adapters.db import Store
from trainbot.bot.audience import IrcAudience
from trainbot.bot.gateway.gateway_tables import GatewayTookTable, PasswordsHeld
from trainbot.bot.guard import Guard
from trainbot.core.clock import ClockStepped
from trainbot.core.hooks import Feature, Hook, NoticeWriter, On, OnChange, Turn
from trainbot.core.messages import (
    Arrived,
    ChannelMembers,
    Disconnected,
    Line,
    LineSent,
    LineUndelivered,
    Outgoing,
    Priority,
    Rank,
    RecipientUnreachable,
    Renamed,
    Reply,
)
from trainbot.model import notice as notices
from trainbot.model.notice import WITH_PASSWORDS, NoticeKind

RETRY = timedelta(minutes=1)
TOLD_AGAIN = timedelta(minutes=10)
MOST_UNREACHED = 500
AT_ONCE = 20  # notices passed to the IRC connection in one turn
FOR_STAFF = frozenset({NoticeKind.QUESTIONS_WAIT, NoticeKind.READINESS})
#: Kinds whose content anybody may know: they may also reach somebody who only looks like the person who left.
NO_SECRET = frozenset({NoticeKind.ANSWER, NoticeKind.INVITATION, NoticeKind.POLL_RESULT})
LATER = (
    "your lab is there, but the ssh gateway does not take new passwords at the moment: I'll send you the ssh command as "
    "soon as it does"
)


class Notifier(Feature):
    """``under_way``: the notices that the IRC connection has now.  ``writers``: the functions that word the notices of a
    kind; other notices are sent as stored."""

    def __init__(
        self,
        store: Store,
        audience: IrcAudience,
        under_way: set[int],
        guard: Guard,
        writers: Mapping[str, NoticeWriter],
    ) -> None:
        self.rows, self.people, self.leases, self.audience = store.notices, store.people, store.leases, audience
        self.guard, self.writers, self._under_way = guard, writers, under_way
        self._kept: set[int] = set()  # passwords that this turn answers with
        self._gateway_is_behind = False
        self._unreached: dict[str, RecipientUnreachable] = {}  # by nick; not told in the channel yet
        self._told: dict[str, datetime] = {}  # folded nick -> when they were told in the channel
        self._unmarked: dict[int, datetime] = {}  # ticket -> when it was sent; perhaps not stored yet

    def hooks(self) -> Sequence[Hook]:
        return (
            On(LineSent, self._spoken),
            On(LineUndelivered, self._unspoken),
            On(RecipientUnreachable, self._note_unreached),
            On(Disconnected, self._disconnected),
            On(ClockStepped, self._clock_stepped),
            On(PasswordsHeld, self._hold),
            On(GatewayTookTable, self._go_on),
            OnChange(frozenset({"notice"}), self._say, (ChannelMembers, Arrived, Renamed, GatewayTookTable)),
        )

    def _say(self, turn: Turn) -> list[Line]:
        return [*self.due(turn.now), *(self.shut_out(turn.now) if turn.tick else [])]

    def due(self, now: datetime) -> list[Line]:
        """The lines to send now to people and channels that are present, each with its ticket."""
        waiting = self.rows.waiting()
        for notice in notices.stale(waiting, now):
            self.rows.said(notice.id, now)
        lines: list[Line] = []
        for notice in notices.due(waiting, now, self._under_way | self._kept):
            if self._gateway_is_behind and notice.kind in WITH_PASSWORDS:
                continue
            target = self._target(notice)
            if target is None or (notice.not_after is not None and notice.not_after < now):
                continue
            reply = self.guard(f"notice {notice.id}", partial(self._worded, notice, now))
            if reply is None:
                continue
            behind = self._behind(notice)  # a channel hears it, so nothing secret, and for whom it is
            if behind and reply.secret:
                self.rows.said(notice.id, now)
                continue
            lines.append(
                Line(
                    target,
                    f"{behind}: {reply.text}" if behind else reply.text,
                    _priority(notice),
                    ticket=notice.id,
                    secret=reply.secret,
                    command=reply.command,
                    rank=Rank.STAFF if notice.kind in FOR_STAFF else Rank.CLASS,
                    series=f"{notice.kind} {notice.channel}" if notice.channel else "",
                    fresh=(notice.not_after - now).total_seconds() if notice.not_after is not None else None,
                )
            )
            if len(lines) == AT_ONCE:
                break
        return lines

    def _worded(self, notice: notices.Notice, now: datetime) -> Reply | None:
        """The notice's current text; None (and it counts as sent) if there is nothing left to say."""
        reply = self.writers.get(notice.kind, _as_it_is)(notice, now)
        if reply is None:
            self.rows.said(notice.id, now)
        return reply

    def _target(self, notice: notices.Notice) -> str | None:
        if notice.person_id is not None:
            person = self.people.get(notice.person_id)
            if person.bridge:
                return self.audience.reached_in(person) or None
            there = self.audience.where(person) or (self.audience.again(person) if notice.kind in NO_SECRET else None)
            return there.nick if there is not None else None
        return notice.channel if notice.channel and self.audience.members(notice.channel) else None

    def _behind(self, notice: notices.Notice) -> str:
        """The name of the recipient behind a relay, '' if it is for anybody else."""
        person = self.people.get(notice.person_id) if notice.person_id is not None else None
        return person.nick if person is not None and person.bridge else ""

    # -- what becomes of them ------------------------------------------------------------------

    def on_their_way(self, said: Iterable[Outgoing]) -> None:
        """Called after the commit: these notices are not sent again while the IRC connection has them."""
        self._unmarked.clear()
        self._kept.clear()
        self._under_way |= {line.ticket for line in said if isinstance(line, Line) and line.ticket is not None}

    def catch_up(self) -> None:
        """Marks as sent what was said in turns that could not be stored, so that it is not said twice."""
        self._kept.clear()
        for ticket, at in self._unmarked.items():
            self.rows.said(ticket, at)

    # -- passwords -----------------------------------------------------------------------------

    def keep(self, lease: int, now: datetime) -> int:
        """Keeps the answer with this lease's password, which is being sent, until it is sent; returns its ticket.  Nothing
        that opens a lab is stored: it is written anew if it has to be sent again."""
        holder = self.leases.first(id=lease)
        assert holder is not None, f"no lease {lease}"
        ticket = self.rows.add(
            key=None,
            person_id=holder.person_id,
            channel=None,
            kind=NoticeKind.SSH_COMMAND,
            subject=str(lease),
            text=f"type !lab {holder.image} for your ssh command",
            due_at=now,
            not_after=None,
            said_at=None,
        )
        self._kept.add(ticket)
        return ticket

    def _hold(self, event: PasswordsHeld, _now: datetime) -> list[Line]:
        """Passwords that do not work yet: their people are told, and their rows wait."""
        self._gateway_is_behind = True
        self._under_way -= {line.ticket for line in event.lines if line.ticket is not None}
        return [Line(line.target, LATER, line.priority, owner=line.owner, rank=line.rank) for line in event.lines]

    def _go_on(self, _event: GatewayTookTable, _now: datetime) -> None:
        self._gateway_is_behind = False

    # -- sent, or not --------------------------------------------------------------------------

    def _spoken(self, event: LineSent, _now: datetime) -> None:
        self._under_way.discard(event.ticket)
        self._unmarked[event.ticket] = event.at
        self.rows.said(event.ticket, event.at)

    def _unspoken(self, event: LineUndelivered, now: datetime) -> None:
        """Handles an undelivered line, possibly after its LineSent: the server refused it, or had already gone."""
        self._under_way.discard(event.ticket)
        self._unmarked.pop(event.ticket, None)
        self.rows.change({"id": event.ticket}, said_at=None, due_at=now + RETRY)

    def _note_unreached(self, event: RecipientUnreachable, _now: datetime) -> None:
        if len(self._unreached) < MOST_UNREACHED:
            self._unreached[event.nick] = event

    def shut_out(self, now: datetime) -> list[Line]:
        """Lines to a channel for those of its members who cannot be written to privately: what they must do, but not
        what the message was.  There is one line for all who share a reason, and each person is told only once in
        ``TOLD_AGAIN``."""
        self._told = {nick: at for nick, at in self._told.items() if now - at < TOLD_AGAIN}
        groups: dict[tuple[str, str, str], list[str]] = {}
        for nick, event in self._unreached.items():
            folded = self.audience.fold(nick)
            channel = next(
                (channel for channel in self.audience.irc.channels if self.audience.holds(channel, nick)), None
            )
            if channel is not None and folded not in self._told:
                self._told[folded] = now
                groups.setdefault((channel, event.reason, event.mend), []).append(nick)
        self._unreached.clear()
        return [
            Line(
                channel,
                f"{', '.join(nicks)}: I have a message for you but can't write to you privately ({reason}); {mend}, "
                "then ask me again",
            )
            for (channel, reason, mend), nicks in groups.items()
        ]

    def _clock_stepped(self, event: ClockStepped, _now: datetime) -> None:
        self._told = {nick: at + event.by for nick, at in self._told.items()}

    def _disconnected(self, _event: Disconnected, _now: datetime) -> None:
        self._under_way.clear()


def _priority(notice: notices.Notice) -> Priority:
    if notice.kind in (NoticeKind.CLASS, NoticeKind.PROGRESS):  # numbers that wait are wrong when they are read
        return Priority.PRESENTER
    return Priority.ANNOUNCE if notice.channel else Priority.ANSWER


def _as_it_is(notice: notices.Notice, _now: datetime) -> Reply | None:
    text, _, command = notice.text.partition("\n")
    return Reply(text, command=command)
