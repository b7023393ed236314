"""Channel state: the topic (``topics``), who has a voice, and whether the channel is moderated.

The rows say how a channel should be, the network says how it is; each check sends the difference.  So a crash, a
netsplit or a lost line does no lasting harm: what we set stays in a row until it is seen to be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import AskChanServ, Effect, Line, Modes, Outgoing, Priority, Reply, Sender
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.topics import AHEAD, OPERATORS, ChannelStatus, Topics
from trainbot.model.class_run import ClassRun
from trainbot.model.config import IrcConfig
from trainbot.model.ports import People
from trainbot.model.session_rows import ChannelRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

AT_ONCE = 3  # modes with a nick in one line (RFC 2812 3.2.3)
AGAIN = timedelta(seconds=30)  # what the network has not done by then is requested again
ASKED_AGAIN = timedelta(hours=1)  # whether ChanServ makes us an operator


class ChannelView(Protocol):
    """The current state of the channels on the network."""

    @property
    def nick(self) -> str:
        """The bot's own nick."""

    @property
    def account(self) -> str | None:
        """The services account that the bot is logged in to; None if there is none."""

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
        self.topics = Topics(store, session_store, irc)
        self._asked: dict[tuple[str, str], datetime] = {}
        self._quiet_at: dict[
            str, datetime
        ] = {}  # when !quiet on was typed where ChanServ has to make us an operator first

    def settle(self, now: datetime) -> list[Outgoing]:
        """The lines to send to the network to bring each channel into its intended state."""
        found: list[Outgoing] = []
        for channel in self.session_store.channels:
            membership = self.view.membership(channel)
            if membership.joined and membership.modes is not None:
                run, row = self.classes.in_channel(channel), self._row(channel)
                row, topic = self.topics.settle(row, run, membership, self.view.account, now)
                row, modes = self._modes(row, run, membership, now)
                found += [*topic, *modes]
                if row != self._row(channel):
                    self.rows.put(row)
        return found

    def _row(self, channel: str) -> ChannelRow:
        return self.rows.first(name=channel) or ChannelRow(channel)

    # -- voices and quiet --------------------------------------------------------------------------------

    def _modes(
        self, row: ChannelRow, run: ClassRun | None, membership: ChannelStatus, now: datetime
    ) -> tuple[ChannelRow, list[Outgoing]]:
        if not OPERATORS & set(membership.status):
            needed = run is not None and (row.quiet == "on" or self.irc.talk_of(row.name))
            return row, self._ask_to_be_operator(row.name, now) if needed else []
        moderated = "m" in (membership.modes or "")
        found: list[Outgoing] = []
        talk = self.irc.talk_of(row.name)
        typed = self._quiet_at.pop(row.name, None)
        if run is not None and not row.quiet and not moderated and typed is not None and now < typed + AGAIN:
            row = replace(row, quiet="on")
            found.append(self._quiet_line(row.name))
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

    def _quiet_line(self, channel: str) -> Line:
        talk = self.irc.talk_of(channel)
        return Line(
            channel,
            "quiet, please: only presenters and helpers speak now. Everybody else, message me: "
            f"/msg {self.view.nick} ask WORDS, or done, or stuck" + (f"; or talk in {talk}" if talk else ""),
            Priority.PRESENTER,
        )

    def _ask_to_be_operator(self, channel: str, now: datetime) -> list[Outgoing]:
        may = self.view.account is not None and self._may_ask(channel, "OP", now, ASKED_AGAIN)
        return [AskChanServ(channel, "OP")] if may else []

    def _may_ask(self, channel: str, what: str, now: datetime, again: timedelta = AGAIN) -> bool:
        asked = self._asked.get((channel, what))
        if asked is not None and asked <= now < asked + again:
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
        self.topics.forget(channel)

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
            self._quiet_at.pop(ask.channel, None)
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
            asks = self._ask_to_be_operator(ask.channel, ask.at)
            if asks:
                self._quiet_at[ask.channel] = ask.at
                return [
                    *asks,
                    Reply(f"I have asked ChanServ to make me an operator; {ask.channel} is quiet as soon as I am"),
                ]
            raise UserError(
                f"I can't, I am not an operator of {ask.channel}: type /msg ChanServ OP {ask.channel} {self.view.nick}, or "
                f"/mode {ask.channel} +o {self.view.nick}, then !quiet on again"
            )
        if row.quiet == "on":
            return [Reply("the channel is already quiet; !quiet off ends that")]
        if "m" in (membership.modes or ""):
            raise UserError(f"somebody else has already made {ask.channel} moderated; they have to end that first")
        self.rows.put(replace(row, quiet="on"))
        return [self._quiet_line(ask.channel)]

    def slides(self, ask: Request) -> list[Effect]:
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        title, link = (run.title, self.topics.slides(run)) if run is not None else ("", "")
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
