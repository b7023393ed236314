"""Channel state: the topic from the calendar, who has a voice, and whether the channel is moderated.

The rows say how a channel should be, the network says how it is; each check sends the difference.  So a crash, a
netsplit or a lost line does no lasting harm: what we set stays in a row until it is seen to be gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Line, Modes, Outgoing, Priority, Reply, Sender, Topic
from trainbot.core.times import describe
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.class_run import ClassRun
from trainbot.model.config import IrcConfig
from trainbot.model.ports import People
from trainbot.model.session_rows import ChannelRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

BETWEEN = " | "
AT_ONCE = 3  # modes with a nick in one line (RFC 2812 3.2.3)
OPERATORS = frozenset("qaoh")  # letters of those who may moderate
AGAIN = timedelta(seconds=30)  # what the network has not done by then is requested again
ANNOUNCED = timedelta(days=90)  # a session further away is not put in the topic
LATE = timedelta(minutes=30)  # this long after its start, an unstarted session is no longer the next
_OURS = re.compile(
    r"(?:^| \| )(?:next: [^|]* \| !sessions|[^|]* \| a class runs here, with [^|]*"
    r"(?: \| slides: [^|]*)?(?: \| !help)?)(?= \| |$)"
)
AHEAD = 20  # sessions searched for a channel's next one


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


class ChannelView(Protocol):
    """The current state of the channels on the network."""

    @property
    def nick(self) -> str:
        """The bot's own nick."""

    def fold(self, name: str) -> str: ...
    def members(self, channel: str) -> Sequence[Sender]: ...
    def membership(self, channel: str) -> ChannelStatus:
        """The bot's status there."""

    def marked(self, channel: str, nick: str) -> bool:
        """Whether they have a voice or a higher status, whoever gave it."""


