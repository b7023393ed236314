"""Looks at an IRC network once, as an ordinary client without a login: what its server offers and what its services know.

It joins nothing.  NickServ and ChanServ are asked with INFO, whose answers differ between Atheme and Anope, and with
CTCP VERSION, which both answer.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from trainbot.adapters.irc.registration import Registration
from trainbot.adapters.irc.transport import Transport, connect
from trainbot.adapters.irc.wire import Message, parse
from trainbot.adapters.irc.wire_text import plain
from trainbot.core.errors import BackendError
from trainbot.model.config import IrcConfig

REGISTER = 25.0  # seconds to connect and be welcomed: servers look up host names first
ANSWERS = 6.0  # seconds for services to answer
_UNKNOWN = re.compile(r"(?:is not|isn.t|not) registered", re.IGNORECASE)

_NO_INFO = re.compile(r"(?:invalid|unknown) command", re.IGNORECASE)


@dataclass(slots=True)
class NetworkFacts:
    """``sasl``: the mechanisms, lower case, () if there is no SASL, None if the server does not list them; ``services``:
    "Atheme", "Anope", "services" (others), '' if there are none; ``registered``: account or channel -> whether services
    know it, as far as they said."""

    network: str = ""
    sasl: tuple[str, ...] | None = ()
    services: str = ""
    registered: dict[str, bool] = field(default_factory=dict)


class NetworkLook:
    """The conversation: lines in, lines out.  ``names``: accounts and channels that services are asked about."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.facts = NetworkFacts()
        self._names = names
        self._registration = Registration(f"tb{secrets.randbelow(10**6):06}", "trainbot", "trainbot init")
        self.welcome = False
        self.failure = ""
        self._versioned = False
        self._without_info = 0  # questions that services do not know

    def start(self) -> list[str]:
        return self._registration.start()

    @property
    def over(self) -> bool:
        """Whether nothing more is to be learned."""
        return bool(self.failure) or (
            self._versioned and len(self.facts.registered) + self._without_info >= len(self._names)
        )

    def receive(self, message: Message) -> list[str]:
        if message.command == "PING":
            return [f"PONG :{message.param(-1)}"]
        if message.command == "CAP" and message.param(1).upper() == "LS":
            self._capabilities(message.param(-1))
        out = self._registration.receive(message)
        self.failure = self.failure or self._registration.failure or ""
        match message.command:
            case "001":
                self.welcome = True
                asked = [
                    f"PRIVMSG {'ChanServ' if name[0] in '#&+!' else 'NickServ'} :INFO {name}" for name in self._names
                ]
                return [*out, "PRIVMSG NickServ :\x01VERSION\x01", *asked]
            case "005":
                named = next((word[8:] for word in message.params if word.startswith("NETWORK=")), "")
                self.facts.network = plain(named) or self.facts.network
            case "401" if message.param(1).lower() == "nickserv":
                self._versioned = True
                self.facts.registered = dict.fromkeys(self._names, False)
            case "ERROR":
                self.failure = self.failure or plain(message.param(-1)) or "the server closed the connection"
            case "NOTICE" if message.nick.lower() in ("nickserv", "chanserv"):
                self._heard(message.param(1), message.nick.lower())
        return out

    def _capabilities(self, listed: str) -> None:
        for word in listed.split():
            name, _, value = word.partition("=")
            if name == "sasl":
                self.facts.sasl = tuple(value.lower().split(",")) if value else None

    def _heard(self, text: str, service: str) -> None:
        self.facts.services = self.facts.services or "services"
        if text.startswith("\x01VERSION"):
            self._versioned = True
            found = re.search("atheme|anope", text, re.IGNORECASE)
            self.facts.services = found[0].capitalize() if found else self.facts.services
            return
        said = plain(text)
        self._without_info += bool(_NO_INFO.match(said))
        for name in self._names:
            about = (name[0] in "#&+!") == (service == "chanserv") and re.search(
                rf"(?<![\w#-]){re.escape(name)}(?![\w-])", said, re.IGNORECASE
            )
            if about and name not in self.facts.registered:
                self.facts.registered[name] = not _UNKNOWN.search(said)


async def look(config: IrcConfig, names: tuple[str, ...], tell: Callable[[str], None]) -> NetworkFacts:
    """Connects to ``config``'s server.  OSError if it can't be reached or is not trusted, BackendError if it does not let us
    in.  ``tell`` hears what is going on."""
    looking = NetworkLook(names)
    woken = asyncio.Event()
    link: Transport | None = None

    def hear(lines: Iterable[str]) -> None:
        for message in map(parse, lines):
            if message is not None and link is not None:
                for out in looking.receive(message):
                    link.write(out)
        woken.set()

    async def until(done: Callable[[], bool]) -> None:
        assert link is not None
        while not done() and not looking.over and not link.closed.is_set():
            woken.clear()
            await woken.wait()

    try:
        async with asyncio.timeout(REGISTER):
            tell(f"connecting to {config.server}:{config.port}")
            link = await connect(config, hear, woken.set)
            for out in looking.start():
                link.write(out)
            tell("waiting for its welcome")
            await until(lambda: looking.welcome)
        if looking.welcome:
            tell("asking its services")
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWERS):
                    await until(lambda: False)
        elif looking.failure or link.closed.is_set():
            raise BackendError(f"it did not let us in: {looking.failure or link.reason}")
    finally:
        if link is not None:
            link.write("QUIT :trainbot init is done")
            link.close()
    return looking.facts
