"""The state of the bot's IRC connection in one line for organisers.  ``trainbot doctor`` shows it in detail in a
shell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.bot.audience import NetworkView
from trainbot.bot.clock_steps import ClockSteps
from trainbot.core.access import Role
from trainbot.core.clock import words
from trainbot.core.commands import Command, Request
from trainbot.core.hooks import Feature
from trainbot.core.messages import Effect, Reply
from trainbot.features.sessions.topics import Topics

DAY = timedelta(days=1)
HURTS = {"m": "only voiced people can speak (+m)", "i": "invite-only (+i)", "k": "has a key (+k)"}


class IrcStatus(Feature):
    def __init__(self, view: NetworkView, clock_steps: ClockSteps, topics: Topics) -> None:
        self.view, self.clock_steps, self.topics = view, clock_steps, topics

    def status(self, ask: Request) -> Sequence[Effect]:
        there = self.view.connection_status()
        channels = [
            f"{name}: {self._membership(name, membership, there)}" for name, membership in there.channels.items()
        ]
        return [
            Reply("; ".join([_connection(there), *channels, *_lost(there, ask.at), *self._steps(ask.at)]), private=True)
        ]

    def _membership(self, name: str, membership: ChannelMembership, there: ConnectionStatus) -> str:
        if not membership.joined:
            return f"not in ({membership.refused})" if membership.refused else "not in yet"
        modes = [words for letter, words in HURTS.items() if letter in (membership.modes or "")]
        mine = (
            "I am an operator"
            if set(membership.status) & set("qaoh")
            else "I have a voice"
            if membership.privileged
            else "I have no voice"
        )
        fix = self.topics.fix(name, there.nick, there.account)
        topic = [f"I can't set the topic (+t): {fix} lets me"] if fix else []
        return ", ".join([f"{len(self.view.members(name))} people", mine, *modes, *topic])

    def _steps(self, now: datetime) -> list[str]:
        """The last time that the clock was set, if that was within a day."""
        last = next(reversed(self.clock_steps.recent), None)
        if last is None or now - last[0] > DAY:
            return []
        at, by = last
        return [f"this machine's clock was set {words(by)} at {at:%H:%M} UTC"]

    def commands(self) -> list[Command]:
        return [
            Command(
                "status",
                self.status,
                "show the bot's IRC connection: server, nick, account, channels and the last error; and if the clock was set",
                role=Role.ORGANISER,
                group="sessions",
            )
        ]


def _connection(there: ConnectionStatus) -> str:
    where = f"{there.network} ({there.host})" if there.network else there.host
    if not there.connected:
        return f"not connected to {where}: {there.trouble or 'connecting'}"
    return f"{where}: I am {there.nick}, " + (f"logged in as {there.account}" if there.account else "not logged in")


def _lost(there: ConnectionStatus, now: datetime) -> list[str]:
    """When and why the previous connection ended, if that was within a day."""
    if not there.lost or there.lost_at is None or now.timestamp() - there.lost_at > DAY.total_seconds():
        return []
    return [f"lost at {datetime.fromtimestamp(there.lost_at, UTC):%H:%M} UTC: {there.lost}"]
