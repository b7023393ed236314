"""Gets our nick.  If somebody else has it, waits until it is free (IRCv3 MONITOR, else ISON); if it belongs to our
account, asks NickServ for it.  Pure: messages in, lines out; times are monotonic seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.keepalive import Backoff, Timeouts
from trainbot.adapters.irc.post_connect import NICKSERV
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import plain

log = logging.getLogger(__name__)

ASKED_AT_MOST = 3  # requests to NickServ on one connection
_SHOWN = 200


class OwnNick:
    """Our nick on one connection.  ``wanted``: the nick in bot.ini; ``asking``: the NickServ commands that free it
    (``regain``, ``ghost``, …), empty if NickServ is not asked; ``account``: the account we are logged in to."""

    def __init__(
        self,
        wanted: str,
        roster: Roster,
        features: Features,
        patience: Timeouts,
        asking: tuple[str, ...],
        account: Callable[[], str | None],
    ) -> None:
        self._wanted, self._roster, self._features, self._account = wanted, roster, features, account
        self._patience, self._asking = patience, asking
        self._taken_from_us = Backoff(patience)  # so as not to fight services that rename us again and again
        self._not_before = 0.0  # send no NICK before this time
        self._due = 0.0
        self._asked, self._ask_due = 0, 0.0
        self._watching, self._may_watch = False, True

    @property
    def wanted(self) -> str:
        return self._features.nick(self._wanted)

    @property
    def had(self) -> bool:
        return self._roster.is_me(self.wanted)

    def lines(self, now: float) -> list[str]:
        """Returns the lines that are due while we have another nick."""
        if self.had:
            return []
        return [*self._services(now), *self._look(now)]

    def due(self) -> list[float]:
        if self.had:
            return []
        return [self._due, *([self._ask_due] if self._may_ask() else [])]

    def receive(self, message: Message, now: float) -> list[str]:
        """Handles a message that the roster has already seen."""
        match message.command:
            case "731" if self._is_ours(message.param(-1).split(",")):
                return self._take(now)
            case "303" if not self._is_ours(message.param(-1).split()):
                return self._take(now)
            case "734":
                self._watching = self._may_watch = False  # its list is full: we ask with ISON instead
                self._due = now
            case "NICK" if self._is_ours([message.nick]) and self._roster.is_me(message.param(0)) and not self.had:
                self._lost(now)
            case "NICK" if self.had and self._roster.is_me(message.param(0)):
                return self._have()
            case "NICK" | "QUIT" if self._is_ours([message.nick]):
                return self._take(now)
            case "NOTICE" if (
                self._asked and self._features.fold(message.nick) == self._features.fold(NICKSERV) and not self.had
            ):
                log.info("%s: %s", NICKSERV, plain(message.param(1))[:_SHOWN])
        return []

    def _services(self, now: float) -> list[str]:
        if not self._may_ask() or now < self._ask_due:
            return []
        self._asked += 1
        self._ask_due = now + self._patience.regain
        log.info("%s is taken: telling %s to %s it", self.wanted, NICKSERV, " and ".join(self._asking))
        return [f"PRIVMSG {NICKSERV} :{verb.upper()} {self.wanted}" for verb in self._asking]

    def _may_ask(self) -> bool:
        return bool(self._asking) and self._asked < ASKED_AT_MOST and self._account() is not None

    def _look(self, now: float) -> list[str]:
        if now < self._due or now < self._not_before:
            self._due = max(self._due, self._not_before)
            return []
        if not self._watching and self._may_watch and self._features.has("MONITOR"):
            self._watching = True
            self._due = now + self._patience.longest
            return [f"MONITOR + {self.wanted}"]
        self._due = now + (self._patience.longest if self._watching else self._patience.nick)  # slower while watching
        return [f"ISON {self.wanted}"]

    def _is_ours(self, nicks: list[str]) -> bool:
        ours = self._features.fold(self.wanted)
        return any(self._features.fold(nick.partition("!")[0]) == ours for nick in nicks)

    def _take(self, now: float) -> list[str]:
        if self.had:
            return []
        if now < self._not_before:
            self._due = min(self._due, self._not_before)
            return []
        self._not_before = now + self._patience.shortest
        return [f"NICK {self.wanted}"]

    def _have(self) -> list[str]:
        log.info("got our nick %s back", self.wanted)
        watched, self._watching = self._watching, False
        return [f"MONITOR - {self.wanted}"] if watched else []

    def _lost(self, now: float) -> None:
        self._not_before = self._due = now + self._taken_from_us.wait()
        log.warning("the network took our nick %s away: asking for it again in %.0f s", self.wanted, self._due - now)
