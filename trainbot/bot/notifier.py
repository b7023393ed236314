"""Notices on their way: to whom, where they are now, in which words; and what became of the line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.adapters.irc.connection_status import Standing
from trainbot.core.access import Person, fold_account
from trainbot.core.messages import Line, Outgoing, Priority, Reply, Sender, Spoken, Unreached, Unspoken
from trainbot.features.sessions.channel_state import Place
from trainbot.model import notice as notices

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import Notices, People

RETRY = timedelta(minutes=1)
TOLD_AGAIN = timedelta(minutes=10)
MOST_UNREACHED = 500
AT_ONCE = 20  # notices handed to the chat door in one turn


class View(Protocol):
    """What the chat door knows of the network now."""

    @property
    def nick(self) -> str: ...
    def fold(self, name: str) -> str: ...
    def members(self, channel: str) -> Sequence[Sender]: ...
    def holds(self, channel: str, nick: str) -> bool: ...
    def find(self, nick: str) -> Sender | None: ...
    def place(self, channel: str) -> Place: ...
    def standing(self) -> Standing: ...
    def marked(self, channel: str, nick: str) -> bool: ...


#: Writes a notice when it is said; None: it has become pointless.
Writer = Callable[[notices.Notice, datetime], Reply | None]


class Telling:
    """``writers``: who words the notices of a kind; others are said as they are.  ``guarded(what, call, …)``: the
    call's value, None where it failed (and what it wrote is undone).  ``no_secret``: kinds that hold what everybody may
    know, and so may reach also somebody who only looks like who left."""

    def __init__(
        self,
        rows: Notices,
        people: People,
        view: View,
        channels: Callable[[], tuple[str, ...]],
        mask: Callable[[Sender], str],
        writers: Mapping[str, Writer],
        guarded: Callable[..., Reply | None],
        no_secret: Collection[str] = (),
    ) -> None:
        self.rows, self.people, self.view, self.channels, self.mask = rows, people, view, channels, mask
        self.writers, self.guarded, self.no_secret = writers, guarded, no_secret
        self._under_way: set[int] = set()
        self._unreached: dict[str, Unreached] = {}  # by nick; not told yet
        self._told: dict[str, datetime] = {}  # folded nick -> when the channel told them so
        self._unmarked: dict[int, datetime] = {}  # said, and perhaps not stored as said yet

    def where(self, person: Person) -> Sender | None:
        """The connection that this person speaks from now: the nick alone proves nothing."""
        for channel in self.channels():
            for member in self.view.members(channel):
                account = fold_account(member.account) if member.account else None
                if person.account is not None and account == person.account:
                    return member
                if person.account is None and person.in_view and account is None and self.mask(member) == person.mask:
                    return member
        return None

    def member(self, nick: str) -> Sender | None:
        """Whoever goes by that nick in one of our channels, but not we."""
        fold = self.view.fold
        return next(
            (
                member
                for channel in self.channels()
                for member in self.view.members(channel)
                if fold(member.nick) == fold(nick) != fold(self.view.nick)
            ),
            None,
        )

    def seeing(self) -> bool:
        """Whether we see anybody at all."""
        return any(self.view.members(channel) for channel in self.channels())

    def present(self, person: Person, channel: str) -> bool:
        """Whether they see what is said in ``channel``."""
        there = self.where(person)
        return there is not None and any(member.nick == there.nick for member in self.view.members(channel))

    def due(self, now: datetime) -> list[Line]:
        """What is to be said now to people and channels that are there, each with its ticket."""
        waiting = self.rows.waiting()
        for notice in notices.stale(waiting, now):
            self.rows.said(notice.id, now)
        lines: list[Line] = []
        for notice in notices.due(waiting, now, self._under_way):
            target = self._target(notice)
            if target is None or (notice.not_after is not None and notice.not_after < now):
                continue
            reply = self.guarded(f"notice {notice.id}", self._worded, notice, now)
            if reply is None:
                continue
            lines.append(
                Line(
                    target,
                    reply.text,
                    Priority.ANNOUNCE if notice.channel else Priority.ANSWER,
                    ticket=notice.id,
                    secret=reply.secret,
                )
            )
            if len(lines) == AT_ONCE:
                break
        return lines

    def _worded(self, notice: notices.Notice, now: datetime) -> Reply | None:
        """Its words by now; None (and it counts as said) where there is nothing left to say."""
        reply = self.writers.get(notice.kind, _as_it_is)(notice, now)
        if reply is None:
            self.rows.said(notice.id, now)
        return reply

    def _again(self, person: Person) -> Sender | None:
        """Whoever wears now the mask that somebody without an account left with: perhaps not the same person."""
        return next(
            (
                member
                for channel in self.channels()
                for member in self.view.members(channel)
                if member.account is None and person.account is None and self.mask(member) == person.mask
            ),
            None,
        )

    def _target(self, notice: notices.Notice) -> str | None:
        if notice.person_id is not None:
            person = self.people.get(notice.person_id)
            there = self.where(person) or (self._again(person) if notice.kind in self.no_secret else None)
            return there.nick if there is not None else None
        return notice.channel if notice.channel and self.view.members(notice.channel) else None

    # -- what becomes of them ------------------------------------------------------------------

    def on_their_way(self, said: Iterable[Outgoing]) -> None:
        """After the commit: these are not said a second time while the door has them."""
        self._unmarked.clear()
        self._under_way |= {line.ticket for line in said if isinstance(line, Line) and line.ticket is not None}

    def catch_up(self) -> None:
        """What was said in turns that could not be stored is marked now, so that it is not said twice."""
        for ticket, at in self._unmarked.items():
            self.rows.said(ticket, at)

    def spoken(self, event: Spoken) -> None:
        self._under_way.discard(event.ticket)
        self._unmarked[event.ticket] = event.at
        self.rows.said(event.ticket, event.at)

    def unspoken(self, event: Unspoken, now: datetime) -> None:
        """Also after Spoken: the server refused it, or was gone already."""
        self._under_way.discard(event.ticket)
        self._unmarked.pop(event.ticket, None)
        self.rows.change({"id": event.ticket}, said_at=None, due_at=now + RETRY)

    def unreached(self, event: Unreached) -> None:
        if len(self._unreached) < MOST_UNREACHED:
            self._unreached[event.nick] = event

    def shut_out(self, now: datetime) -> list[Line]:
        """To those who cannot be written to, in the channel and without what it was: what lets us.  One line for all whom one
        thing keeps from it, and each person once in ``TOLD_AGAIN``."""
        self._told = {nick: at for nick, at in self._told.items() if now - at < TOLD_AGAIN}
        groups: dict[tuple[str, str, str], list[str]] = {}
        for nick, event in self._unreached.items():
            folded = self.view.fold(nick)
            channel = next((channel for channel in self.channels() if self.view.holds(channel, nick)), None)
            if channel is not None and folded not in self._told:
                self._told[folded] = now
                groups.setdefault((channel, event.reason, event.mend), []).append(nick)
        self._unreached.clear()
        return [
            Line(
                channel,
                f"{', '.join(nicks)}: I have something for you, and cannot write to you privately ({reason}); {mend}, "
                "then ask me again",
            )
            for (channel, reason, mend), nicks in groups.items()
        ]

    def disconnected(self) -> None:
        self._under_way.clear()


def _as_it_is(notice: notices.Notice, _now: datetime) -> Reply | None:
    return Reply(notice.text)
