"""The IRC connection: stays connected, reports what happens and sends what it is given.

jaraco's ``irc`` parses masks, tags and ISUPPORT; its reactor and connection are not used, because they send NICK before
CAP, drop the connection when a handler raises, and sleep to keep the pace.  The protocol's state is in pure modules
(``protocol`` and its parts); this one has the loop, the socket and the clock.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainbot import __version__
from trainbot.adapters.irc.connect_errors import in_words
from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.adapters.irc.keepalive import Backoff, Timeouts
from trainbot.adapters.irc.network_state import NetworkState
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.adapters.irc.sts import StsPolicies
from trainbot.adapters.irc.transport import Transport, connect
from trainbot.adapters.irc.trust import refuse_unsafe
from trainbot.adapters.irc.wire_text import sanitise
from trainbot.core.messages import ChatEvent, Disconnected, Line, LineUndelivered, Outgoing
from trainbot.core.tasks import Tasks

if TYPE_CHECKING:
    from trainbot.config import IrcConfig

log = logging.getLogger(__name__)
_FLOODED = re.compile(r"\bflood|recvq exceeded", re.IGNORECASE)
_BANNED = re.compile(r"\b(banned|[kgzd][- ]?lined?)\b", re.IGNORECASE)
DENIALS = 2
"""Refused logins after which we stop trying: more would get us banned; a single one may be a fault of the services."""


class IrcConnection(NetworkState):
    """Connects to one network and stays there.

    ``deliver`` is called on the loop, one event at a time; an exception that it raises is logged and does no harm.
    ``version`` is the answer to CTCP VERSION.  ``heard`` is called after the lines of each read, for callers that wait for
    ``connection_status`` to change; until then ``reading`` is set.  ``policies``: which networks require TLS whatever bot.ini says.  Raises
    ConfigError if the configuration would expose the password on the network, or cannot work.
    """

    def __init__(
        self,
        config: IrcConfig,
        deliver: Callable[[ChatEvent], None],
        *,
        version: str = f"trainbot {__version__}",
        patience: Timeouts | None = None,
        heard: Callable[[], None] = lambda: None,
        policies: StsPolicies | None = None,
    ) -> None:
        refuse_unsafe(config)
        super().__init__(config)
        self._receiver, self._heard = deliver, heard
        self._policies = policies or StsPolicies(None)
        self._turn = self._denials = 0  # the turn selects the server to try next
        self._changed = asyncio.Event()  # set when the configuration changes
        self._patience = patience or Timeouts()
        self._version = f"{version} ({config.contact})" if config.contact else version
        self._outbox = Outbox(config.flood_burst, config.flood_interval)
        self._outbox.verb = _verb(config)
        self._outbox.may_send = lambda target: False
        self._link: Transport | None = None
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._closing = self.reading = False
        self.admission = asyncio.Event()  # cleared: stay away from the network for now
        self.admission.set()
        self.trouble = ""
        """Why we are not connected, as last seen; '' while connected."""
        self._lost: tuple[str, float | None] = ("", None)
        self._host = config.server

    # -- what the rest of the bot calls -------------------------------------------------------

    async def run(self) -> None:
        """Connects, and reconnects whenever the connection is lost, until ``close``."""
        if not self._closing:
            await self._live(self._stay_connected())

    async def visit(self) -> None:
        """Connects once, until ``close`` or until the connection is lost; ``trouble`` then says why."""

        async def once() -> None:
            self.trouble = await self._one_try()

        await self._live(once())

    async def _live(self, life: Coroutine[None, None, None]) -> None:
        async with Tasks() as tasks:
            self._life = tasks.start(life, "irc", awaited=True)
            await asyncio.wait([self._life])
        if not self._life.cancelled():
            self._life.result()

    def reconfigure(self, config: IrcConfig) -> None:
        """Applies servers, TLS, login and pace from ``config``: the pace at once, the rest at the next connection.  A
        login that was given up is tried again at once.  Raises ConfigError as the constructor does, and then changes
        nothing."""
        refuse_unsafe(config)
        self._config, self._turn, self._denials = config, 0, 0
        self._outbox.pace(config.flood_burst, config.flood_interval)
        self._outbox.verb = _verb(config)
        self._changed.set()

    def send(self, *outs: Outgoing) -> None:
        """Queues ``outs``, and writes what may be written now.  Never blocks, never raises.  A Line with a ticket is
        answered by LineSent (it was written to the socket) or LineUndelivered.  LineUndelivered may follow LineSent if the
        server refuses the line, or if the connection is lost before the server has proven that it received it."""
        if not outs:
            return
        for out in outs:
            try:
                if isinstance(out, Line) and out.ticket is not None and not self.connected:
                    self._give_back([(out.ticket, "not connected")], soon=True)
                else:
                    self._give_back(self._outbox.put(out, self._now()), soon=True)
            except Exception:
                log.exception("a line could not be queued")
        if not self._written():
            self._wake.set()

    def _written(self) -> bool:
        """Writes what may be written now; False if ``_serve`` has to look at the rest."""
        session, link = self._session, self._link
        if session is None or link is None or session.ended is not None or not link.writable:
            return False
        link.collect()
        try:
            session.pump(self._now())
        except Exception:
            log.exception("lines could not be written")
            return False
        finally:
            link.flush()
        return session.settled

    def hold(self) -> None:
        """Stops reading until ``go_on``; what the server sends waits in the socket."""
        if self._link is not None:
            self._link.hold()

    def go_on(self) -> None:
        if self._link is not None:
            self._link.go_on()

    async def close(self, reason: str = "") -> None:
        """Sends QUIT and ends ``run``, within ``Timeouts.goodbye`` seconds."""
        self._closing = True
        if self._link is not None and self._session is not None:
            self._session.say(f"QUIT :{sanitise(reason) or 'bye'}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._link.closed.wait(), self._patience.goodbye)
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([self._life])

    def waiting(self) -> dict[str, int]:
        return self._outbox.waiting()

    def connection_status(self) -> ConnectionStatus:
        """Returns the current status of the connection."""
        session, link = self._session, self._link
        if not self.connected or session is None:
            return ConnectionStatus(
                False,
                self.trouble,
                self.nick,
                channels=dict.fromkeys(self._config.channels, ChannelMembership()),
                host=self._host,
                lost=self._lost[0],
                lost_at=self._lost[1],
            )
        return ConnectionStatus(
            True,
            "",
            session.nick,
            session.account,
            session.tracker.server,
            sanitise(session.features.network),
            link.certificate_ends if link else None,
            {channel: session.tracker.of(channel) for channel in self._config.channels},
            self._host,
            *self._lost,
            tls=link.tls if link else "",
            lag=session.lag,
            accounts=session.accounts,
        )

    # -- staying connected --------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        backoff = Backoff(self._patience)
        while not self._closing:
            await self.admission.wait()
            self._changed.clear()
            began, server = self._now(), self._next_config()
            reason = await self._one_try()
            if self._closing:
                return
            self.trouble, self._lost = reason, (reason, self._clock())
            if self._now() - began >= self._patience.stable:
                backoff.reset()
            where = f"{server.server} port {server.port}"
            if self._denials >= DENIALS:
                log.error("%s refuses the bot: %s; not trying again until bot.ini changes (then SIGHUP)", where, reason)
                await self._changed.wait()
                continue
            wait = backoff.wait() if self._turn % (1 + len(self._config.more_servers)) == 0 else self._patience.shortest
            if _FLOODED.search(reason):
                log.warning(
                    "disconnected for sending too fast: from now on %s; set it in bot.ini (flood_burst, flood_interval)",
                    self._outbox.slow_down(),
                )
            if _BANNED.search(reason):
                wait = max(wait, self._patience.banned)
            log.warning("no IRC connection to %s: %s; next try in %.1f s", where, reason, wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)

    def _next_config(self) -> IrcConfig:
        """Returns the configuration for the next server in turn, with TLS if that network once required it."""
        servers = ((self._config.server, self._config.port), *self._config.more_servers)
        host, port = servers[self._turn % len(servers)]
        config = replace(self._config, server=host, port=port)
        wanted = self._policies.port(host, self._clock())
        return config if config.tls or wanted is None else replace(config, tls=True, port=wanted)

    async def _one_try(self) -> str:
        """Tries to connect once; returns why the connection ended or could not be made."""
        try:
            return await self._one_connection()
        except OSError as error:  # refused, unknown host, TLS, time-out
            return in_words(error)
        except Exception as error:
            log.exception("the IRC connection failed")
            return type(error).__name__

    async def _one_connection(self) -> str:
        """Runs one connection from connecting until it is lost; returns why it ended.  If the server requires TLS,
        reconnects with TLS at once."""
        config = self._next_config()
        self._turn += 1  # the next try uses the next server; a server that welcomes us keeps its turn
        reason, upgrade = await self._connection(config)
        if upgrade is not None and not self._closing:
            log.info("%s requires TLS: switching to its port %d", config.server, upgrade)
            reason, _ = await self._connection(replace(config, tls=True, port=upgrade))
        return reason

    async def _connection(self, config: IrcConfig) -> tuple[str, int | None]:
        """Returns (why the connection ended, the port at which the server requires TLS or None)."""
        self._host = config.server
        session = IrcProtocol(
            config,
            self._outbox,
            self._deliver,
            self._write,
            self._now(),
            patience=self._patience,
            version=self._version,
        )

        def hear(lines: Iterable[str]) -> None:
            if self._session is not session:  # a connection that was given up
                return
            self.reading, now = True, self._now()
            try:
                for line in lines:
                    session.receive(line, now)
            finally:
                self.reading = False
            if not session.quiet:
                self._wake.set()
            self._heard()

        self._session = session
        try:
            async with asyncio.timeout(self._patience.connect):
                self._link = link = await connect(config, hear, self._wake.set)
            session.start()
            await self._serve(link, session, config)
            return session.ended or link.reason, session.upgrade
        finally:
            self._denials = self._denials + 1 if session.registration.denied else 0
            self._heed(config, session)
            self._lose(session)

    def _heed(self, config: IrcConfig, session: IrcProtocol) -> None:
        """Stores the TLS policy (STS) that the server announced over TLS: at its welcome, and again at the end, because
        its duration starts then."""
        if session.sts_duration is not None:
            self._policies.heard(config.server, config.port, session.sts_duration, self._clock())

    async def _serve(self, link: Transport, session: IrcProtocol, config: IrcConfig) -> None:
        """Does what is due when it is due, until the link is closed or the session has ended."""
        welcome = False
        while not link.closed.is_set():
            self._wake.clear()
            now = self._now()
            link.collect()
            try:
                session.tick(now)
                if link.writable:
                    session.pump(now)
            finally:
                link.flush()
            if session.ended is not None:
                return
            if session.ready and not welcome:
                welcome, self.trouble = True, ""
                self._turn -= 1
                self._heed(config, session)
            pace = self._outbox.wait(now) if session.may_say(now) and link.writable else None
            due = session.due() if pace is None else min(session.due(), now + pace)
            timer = asyncio.get_running_loop().call_at(due, self._wake.set)  # costs less than asyncio.timeout
            try:
                await self._wake.wait()
            finally:
                timer.cancel()

    def _write(self, line: str, shown: str) -> None:
        if self._link is not None:
            log.debug(">> %s", shown)
            self._link.write(line)

    def _lose(self, session: IrcProtocol) -> None:
        link, self._link, self._session = self._link, None, None
        self._outbox.may_send = lambda target: False
        if link is None:
            return
        link.close()
        if session.ready:
            self._last_fold = session.fold
            self._deliver(Disconnected(session.ended or link.reason, datetime.now(UTC)))
        reason = "the connection was lost before the server had it"
        unproven = [(ticket, reason) for ticket in session.receipts.lost()]
        self._give_back(unproven + self._outbox.lost(self._now()))

    def _give_back(self, refused: list[tuple[int, str]], *, soon: bool = False) -> None:
        """Reports lines that were not sent; ``soon``: later on the loop, not from within the caller's ``send``."""
        for ticket, reason in refused:
            event = LineUndelivered(ticket, reason, datetime.now(UTC))
            if soon:
                asyncio.get_running_loop().call_soon(self._deliver, event)
            else:
                self._deliver(event)

    def _deliver(self, event: ChatEvent) -> None:
        try:
            self._receiver(event)
        except Exception:
            log.exception("%s could not be handled", type(event).__name__)

    @staticmethod
    def _clock() -> float:
        return datetime.now(UTC).timestamp()

    @staticmethod
    def _now() -> float:
        return time.monotonic()  # as the loop's own time


def _verb(config: IrcConfig) -> str:
    return "NOTICE" if config.notice else "PRIVMSG"
