"""The protocol of one connection, from CAP LS to the end: lines in, lines and events out.  No I/O of its own; times are
monotonic seconds passed in.

Every line is handled inside a guard: whatever a server or a person sends, the next line is handled as if the odd one
had not arrived.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainbot.adapters.irc.connection_status import AccountSystem, ConnectionTracker
from trainbot.adapters.irc.delivery import Delivery
from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.inbound import Inbound
from trainbot.adapters.irc.joiner import ChannelJoiner
from trainbot.adapters.irc.keepalive import NOT_READING, Keepalive, Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.own_nick import OwnNick
from trainbot.adapters.irc.post_connect import PostConnect, shown
from trainbot.adapters.irc.receipts import REFUSALS, Receipts
from trainbot.adapters.irc.registration import REGISTERS, Registration
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.sasl import Credentials
from trainbot.adapters.irc.sts import StsPolicy
from trainbot.adapters.irc.window import SendWindow
from trainbot.adapters.irc.wire import Message, parse
from trainbot.adapters.irc.wire_text import cut, sanitise
from trainbot.core.messages import ChatEvent, Connected, Left, Renamed, Sender

if TYPE_CHECKING:
    from trainbot.config import IrcConfig

log = logging.getLogger(__name__)
MOVES = 5.0  # seconds after a sent line in which the queue counts as moving
_SHOWN = 300  # characters of the server's text kept in a reason


class IrcProtocol:
    """The protocol of one connection.  ``deliver`` receives the events, ``write`` the lines (without CR LF) and what
    the log may show of them.  ``ended`` is set to the reason once the connection should be closed."""

    def __init__(
        self,
        config: IrcConfig,
        outbox: Outbox,
        deliver: Callable[[ChatEvent], None],
        write: Callable[[str, str], None],
        now: float,
        *,
        patience: Timeouts,
        version: str,
    ) -> None:
        self.ended: str | None = None
        self.upgrade: int | None = None  # the port at which the server requires TLS
        self._tls = config.tls
        self.ready = False
        self.quiet = True
        """Whether ``tick`` and ``pump`` have nothing more to do for what was received since the last tick: people have
        talked, and nothing waits to be sent."""
        self.features = Features()
        self.fold = self.features.fold
        credentials = Credentials(
            config.account, config.password.reveal, config.ecdsa_key_file.read_bytes if config.ecdsa_key_file else bytes
        )
        self.registration = Registration(
            config.nick,
            sanitise(config.user).replace(" ", "") or "trainbot",
            sanitise(config.realname) or config.nick,
            sasl=config.sasl,
            credentials=credentials,
            server_password=config.server_password.reveal if config.server_password else None,
        )
        self.roster = Roster(config.nick, fold=self.fold, caps=self.registration.caps, channels=config.channels)
        self.post_connect = PostConnect(
            self.features, config.account, config.password.reveal if config.nickserv else None
        )
        self.receipts = Receipts()
        self._measured: Sender | None = None  # us, as the outbox knows how long that is
        self._nickserv = config.nickserv
        self._server = f"{config.server} port {config.port}"
        keys = {name: key.reveal for name, key in config.keys}
        self.joiner = ChannelJoiner(config.channels, keys, patience, self.roster, self.features, lambda: self.account)
        self._own_nick = OwnNick(
            config.nick, self.roster, self.features, patience, config.nick_back, lambda: self.account
        )
        self._keepalive, self._window = Keepalive(patience, now), SendWindow(outbox.interval)
        self._pinged_at: float | None = None  # the first PING that no PONG has followed
        self.lag: float | None = None
        """Seconds from our last answered PING to its PONG."""
        self._moved_at = now - MOVES  # when the outbox last released something
        self._patience = patience
        self._outbox, self._deliver, self._write = outbox, deliver, write
        self._now, self._began_at = now, now
        self._welcomed_at: float | None = None
        self._inbound = Inbound(
            self.features,
            self.roster,
            self.joiner,
            hold=patience.hold,
            version=version,
            tell=self._tell,
            answer=lambda reply: outbox.put(reply, self._now),
        )
        self.tracker = ConnectionTracker(self.features, self.roster, config.channels)
        self.delivery = Delivery(
            self.features, self.roster, self.tracker, outbox, self.receipts, lambda: self._now, self._tell
        )
        outbox.may_send = self.delivery.may_send
        outbox.formatted = self._formatted
        self._handlers = self._table()
        if not config.channels:  # a visitor who asks one question, and whose answer may come as either
            self._handlers["NOTICE"] = self._on_privmsg

    def _table(self) -> dict[str, Callable[[Message], None]]:
        return {
            "PING": self._on_ping,
            "BATCH": self._inbound.batch,
            "PONG": self._on_pong,
            "ERROR": self._on_error,
            "001": self._on_welcome,
            "005": lambda message: self.features.load(message.params),
            "376": self._on_ready,
            "422": self._on_ready,
            "PRIVMSG": self._on_privmsg,
            "NOTICE": lambda message: log.debug("notice from %s", message.source),
            "JOIN": self._on_join,
        }

    # -- from the connection ------------------------------------------------------------------

    def start(self) -> None:
        for line in self.registration.start():
            self.say(line)

    def receive(self, line: str, now: float) -> None:
        """Handles one line from the server.  Never raises."""
        self._now = now
        self._keepalive.heard(now)
        command = "?"
        try:
            message = parse(line)
            if message is not None:
                command = message.command
                self._handle(message)
        except Exception:
            log.exception("a %s line from the server could not be handled", command)
        if command != "PRIVMSG" or self._outbox or self._inbound.due() is not None:
            self.quiet = False

    def tick(self, now: float) -> None:
        """Does what is due at ``now``."""
        self._now, self.quiet = now, True
        if not self.registration.done and now - self._began_at >= self._patience.register:
            self.ended = self.ended or "the server did not welcome us in time"
        if self._welcomed_at is not None and not self.ready and now - self._welcomed_at >= 5:
            self._on_ready(Message("376"))  # the server never ends its greeting
        self._keepalive.busy = bool(self._outbox) and now - self._moved_at < MOVES
        self._keepalive.slack = self._window.unread * self._outbox.interval
        check = self._keepalive.check(now)
        if check == "dead":
            self.ended = self.ended or "the server is silent"
        elif check == "deaf":
            self.ended = self.ended or NOT_READING
        elif check == "ping" and self.registration.done:
            self._ping("alive")
        if self.ready:
            self._tick_ready(now)

    def _tick_ready(self, now: float) -> None:
        joiner = self.joiner.lines(now, wait=self.post_connect.waits_until(now) is not None)
        for line in (*joiner, *self._own_nick.lines(now)):
            self.say(line)
        proof = self.receipts.due()
        if proof is not None and now >= proof:
            self._ping(self.receipts.ask())
        held_until = self._inbound.due()
        if held_until is not None and now >= held_until:
            self._inbound.release()
        if self._outbox:
            self.delivery.tick()

    def due(self) -> float:
        """Returns when ``tick`` must be called next, at the latest."""
        times = [self._keepalive.due(), self._began_at + self._patience.register]
        if self.registration.done:
            times.pop()
        if self._welcomed_at is not None and not self.ready:
            times.append(self._welcomed_at + 5)
        if self.ready:
            waits = self.post_connect.waits_until(self._now)
            times += [max(at, waits or at) for at in self.joiner.due()]
            times += self._own_nick.due()
            times += [at for at in (self.receipts.due(), self._inbound.due()) if at is not None]
            if self._outbox:
                times.append(self._now + 5)
        return min(times)

    def may_say(self, now: float) -> bool:
        """Whether waiting lines may be sent as far as the server is concerned; the pace is the outbox's."""
        return self.ready and self._window.open(now)

    def pump(self, now: float) -> None:
        """Writes what the outbox releases at ``now``."""
        self._now = now
        if not self.may_say(now):
            return
        if self._measured is not self.roster.me:
            self._measured, self._outbox.prefix_octets = self.roster.me, self.roster.prefix_octets()
        self._outbox.line_octets = self.features.line_octets
        for piece in self._outbox.take(now):
            self._write(piece.wire, piece.shown)
            self._keepalive.said(now)
            self._moved_at = now
            self.delivery.wrote(piece)
            self._window.wrote(now)
            if self._window.wants_proof:
                self._ping("read")
            if not self._window.open(now):
                return

    @property
    def settled(self) -> bool:
        """Whether ``pump`` has left nothing that is due sooner than before it."""
        return not self._outbox and self.receipts.due() is None

    def say(self, line: str) -> None:
        """Writes a line of the protocol at once; it counts towards the pace."""
        self._outbox.count(self._now)
        self._write(line, shown(line))

    def _ping(self, token: str) -> None:
        self._window.asked(self._now)
        self._pinged_at = self._now if self._pinged_at is None else self._pinged_at
        self.say(f"PING :{token}")

    @property
    def nick(self) -> str:
        return self.roster.me.nick

    @property
    def account(self) -> str | None:
        """The account that the network says we are logged in to."""
        return self.registration.account or self.post_connect.account

    @property
    def accounts(self) -> AccountSystem:
        """How people get an account on this network.  Servers offer SASL while services are linked; the nick NickServ
        alone proves nothing, anybody can take it where there are none."""
        if self._nickserv or self.account is not None or "sasl" in self.registration.offered:
            return AccountSystem.NICKSERV
        return AccountSystem.COMMAND if REGISTERS in self.registration.offered else AccountSystem.NONE

    # -- messages from the server -------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        if message.command == "PRIVMSG" and self.ready:  # concerns nothing else below
            self._on_privmsg(message)
            return
        lines = self.registration.receive(message)
        if self._must_upgrade():
            return
        for line in lines:
            self.say(line)
        if self.registration.failure:
            self.ended = self.ended or sanitise(self.registration.failure)[:_SHOWN]
            return
        command = message.command
        self.tracker.receive(message)
        self.post_connect.receive(message)
        for event in self.roster.receive(message, datetime.now(UTC)):
            self._tell(event)
        if handler := self._handlers.get(command):
            handler(message)
        ours = self._own_nick.receive(message, self._now) if self.ready else []
        for line in (*self.joiner.receive(message, self._now), *ours):
            self.say(line)
        if command == "315" and not self.joiner.counting:
            self._inbound.release()
        if command in REFUSALS:
            self.delivery.refused(message)

    def _must_upgrade(self) -> bool:
        """Whether the server requires TLS and we connected without it; then nothing more is sent here."""
        if self._tls or self.registration.sts is None:
            return False
        offer = StsPolicy.parse(self.registration.sts)
        if offer.port is None:
            return False
        self.upgrade, self.ended = offer.port, "the server wants TLS (STS)"
        return True

    @property
    def sts_duration(self) -> int | None:
        """Seconds for which the server, over TLS, says that it requires TLS; None if it does not, or if we connected
        without TLS."""
        return StsPolicy.parse(self.registration.sts or "").duration if self._tls else None

    def _tell(self, event: ChatEvent) -> None:
        if isinstance(event, Renamed) and event.before.nick != event.after.nick:
            self._outbox.renamed(self._same(event.before.nick), event.after.nick)
        if isinstance(event, Left) and event.channel is None:
            # their nick is free now: nobody else may get the lines that wait for them
            self.delivery.unspoken(self._outbox.departed(self._same(event.sender.nick)))
        self._deliver(event)

    def _on_ping(self, message: Message) -> None:
        token = cut(sanitise(message.param(0)), 400)[0]
        self.say(f"PONG :{token}")

    def _on_pong(self, message: Message) -> None:
        self._keepalive.proven()
        if self._pinged_at is not None:
            self.lag, self._pinged_at = self._now - self._pinged_at, None
        self.receipts.proven(message.param(-1))
        seconds = self._window.answered(self._now)
        if seconds is not None and (pace := self._outbox.adapt(seconds)):
            log.warning(
                "the server reads more slowly than we send: from now on %s; bot.ini asks for faster (flood_interval)",
                pace,
            )

    def _on_error(self, message: Message) -> None:
        self.ended = self.ended or f"the server closed the connection: {sanitise(message.param(-1))[:_SHOWN]}"

    def _on_welcome(self, message: Message) -> None:
        if self._welcomed_at is None:
            self._welcomed_at = self._now
            self.roster.me = type(self.roster.me)(self.registration.nick)
            self._inbound.welcomed(message)

    def _on_ready(self, message: Message) -> None:
        if self.ready or not self.registration.done:
            return
        self.ready = True
        self.features.settle()
        self.delivery.recipients.server(self.tracker.server)
        self.delivery.unspoken(self._outbox.resume(self._now))
        log.info("connected to %s as %s", self._server, self.nick)
        self._tell(Connected(self.nick, datetime.now(UTC)))
        for line in self.post_connect.begin(self.nick, self._now):
            self.say(line)
        self._tick_ready(self._now)

    # -- channels -----------------------------------------------------------------------------

    def _on_join(self, message: Message) -> None:
        channel = message.param(0)
        if self.roster.is_me(message.nick) and self.roster.in_channel(channel):
            self._inbound.joined(message, self._now)

    # -- what people say ----------------------------------------------------------------------

    def _on_privmsg(self, message: Message) -> None:
        if self.ready:
            if self.roster.is_me(message.param(0)):
                self.delivery.recipients.heard(message.nick)
            self._inbound.receive(message, self._now)

    # -- helpers ------------------------------------------------------------------------------

    def _same(self, name: str) -> Callable[[str], bool]:
        folded = self.fold(name)
        return lambda other: self.fold(other) == folded

    def _formatted(self, target: str) -> bool:
        """Whether ``target`` accepts formatting codes.  A +c channel does not: InspIRCd refuses every line with a code,
        solanum removes the codes."""
        return "c" not in (self.tracker.of(target).modes or "")