class ChannelState:
    def __init__(
        self, store: Store, session_store: SessionStore, view: ChannelView, people: People, irc: IrcConfig
    ) -> None:
        self.rows, self.classes, self.session_store = store.sessions.channels, store.classes, session_store
        self.view, self.people, self.irc = view, people, irc
        self._asked: dict[tuple[str, str], datetime] = {}

    def settle(self, now: datetime) -> list[Outgoing]:
        """The lines to send to the network to bring each channel into its intended state."""
        found: list[Outgoing] = []
        for channel in self.session_store.channels:
            membership = self.view.membership(channel)
            if membership.joined and membership.modes is not None:
                run, row = self.classes.in_channel(channel), self._row(channel)
                row, topic = self._topic(row, run, membership, now)
                row, modes = self._modes(row, run, membership, now)
                found += [*topic, *modes]
                if row != self._row(channel):
                    self.rows.put(row)
        return found

    def _row(self, channel: str) -> ChannelRow:
        return self.rows.first(name=channel) or ChannelRow(channel)

    # -- the topic -------------------------------------------------------------------------------------

    def _topic(
        self, row: ChannelRow, run: ClassRun | None, membership: ChannelStatus, now: datetime
    ) -> tuple[ChannelRow, list[Outgoing]]:
        """Puts our text after that of others when ours changes; a topic set by somebody else is left alone."""
        if "t" in (membership.modes or "") and not OPERATORS & set(membership.status):
            return row, []  # only operators can set it there: done once we are one
        ours = self._words(row.name, run, membership.topic_octets, now)
        before = row.topic.removeprefix(row.base).removeprefix(BETWEEN)
        if ours == before:
            return row, []
        there, base = membership.topic, row.base
        if not row.topic.startswith(there) or not there:  # otherwise it is as we set it, perhaps cut by the server
            base = _OURS.sub("", there).removeprefix(BETWEEN)
        room = membership.topic_octets - len(ours.encode()) - len(BETWEEN)
        full = BETWEEN.join(part for part in (_cut(base, room) if room > len("…".encode()) else "", ours) if part)
        return replace(row, topic=BETWEEN.join(part for part in (base, ours) if part), base=base), [
            Topic(row.name, full)
        ]

    def _words(self, channel: str, run: ClassRun | None, longest: int, now: datetime) -> str:
        if run is not None:
            slides, talk = self._slides(run), self.irc.talk_of(channel)
            here = f"a class runs here, with {run.presenter}" + (f", talk in {talk}" if talk else "")
            words = [_plain(run.title), here, *([f"slides: {slides}"] if slides else []), "!help"]
            if slides and len(BETWEEN.join(words).encode()) > longest:
                del words[-2]  # !slides gives them
            return BETWEEN.join(words)
        for session in self.session_store.upcoming(now, AHEAD):
            if (
                now - LATE < session.start < now + ANNOUNCED
                and channel in self.session_store.where(session)
                and self.classes.first(session_uid=session.uid) is None
            ):
                return f"next: {_plain(session.title)}, {describe(session.start, 'UTC', now)}{BETWEEN}!sessions"
        return ""

    def _slides(self, run: ClassRun | None) -> str:
        session = self.session_store.get(run.session_uid) if run is not None and run.session_uid else None
        return (session.slides or session.link or "") if session is not None else ""

    # -- voices and quiet --------------------------------------------------------------------------------

    def _modes(
        self, row: ChannelRow, run: ClassRun | None, membership: ChannelStatus, now: datetime
    ) -> tuple[ChannelRow, list[Outgoing]]:
        if not OPERATORS & set(membership.status):
            return row, []
        moderated = "m" in (membership.modes or "")
        found: list[Outgoing] = []
        talk = self.irc.talk_of(row.name)
        if run is not None and talk and not row.quiet and not moderated:
            row = replace(row, quiet="on")
            found.append(
                Line(
                    row.name,
                    f"only presenters and helpers speak here; talk and ask in {talk}, or message me: "
                    f"/msg {self.view.nick} help",
                    Priority.PRESENTER,
                )
            )
        wanted = run is not None and row.quiet == "on"
        if wanted != moderated and row.quiet and self._may_ask(row.name, "+m" if wanted else "-m", now):
            found.append(Modes(row.name, "+m" if wanted else "-m"))
        if (
            row.quiet and not wanted and not moderated and (run is None or not talk)
        ):  # there, off holds until the class ends
            row = replace(row, quiet="")
        voiced = row.voiced.split()
        quiet = row.quiet == "on" or bool(talk and moderated)
        # a voice given by somebody else is left alone
        should = [
            nick
            for nick in self._speakers(row, run, quiet=quiet)
            if nick in voiced or not self.view.marked(row.name, nick)
        ]
        more, less = [nick for nick in should if nick not in voiced], [nick for nick in voiced if nick not in should]
        there = {self.view.fold(member.nick) for member in self.view.members(row.name)}
        found += _each(row.name, "+v", more) + _each(row.name, "-v", [nick for nick in less if nick in there])
        return replace(row, voiced=" ".join(should)), found

    def _speakers(self, row: ChannelRow, run: ClassRun | None, *, quiet: bool) -> list[str]:
        """The presenter of the class; while the channel is quiet, all presenters and helpers in it."""
        if run is None:
            return []
        return [
            nick
            for member in self.view.members(row.name)
            if (nick := self.view.fold(member.nick)) == self.view.fold(run.presenter)
            or (quiet and self.people.role_of(member) >= Role.HELPER)
        ]

    def _may_ask(self, channel: str, what: str, now: datetime) -> bool:
        asked = self._asked.get((channel, what))
        if asked is not None and asked <= now < asked + AGAIN:
            return False
        self._asked[channel, what] = now
        return True

    def came_back(self, channel: str) -> None:
        """We rejoined: voices that we gave may be gone if the server was lost."""
        row = self.rows.first(name=channel)
        if row is not None:
            self.rows.put(
                replace(row, voiced=" ".join(nick for nick in row.voiced.split() if self.view.marked(channel, nick)))
            )
        self._asked = {key: at for key, at in self._asked.items() if key[0] != channel}

    def left(self, nick: str, channel: str | None) -> None:
        """Somebody who leaves and rejoins has no voice any more."""
        self._renamed(nick, "", [channel] if channel is not None else self.session_store.channels)

    def renamed(self, old: str, new: str) -> None:
        """A voice follows a change of nick."""
        self._renamed(old, new, self.session_store.channels)

    def _renamed(self, old: str, new: str, channels: Iterable[str]) -> None:
        for channel in channels:
            row = self.rows.first(name=channel)
            if row is not None and self.view.fold(old) in row.voiced.split():
                voiced = [self.view.fold(new) if nick == self.view.fold(old) else nick for nick in row.voiced.split()]
                self.rows.put(replace(row, voiced=" ".join(nick for nick in voiced if nick)))

    # -- commands ----------------------------------------------------------------------------------------

    def quiet(self, ask: Request, choice: str) -> list[Effect]:
        assert ask.channel is not None  # Scope.CLASS
        row, membership = self._row(ask.channel), self.view.membership(ask.channel)
        if choice.lower() not in ("on", "off"):
            raise UserError(f'"{choice[:20]}" is neither on nor off. Usage: !quiet on, or !quiet off')
        if choice.lower() == "off":
            if row.quiet != "on":
                raise UserError(
                    f"{ask.channel} is not quiet"
                    + (
                        f"; somebody else made it moderated: /mode {ask.channel} -m ends that"
                        if "m" in (membership.modes or "")
                        else ""
                    )
                )
            self.rows.put(replace(row, quiet="off"))
            return [Line(ask.channel, "everybody can speak again", Priority.PRESENTER)]
        if not OPERATORS & set(membership.status):
            raise UserError(
                f"I can't, I am not an operator of {ask.channel}: type /msg ChanServ OP {ask.channel}, or "
                f"/mode {ask.channel} +o and my nick, then !quiet on again"
            )
        if row.quiet == "on":
            return [Reply("the channel is already quiet; !quiet off ends that")]
        if "m" in (membership.modes or ""):
            raise UserError(f"somebody else has already made {ask.channel} moderated; they have to end that first")
        self.rows.put(replace(row, quiet="on"))
        talk = self.irc.talk_of(ask.channel)
        return [
            Line(
                ask.channel,
                "quiet, please: only presenters and helpers speak now. Everybody else, message me: "
                f"/msg {self.view.nick} ask WORDS, or done, or stuck" + (f"; or talk in {talk}" if talk else ""),
                Priority.PRESENTER,
            )
        ]

    def slides(self, ask: Request) -> list[Effect]:
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        title, link = (run.title, self._slides(run)) if run is not None else ("", "")
        for session in self.session_store.upcoming(ask.at, AHEAD) if run is None else ():
            if ask.channel is None or ask.channel in self.session_store.where(session):
                title, link = session.title, session.slides or session.link or ""
                break
        return [
            Reply(f"slides for {title}: {link}" if link else "there are no slides; !sessions lists what is planned")
        ]

    def commands(self) -> list[Command]:
        return [
            Command("slides", self.slides, "link to the slides of the running class or the next one", group="sessions"),
            Command(
                "quiet",
                self.quiet,
                "let only presenters and helpers speak (moderate the channel), until !quiet off or the end of the class",
                (Argument("on|off", "word"),),
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                example="quiet on",
                group="class",
            ),
        ]


def _each(channel: str, change: str, nicks: list[str]) -> list[Outgoing]:
    return [
        Modes(channel, change[0] + change[1] * len(group), tuple(group))
        for n in range(0, len(nicks), AT_ONCE)
        if (group := nicks[n : n + AT_ONCE])
    ]


def _plain(title: str) -> str:
    """A title for a topic, where | separates the parts."""
    return _cut(title.replace("|", "/"), 120)


def _cut(text: str, octets: int) -> str:
    """``text`` cut to at most ``octets`` bytes, with an ellipsis if it was longer."""
    if len(text.encode()) <= octets:
        return text
    return text.encode()[: max(0, octets - 3)].decode(errors="ignore").rstrip() + "…"
