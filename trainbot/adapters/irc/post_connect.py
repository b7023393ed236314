"""What happens between the server's welcome and joining channels: sets our bot mode, and logs in to NickServ if the
network has no SASL.  Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import plain, sanitise

log = logging.getLogger(__name__)

NICKSERV = "NickServ"
PATIENCE = 10.0  # seconds that joining waits for NickServ's answer
_SHOWN = 200


class PostConnect:
    """The steps after the welcome on one connection.  ``password`` is called when NickServ is told it; None: NickServ
    is not used.  ``account``: the account that the network then says we are logged in to."""

    def __init__(self, features: Features, account: str, password: Callable[[], str] | None) -> None:
        self.account: str | None = None
        self._features, self._name, self._password = features, account, password
        self._modes = ""  # the server's user modes (RPL_MYINFO 004)
        self._until: float | None = None  # when we stop waiting for NickServ, monotonic seconds

    def begin(self, nick: str, now: float) -> list[str]:
        """Returns the lines to send first, once the server has welcomed us."""
        letter = self._features.bot_mode or ("B" if "B" in self._modes else "")
        lines = [f"MODE {nick} +{letter}"] if letter else []
        if self._password is not None:
            self._until = now + PATIENCE
            lines.append(f"PRIVMSG {NICKSERV} :IDENTIFY {f'{self._name} ' if self._name else ''}{self._password()}")
        return lines

    def waits_until(self, now: float) -> float | None:
        """Returns when we join our channels at the latest; None: now."""
        if self._until is not None and now >= self._until:
            log.warning("%s did not answer; joining without a login", NICKSERV)
            self._until = None
        return self._until

    def receive(self, message: Message) -> None:
        match message.command:
            case "004":
                self._modes = message.param(3)
            case "900" if self._password is not None:
                self.account, self._until = message.param(2) or None, None
            case "NOTICE" if self._until is not None and self._features.fold(message.nick) == self._features.fold(
                NICKSERV
            ):
                said = sanitise(plain(message.param(1)))[:_SHOWN]
                hidden = self._password is not None and self._password() in said
                log.info("%s: %s", NICKSERV, "(its answer repeats the password)" if hidden else said)
                self._until = None
            case "401" if self._until is not None and self._features.fold(message.param(1)) == self._features.fold(
                NICKSERV
            ):
                log.warning("there is no %s on this network now; joining without a login", NICKSERV)
                self._until = None


def shown(line: str) -> str:
    """Returns ``line`` as the log may show it."""
    word, _, rest = line.partition(" ")
    target, _, more = rest.partition(" ")
    if word in ("AUTHENTICATE", "PASS") or (word == "PRIVMSG" and target == NICKSERV):
        return f"{word} ***"
    return f"JOIN {target} ***" if word == "JOIN" and more else line
