"""The worker process: speaks ssh with strangers, as the gateway says."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.wire import Wire, raw
from trainbot.gateway.worker import confinement
from trainbot.gateway.worker.guarded_connection import GuardedConnection, Turns
from trainbot.gateway.worker.link import GatewayLink
from trainbot.gateway.worker.ssh_connection import SshConnection

log = logging.getLogger(__name__)
# Key exchanges that cost us about a millisecond: a stranger can ask for any of them (rsa2048-sha256 costs 65 ms).  dropbear
# guesses the first; by RFC 4253 7 its guess is right only if that is our first as well.  The client's order decides.
KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "mlkem768x25519-sha256", "ecdh-sha2-nistp256"]
SAID = 4000  # characters of a log message


class WorkerProcess:
    """The worker's connections.  It ends with the socket to the gateway."""

    def __init__(self, sock: socket.socket) -> None:
        self._wire = Wire(sock, self, sockets=True)
        self._connections: dict[int, GatewayLink] = {}
        self._turns = Turns()
        self._tasks = Tasks()
        self._options: asyncssh.SSHServerConnectionOptions | None = None
        self.over = asyncio.Event()

    def ready(self) -> None:
        logging.basicConfig(handlers=[_GatewayLog(self._wire)], level=logging.INFO)
        # asyncssh logs user names and commands unfiltered; we log what matters ourselves.
        logging.getLogger("asyncssh").setLevel(logging.ERROR)
        self._wire.send({"do": "ready"})

    def heard(self, message: dict[str, Any], sock: socket.socket | None) -> None:
        match message["do"]:
            case "start":
                self._start(message)
            case "ping":
                self._wire.send({"do": "pong"})
            case "come":
                self._tasks.start(self._come(message["id"], sock), "a new connection")
            case _ if (link := self._connections.get(message["id"])) is not None:
                link.told(message, sock)
            case _ if sock is not None:
                sock.close()

    def lost(self, why: str) -> None:
        self.over.set()

    def _start(self, message: dict[str, Any]) -> None:
        config = GatewayConfig.of_a_worker(message["config"])
        self._options = asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: SshConnection(config),
            server_host_keys=[asyncssh.import_private_key(raw(message, "host_key"))],
            server_version="trainbot",
            line_editor=False,
            encoding=None,
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,
            compression_algs=None,
            login_timeout=config.login,
            keepalive_interval=config.keepalive,
            keepalive_count_max=4,
            kex_algs=KEX,
        )

    async def _come(self, number: int, sock: socket.socket | None) -> None:
        link = GatewayLink(self._wire, number)
        self._connections[number] = link
        loop, options = asyncio.get_running_loop(), self._options
        connection = None
        try:
            assert sock is not None and options is not None
            connection = GuardedConnection(loop, options, self._turns, link)
            await loop.connect_accepted_socket(lambda: connection, sock)
            await connection.closed.wait()
        except OSError:  # it was closed in between
            if sock is not None:
                sock.close()
        finally:
            link.gone()
            del self._connections[number]


class _GatewayLog(logging.Handler):
    """Sends log messages to the gateway, which writes them."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        self._wire.send({"do": "log", "level": record.levelno, "text": self.format(record)[:SAID]})


class _AtOnce(ThreadPoolExecutor):
    """Runs everything at once and starts no thread: a confined worker cannot."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


async def _serve(sock: socket.socket) -> None:
    asyncio.get_running_loop().set_default_executor(_AtOnce())
    worker = WorkerProcess(sock)
    confined = confinement.confine()
    worker.ready()
    if not confined:
        log.warning("this kernel cannot confine it: a hole in ssh reaches all that the gateway's user can read")
    await worker.over.wait()
    os._exit(0)  # nobody is left to tell anything


def main() -> None:
    """Forks a worker for each descriptor in its arguments, prints their process ids, and ends (gateway.template)."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # of the gateway: systemd sends them to all
        signal.signal(number, signal.SIG_IGN)
    confinement.load()
    gc.collect()
    gc.freeze()  # no worker writes to these pages again, so they stay shared
    sockets = [socket.socket(fileno=int(word)) for word in sys.argv[1:]]
    pids = [_fork(sock, sockets) for sock in sockets]
    with suppress(BrokenPipeError):  # the gateway is gone, and the workers are going
        os.write(1, " ".join(map(str, pids)).encode())
    os._exit(0)


def _fork(own: socket.socket, sockets: list[socket.socket]) -> int:
    """The process id of a new worker, which serves until the gateway is gone."""
    if pid := os.fork():
        return pid
    os.dup2(0, 1)  # the gateway waits for the end of what is printed
    for other in sockets:
        if other is not own:
            other.close()
    try:
        asyncio.run(_serve(own))
    except Exception:
        log.exception("a worker failed")
    os._exit(1)
