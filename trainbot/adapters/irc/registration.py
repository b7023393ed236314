"""Registers with the server: capabilities, SASL and a nick (IRCv3 capability-negotiation 302, sasl-3.2, RFC 2812 3.1).

A pure state machine: messages in, lines out.  ``CAP LS 302`` is the first line on the wire.  If SASL is configured but
does not succeed, it never continues unauthenticated: it gives up and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trainbot.adapters.irc.mechanisms import MECHANISMS
from trainbot.adapters.irc.sasl import Assembler, Credentials, Mechanism, SaslRefused, chunks
from trainbot.adapters.irc.wire import Message

WANTED = (
    "account-tag",
    "account-notify",
    "extended-join",
    "chghost",
    "message-tags",
    "server-time",
    "multi-prefix",
    "batch",
)
"""Capabilities that we use if they are offered.  Not echo-message: we know what we said."""

REGISTERS = "draft/account-registration"
_KNOWN = {*WANTED, REGISTERS, "sasl", "sts"}
_NICK_TAKEN = {"433", "436", "437"}
_NICK_BAD = "432"
_DENIED = {"902", "904"}
_SASL_NUMERICS = {"900", "902", "903", "904", "905", "906", "907", "908"}


def nicks(wanted: str) -> Iterator[str]:
    """Yields the nicks to try, best first: ``wanted``, the same with one to three ``_``, then short numbered ones that
    fit a server that allows nine characters (RFC 2812 1.2.1).  Finite."""
    yield wanted
    for count in (1, 2, 3):
        yield wanted + "_" * count
    for count in range(1, 30):
        yield f"{wanted[:7]}{count:02}"


class Registration:
    """One attempt to register.  ``done`` is set once the server has welcomed us, ``failure`` once it will not.

    ``caps`` holds the enabled capabilities, ``nick`` the nick that the server gave us or that we last asked for,
    ``account`` the services account that the server logged us in to.  ``denied``: the failure is that our account and
    its proof were not accepted, so that another try would not help.  ``sts``: the value of that capability, once it was
    offered.  ``offered``: the capabilities that we know, with their values, that were offered at any time.
    """

    def __init__(
        self,
        nick: str,
        user: str,
        realname: str,
        *,
        sasl: Sequence[str] = (),
        credentials: Credentials | None = None,
        server_password: Callable[[], str] | None = None,
    ) -> None:
        self.done = False
        self.failure: str | None = None
        self.denied = False
        self.caps: set[str] = set()
        self.sts: str | None = None
        self.account: str | None = None
        self._candidates = nicks(nick)
        self.nick = next(self._candidates)
        self._user, self._realname = user, realname
        self._server_password = server_password
        self._sasl = list(sasl)
        self._credentials = credentials or Credentials()
        self.offered: dict[str, str] = {}
        self._listed = False
        self._pending: set[str] = set()
        self._ended = False
        self._mechanism: Mechanism | None = None
        self._assembler = Assembler()
        self._authenticated = False
        self._last_refusal = ""
        self._denials = 0
        self._untried = [name for name in self._sasl if name in MECHANISMS]

    # -- what the connection calls ------------------------------------------------------------

    def start(self) -> list[str]:
        password = [f"PASS :{self._server_password()}"] if self._server_password else []
        return ["CAP LS 302", *password, f"NICK {self.nick}", f"USER {self._user} 0 * :{self._realname}"]

    def receive(self, message: Message) -> list[str]:
        """Returns the lines to send in reply to ``message``; [] if it does not concern registration."""
        if self.failure is not None:
            return []
        command = message.command
        if command == "CAP":
            return self._cap(message)
        if self.done:
            return []
        if command == "001":
            return self._welcome(message)
        if command in _NICK_TAKEN or command == _NICK_BAD:
            return self._next_nick(message)
        if command == "AUTHENTICATE" or command in _SASL_NUMERICS:
            return self._sasl_step(message)
        if command in {"464", "465"}:
            self.denied = command == "464" and self._server_password is not None
            return self._fail(f"the server refuses us: {message.param(-1)}")
        return []

    # -- nick and welcome ---------------------------------------------------------------------

    def _next_nick(self, message: Message) -> list[str]:
        for nick in self._candidates:
            if nick != self.nick:
                self.nick = nick
                return [f"NICK {nick}"]
        return self._fail(f"the server takes none of our nicks: {message.param(-1)}")

    def _welcome(self, message: Message) -> list[str]:
        if self._sasl and not self._authenticated:
            return self._fail("the server let us in without the SASL login that bot.ini asks for")
        self.nick = message.param(0) or self.nick
        self.done = True
        return []

    # -- capabilities -------------------------------------------------------------------------

    def _cap(self, message: Message) -> list[str]:
        verb, listed = message.param(1).upper(), message.param(-1).split()
        if verb == "LS" and not self._listed and len(message.params) > 2:
            self._offer(listed)
            if message.param(2) != "*" or len(message.params) < 4:
                self._listed = True
                return self._request()
        elif verb == "NEW":
            fresh = self._offer(listed)
            return [f"CAP REQ {name}" for name in WANTED if name in fresh]
        elif verb == "DEL":
            self.caps -= set(listed)
        elif verb == "ACK":
            return self._answered(listed, granted=True)
        elif verb == "NAK":
            return self._answered(listed, granted=False)
        return []

    def _offer(self, listed: list[str]) -> set[str]:
        named = {name: value for name, _, value in (item.partition("=") for item in listed) if name in _KNOWN}
        self.offered.update(named)
        self.sts = named.get("sts", self.sts)
        return set(named)

    def _request(self) -> list[str]:
        if self._sasl and "sasl" not in self.offered:
            return self._fail("the server offers no SASL now, and bot.ini asks for it")
        wanted = [name for name in WANTED if name in self.offered]
        if self._sasl:
            wanted.append("sasl")
        if not wanted:
            return self._end()
        self._pending = set(wanted)
        return [f"CAP REQ :{' '.join(wanted)}"]

    def _answered(self, listed: list[str], *, granted: bool) -> list[str]:
        names = {name.lstrip("~=") for name in listed}
        if granted:
            self.caps |= names & _KNOWN
            self.caps -= {name[1:] for name in names if name.startswith("-")}
        if self._ended or not self._pending:
            return []
        if not granted and (len(names) > 1 or not names):
            # one refused capability refuses its whole line: ask for each separately
            return [f"CAP REQ {name}" for name in sorted(self._pending)]
        self._pending -= names
        if self._pending:
            return []
        if not self._sasl:
            return self._end()
        if "sasl" not in self.caps:
            return self._fail("the server refuses the SASL that it offers")
        return self._next_mechanism()

    def _end(self) -> list[str]:
        self._ended = True
        return ["CAP END"]

    # -- SASL ---------------------------------------------------------------------------------

    def _next_mechanism(self) -> list[str]:
        """Starts the first of our untried mechanisms that the server offers."""
        offered = self._mechanisms()
        while self._untried:
            mechanism = MECHANISMS[self._untried.pop(0)](self._credentials)
            if not offered or mechanism.name in offered:
                self._mechanism, self._assembler = mechanism, Assembler()
                return [f"AUTHENTICATE {mechanism.name}"]
        if self._last_refusal:
            self.denied = self._denials > 0
            return self._fail(f"SASL login refused: {self._last_refusal}")
        has = ", ".join(sorted(offered)) or "nothing that we know"
        return self._fail(f"the server's SASL has {has}; bot.ini asks for {', '.join(self._sasl)}")

    def _mechanisms(self) -> set[str]:
        """Those that the server has; empty if it does not say."""
        return {name.upper() for name in self.offered.get("sasl", "").split(",") if name}

    def _sasl_step(self, message: Message) -> list[str]:
        if self._mechanism is None:
            return []
        if message.command == "AUTHENTICATE":
            return self._challenge(message.param(0))
        if message.command == "900":
            self.account = message.param(2) or None
        elif message.command in ("903", "907"):
            proved, self._mechanism = self._mechanism.complete, None
            if not proved:
                return self._fail("the server says that we are logged in before we proved who we are")
            self._authenticated = True
            return self._end()
        elif message.command == "908":
            self.offered["sasl"] = message.param(1)
        else:  # 902 locked, 904 failed, 905 too long, 906 aborted
            mechanism, self._mechanism = self._mechanism, None  # that exchange is over
            if mechanism.name in self._mechanisms() or not self._mechanisms():  # else 908 said that it has no such one
                self._last_refusal = message.param(-1) or f"numeric {message.command}"
                self._denials += message.command in _DENIED
            return self._next_mechanism()
        return []

    def _challenge(self, part: str) -> list[str]:
        assert self._mechanism is not None
        try:
            challenge = self._assembler.feed(part)
            if challenge is None:
                return []
            answer = self._mechanism.respond(challenge)
        except SaslRefused as refused:
            return self._fail(str(refused))
        return [f"AUTHENTICATE {chunk}" for chunk in chunks(answer)]

    def _fail(self, why: str) -> list[str]:
        self.failure = why
        abort = ["AUTHENTICATE *"] if self._mechanism is not None else []
        return [*abort, "QUIT :cannot register"]
