"""What the connection knows about the network now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trainbot.adapters.irc.connection_status import ChannelMembership
from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.core.messages import Sender

if TYPE_CHECKING:
    from trainbot.config import IrcConfig


class NetworkState:
    """``_session``: the connection's protocol, None while there is none."""

    def __init__(self, config: IrcConfig) -> None:
        self._config = config
        self._last_fold = Features().fold
        self._session: IrcProtocol | None = None

    def fold(self, name: str) -> str:
        """Folds a nick or channel as this server compares names (CASEMAPPING)."""
        ready = self._session is not None and self._session.ready
        return self._session.fold(name) if ready and self._session else self._last_fold(name)

    def members(self, channel: str) -> tuple[Sender, ...]:
        """Returns the other people in ``channel``; empty if we are not in it."""
        return self._session.roster.members(channel) if self._session else ()

    def holds(self, channel: str, nick: str) -> bool:
        """Whether somebody with that nick is in ``channel`` with us."""
        return self._session is not None and self._session.roster.holds(channel, nick)

    def find(self, nick: str) -> Sender | None:
        """Returns the person with that nick, or None if they are in none of our channels."""
        return self._session.roster.find(nick) if self._session else None

    def marked(self, channel: str, nick: str) -> bool:
        """Whether ``nick`` is voiced or higher in ``channel``."""
        return self._session is not None and self._session.tracker.marked(channel, nick)

    def membership(self, channel: str) -> ChannelMembership:
        """Returns our current membership of ``channel``."""
        if not self.connected or self._session is None:
            return ChannelMembership()
        return replace(self._session.tracker.of(channel), topic_octets=self._session.features.topic_octets)

    @property
    def nick(self) -> str:
        return self._session.nick if self.connected and self._session else self._config.nick

    @property
    def account(self) -> str | None:
        """The services account that we are logged in to; None if there is none."""
        return self._session.account if self.connected and self._session else None

    @property
    def connected(self) -> bool:
        """True if we are registered and the connection has not been lost since."""
        return self._session is not None and self._session.ready and self._session.ended is None
