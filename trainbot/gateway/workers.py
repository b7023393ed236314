"""The worker processes, which speak ssh with strangers: given connections, and replaced when they end.

A worker holds no key and no route's secrets, and can open nothing (worker.confinement).  It is treated as hostile: one
that sends what an honest worker would not is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.gateway.hub import Hub
from trainbot.gateway.learner.connection import Connection
from trainbot.gateway.program import program
from trainbot.gateway.template import START, Template, how_many
from trainbot.gateway.wire import Wire, number, packed, text

log = logging.getLogger(__name__)
AGAIN = 1.0  # seconds that one lives at least before another is started for it
PING, SILENT = 10.0, 6  # seconds between two pings, and how many of them a worker may leave unanswered
LEVELS = (logging.INFO, logging.WARNING, logging.ERROR)


class Workers:
    """All workers.  ``host_key`` is the gateway's own, which they have."""

    def __init__(self, hub: Hub, host_key: bytes) -> None:
        self._hub, self._host_key = hub, host_key
        self._workers: list[Worker] = []
        self._tasks = Tasks()
        self._numbers = 0
        self._program = program()
        self._closed = False

    async def start(self, template: Template) -> None:
        """Takes the first workers from ``template``.  BackendError if they do not start, nor those of another one."""
        try:
            await self._begin(template)
        except BackendError as error:
            log.error("%s; trying again", error)
            await self._begin(Template(how_many()))
        try:
            async with asyncio.timeout(START):
                await asyncio.gather(*(worker.ready.wait() for worker in self._workers))
        except TimeoutError:
            raise BackendError("the gateway's workers do not start: see gateway.log") from None
        self._tasks.start(self._ping(), "looking after the workers")

    def take(self, sock: socket.socket, address: str) -> None:
        """Gives a new connection to the worker that has the fewest, unless it is refused."""
        ready = [worker for worker in self._workers if worker.ready.is_set()]
        if sentence := self._hub.refusal(address):
            with sock:  # a line before the version (RFC 4253, section 4.2)
                sock.send(f"trainbot: {sentence}\r\n".encode())
            return
        if not ready:
            sock.close()
            return
        self._numbers += 1
        min(ready, key=len).take(self._numbers, sock, address)

    def lost(self, worker: Worker) -> None:
        """It has ended, or had to be."""
        self._workers.remove(worker)
        if not self._closed:
            self._tasks.start(self._again(worker.began), "starting a worker")

    def close(self) -> None:
        """Ends them: a worker ends when its socket is closed."""
        self._closed = True
        self._tasks.cancel()
        for worker in list(self._workers):
            worker.close()

    async def _begin(self, template: Template) -> None:
        try:
            for pid, sock in await asyncio.to_thread(template.workers):
                self._add(pid, sock)
        finally:
            template.close()

    def _add(self, pid: int, sock: socket.socket) -> None:
        worker = Worker(self._hub, self, pid, sock)
        self._workers.append(worker)
        worker.send({"do": "start", "config": self._hub.config.for_workers(), "host_key": packed(self._host_key)})

    async def _again(self, began: float) -> None:
        while True:
            await asyncio.sleep(began + AGAIN - time.monotonic())
            if await asyncio.to_thread(program) != self._program:
                break
            began = time.monotonic()
            try:
                await self._begin(Template(1))
                return
            except BackendError as error:
                log.error("%s; trying again", error)
        log.warning("no worker is started again: another version of the gateway is installed by now")
        if not self._workers:
            self._hub.left.set()  # the bot starts the new one

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING)
            for worker in list(self._workers):
                worker.ping()


class Worker:
    """One worker process, a child of ours, and its connections."""

    def __init__(self, hub: Hub, workers: Workers, pid: int, sock: socket.socket) -> None:
        self._hub, self._workers, self.pid = hub, workers, pid
        self.ready = asyncio.Event()
        self.began = time.monotonic()
        self._unanswered = 0  # pings
        self._lost = False
        self._connections: dict[int, Connection] = {}
        self._wire = Wire(sock, self, sockets=False)

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def waiting(self) -> int:
        return self._wire.waiting

    def send(self, message: dict[str, Any], sock: socket.socket | None = None) -> None:
        self._wire.send(message, sock)

    def take(self, number: int, sock: socket.socket, address: str) -> None:
        """Gives it a connection."""
        connection = Connection(self._hub, self, number, sock, address)
        dropped = self._hub.came(connection)
        if dropped is connection:
            sock.close()
            return
        if dropped is not None:
            dropped.cut()
        self._connections[number] = connection
        self.send({"do": "come", "id": number}, sock)

    def ping(self) -> None:
        """Gives it up if it has not answered for a while: its loop is stuck, and newcomers would be, too."""
        if self._unanswered >= SILENT:
            self.lost("it does not answer")
        else:
            self._unanswered += 1
            self.send({"do": "ping"})

    # -- as a Receiver

    def heard(self, message: dict[str, Any], sock: socket.socket | None) -> None:
        match message.get("do"):
            case "ready":
                log.info("worker %d is ready", self.pid)
                self.ready.set()
            case "pong":
                self._unanswered = 0
            case "log":
                level, said = number(message, "level"), text(message, "text", 4000)
                log.log(level if level in LEVELS else logging.ERROR, "worker %d: %s", self.pid, one_line(said, 4000))
            case do:
                connection = self._connections.get(number(message, "id"))
                if connection is None:
                    raise ValueError("a message about a connection that it does not have")
                if do == "gone":
                    del self._connections[message["id"]]
                    connection.gone()
                else:
                    connection.heard(message)

    def lost(self, why: str) -> None:
        if self._lost:
            return
        self._lost = True
        log.error("worker %d was lost (%s), and with it %d connections", self.pid, why, len(self))
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._hub.tasks.start(asyncio.to_thread(_reap, self.pid), "waiting for a worker to end")
        self.close()
        self._workers.lost(self)

    def close(self) -> None:
        """Closes its socket, which ends it, and forgets its connections."""
        self.ready.clear()
        self._wire.close()
        for connection in self._connections.values():
            connection.cut()
            connection.gone()
        self._connections.clear()


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
