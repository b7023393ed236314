"""One connection's link to the gateway: what it asks, and what it is told."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import asyncssh

from trainbot.gateway.lab.connect import LabUnreachable, UnreachableReason
from trainbot.gateway.lab.dial import Dialled
from trainbot.gateway.learner.status_line import StatusText
from trainbot.gateway.routes import Route
from trainbot.gateway.wire import Wire, packed, raw


class Answer(NamedTuple):
    """The gateway's answer, and the socket that came with it."""

    said: dict[str, Any]
    sock: socket.socket | None


class Told(Protocol):
    """Who hears what the gateway says about a connection."""

    def told(self, message: dict[str, Any]) -> None: ...


class GatewayLink:
    """A connection's link.  ``above``, ``watched`` and ``guests`` (who is at this lab's terminal) are what the
    gateway said last."""

    def __init__(self, wire: Wire, number: int) -> None:
        self._wire, self._number = wire, number
        self._asked = 0
        self._open: dict[int, asyncio.Future[Answer]] = {}  # questions without an answer yet
        self._gone = False
        self._route: Route | None = None
        self._changed = asyncio.Event()  # replaced at every change
        self.above = StatusText()
        self.watched: list[str] = []
        self.guests: list[str] = []
        self.listener: Told | None = None

    @property
    def waiting(self) -> int:
        """Bytes that the gateway has not taken."""
        return self._wire.waiting

    def say(self, do: str, **fields: Any) -> None:
        if not self._gone:
            self._wire.send({"do": do, "id": self._number, **fields})

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """asyncssh.ConnectionLost if the connection is closed by then."""
        return (await self._ask(do, **fields)).said

    async def _ask(self, do: str, **fields: Any) -> Answer:
        if self._gone:
            raise asyncssh.ConnectionLost("the connection is closed")
        self._asked += 1
        serial, answer = self._asked, asyncio.get_running_loop().create_future()
        self._open[serial] = answer
        self.say(do, n=serial, **fields)
        try:
            found: Answer = await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled():
                _drop(answer.result().sock)
            raise
        finally:
            del self._open[serial]
        return found

    def gone(self) -> None:
        """The connection is closed: the last thing that the gateway hears of it."""
        self.say("gone")
        self._gone = True
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(asyncssh.ConnectionLost("the connection is closed"))

    def told(self, message: dict[str, Any], sock: socket.socket | None) -> None:
        match message["do"]:
            case "answer":
                answer = self._open.get(message["to"])
                if answer is None or answer.done():  # nobody waits for it any more
                    _drop(sock)
                else:
                    answer.set_result(Answer(message, sock))
                return
            case "route":
                self.take_route(message["route"])
            case "lease_ended":
                self.take_route(None)
            case "above":
                message = {**message, "before": self.above}
                self.take_above(message)
        if self.listener is not None:
            self.listener.told(message)

    def take_above(self, message: dict[str, Any]) -> None:
        self.above, self.watched = StatusText(message["line"], message["word"]), message["watched"]
        self.guests = message["guests"]

    def take_route(self, value: dict[str, Any] | None) -> None:
        self._route = None if value is None else Route.from_json(value)
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    # -- as a RouteLookup and a LabDialer

    def route(self, lease: str) -> Route | None:
        return self._route

    async def changed(self, timeout: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout)

    async def dial(self, route: Route) -> Dialled:
        said, sock = await self._ask("dial")
        if sock is None:
            reason = UnreachableReason(said.get("reason", UnreachableReason.SILENT))
            raise LabUnreachable(reason, str(said.get("text", "the gateway has no room for another connection")))
        return Dialled(sock, Route.from_json(said["route"]), GatewayKey(self, said["to"], said["key"]))


def _drop(sock: socket.socket | None) -> None:
    if sock is not None:
        sock.close()


class GatewayKey(asyncssh.SSHKeyPair):
    """The key that labs accept: the gateway has it, and signs one login for each socket that it hands over."""

    _key_type = "agent"

    def __init__(self, link: GatewayLink, dial: int, public: str) -> None:
        key = asyncssh.import_public_key(public)
        super().__init__(key.algorithm, key.algorithm, key.sig_algorithms, key.sig_algorithms, key.public_data, None)
        self._link, self._dial = link, dial

    async def sign_async(self, data: bytes) -> bytes:
        """asyncssh awaits this instead of ``sign``; ValueError if the gateway refuses."""
        signature = raw(await self._link.ask("sign", dial=self._dial, data=packed(data)), "signature")
        if not signature:
            raise ValueError("the gateway signs nothing more for this connection")
        return signature
