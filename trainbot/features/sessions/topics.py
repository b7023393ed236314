"""Channel topics: what is next, or the class that runs.

Where only operators set the topic and we are none, ChanServ is asked: to set it, then to make us an operator.  The row is
changed once the topic is seen to be ours, so neither a refusal nor a topic that somebody else sets leads to a quarrel: a
request is made once for each new text, and again after an hour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.core.messages import AskChanServ, Outgoing, Topic
from trainbot.core.times import MAX_BYTES, describe
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.class_run import ClassRun
from trainbot.model.config import IrcConfig
from trainbot.model.session_rows import ChannelRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

BETWEEN = " | "
OPERATORS = frozenset("qaoh")  # letters of those who may moderate, and set the topic
ANNOUNCED = timedelta(days=90)  # a session further away is not put in the topic
LATE = timedelta(minutes=30)  # this long after its start, an unstarted session is no longer the next
AHEAD = 20  # sessions searched for a channel's next one
SUBCOMMANDS = frozenset({"SET", "APPEND", "LOCK", "UNLOCK"})  # what Anope's TOPIC takes a first word for
PATIENCE = timedelta(seconds=30)  # for ChanServ to do what it was asked
ASKED_AGAIN = timedelta(hours=1)  # its owner may have given us the right meanwhile
_OURS = re.compile(
    r"(?:^| \| )(?:next: [^|]* \| \S{1,2}sessions|[^|]* \| a class runs here, with [^|]*"
    r"(?: \| slides: [^|]*)?(?: \| \S{1,2}help)?)(?= \| |$)"
)


class ChannelStatus(Protocol):
    """The bot's status in a channel: ``status`` and ``modes`` are mode letters, ``modes`` None until known;
    ``topic_octets``: the maximum length of a topic."""

    @property
    def joined(self) -> bool: ...
    @property
    def status(self) -> str: ...
    @property
    def modes(self) -> str | None: ...
    @property
    def topic(self) -> str: ...
    @property
    def topic_octets(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """What ChanServ was asked for last in a channel: ``TOPIC`` with this text, or ``OP`` to set it ourselves."""

    request: str
    text: str
    at: datetime

    @property
    def answered_by(self) -> datetime:
        return self.at + PATIENCE


class Topics:
    def __init__(self, store: Store, session_store: SessionStore, irc: IrcConfig) -> None:
        self.classes, self.session_store, self.irc = store.classes, session_store, irc
        self._asked: dict[str, _Asked] = {}
        self._refused: set[str] = set()  # channels whose topic we want to set and may not

    def settle(
        self, row: ChannelRow, run: ClassRun | None, membership: ChannelStatus, account: str | None, now: datetime
    ) -> tuple[ChannelRow, list[Outgoing]]:
        """Puts our text after that of others when ours changes; a topic set by somebody else is left alone.  ``account``:
        the services account that we are logged in to."""
        may = "t" not in (membership.modes or "") or bool(OPERATORS & set(membership.status))
        asks = not may and account is not None
        self._refused.discard(row.name)
        longest = membership.topic_octets
        if asks:  # the request is one line
            longest = min(longest, MAX_BYTES - len(f"TOPIC {row.name} ".encode()))
        ours = self._words(row.name, run, longest, now)
        before = row.topic.removeprefix(row.base).removeprefix(BETWEEN)
        if ours == before:
            return row, []
        there, base = membership.topic, row.base
        if not row.topic.startswith(there) or not there:  # otherwise it is as we set it, perhaps cut by the server
            base = _OURS.sub("", there).removeprefix(BETWEEN)
        room = longest - len(ours.encode()) - len(BETWEEN)
        full = BETWEEN.join(part for part in (_cut(base, room) if room > len("…".encode()) else "", ours) if part)
        new = replace(row, topic=BETWEEN.join(part for part in (base, ours) if part), base=base)
        if may or there == full:
            return new, [] if there == full else [Topic(row.name, full)]
        if not asks:
            self._refused.add(row.name)
            return row, []
        return row, self._ask(row.name, full, now)

    def _ask(self, channel: str, text: str, now: datetime) -> list[Outgoing]:
        asked = self._asked.get(channel)
        if asked is not None and asked.at <= now < asked.answered_by:
            return []
        if asked is not None and asked.text == text and asked.at <= now < asked.at + ASKED_AGAIN:
            if asked.request == "OP":
                self._refused.add(channel)
                return []
            self._asked[channel] = _Asked("OP", text, now)
            return [AskChanServ(channel, "OP")]
        if text.partition(" ")[0].upper() in SUBCOMMANDS:
            self._asked[channel] = _Asked("OP", text, now)
            return [AskChanServ(channel, "OP")]
        self._asked[channel] = _Asked("TOPIC", text, now)
        return [AskChanServ(channel, "TOPIC", text)]

    def forget(self, channel: str) -> None:
        """Something may have changed there: ChanServ may be asked again."""
        self._asked.pop(channel, None)

    def fix(self, channel: str, nick: str, account: str | None) -> str:
        """What to type so that we can set the topic of the channel; '' if we can, or have nothing to put there."""
        if channel not in self._refused:
            return ""
        operator = f"/mode {channel} +o {nick}"
        return operator if account is None else f"/msg ChanServ FLAGS {channel} {account} +ot, or {operator}"

    def _words(self, channel: str, run: ClassRun | None, longest: int, now: datetime) -> str:
        if run is not None:
            slides, talk = self.slides(run), self.irc.talk_of(channel)
            here = f"a class runs here, with {run.presenter}" + (f", talk in {talk}" if talk else "")
            words = [_plain(run.title), here, *([f"slides: {slides}"] if slides else []), f"{self.irc.prefix}help"]
            if slides and len(BETWEEN.join(words).encode()) > longest:
                del words[-2]  # !slides gives them
            return BETWEEN.join(words)
        running = self.session_store.running()
        for session in self.session_store.upcoming(now, AHEAD):
            if (
                now - LATE < session.start < now + ANNOUNCED
                and channel in self.session_store.where(session)
                and session.uid not in running
            ):
                return f"next: {_plain(session.title)}, {describe(session.start, 'UTC', now)}{BETWEEN}{self.irc.prefix}sessions"
        return ""

    def slides(self, run: ClassRun | None) -> str:
        session = self.session_store.get(run.session_uid) if run is not None and run.session_uid else None
        return (session.slides or session.link or "") if session is not None else ""


def _plain(title: str) -> str:
    """A title for a topic, where | separates the parts."""
    return _cut(title.replace("|", "/"), 120)


def _cut(text: str, octets: int) -> str:
    """``text`` cut to at most ``octets`` bytes, with an ellipsis if it was longer."""
    if len(text.encode()) <= octets:
        return text
    return text.encode()[: max(0, octets - 3)].decode(errors="ignore").rstrip() + "…"
