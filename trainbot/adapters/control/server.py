"""The bot's side of the control socket."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainbot.adapters.control.lines import ANSWER_LIMIT, REQUEST_LIMIT, BadLine, decode, encode
from trainbot.core.errors import BackendError, UserError
from trainbot.core.tasks import Tasks

log = logging.getLogger(__name__)

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlServer:
    """Answers requests with ``answer`` and pushes published topics to their subscribers.

    ``answer`` runs in the bot's loop; the requests of one connection are handled one at a time.  The text of a
    UserError or BackendError is sent to the client; any other exception becomes a reference, and the traceback is
    logged.  No line from a client, and no client that goes away or stops reading, can harm the bot or other clients.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = Path(path)
        self._answer = answer
        self._topics: dict[str, bytes] = {}  # topic -> the line with its latest value
        self._changed: dict[str, asyncio.Event] = {}  # replaced by a new one at every change
        self._clients = Tasks()
        self._server: asyncio.Server | None = None
        self._lock: int | None = None
        self._inode: tuple[int, int] | None = None

    async def start(self) -> None:
        """Starts listening.  Replaces the socket file of a dead process; BackendError if a running one uses it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(self.path)
        try:
            listener = _bind(self.path)
            found = self.path.stat()
            self._inode = (found.st_dev, found.st_ino)
            self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=REQUEST_LIMIT)
        except BaseException:
            self._unlock()
            raise

    async def close(self) -> None:
        """Closes every connection and removes the socket file.  May be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._clients.close()
        with suppress(OSError):
            found = self.path.stat()
            if (found.st_dev, found.st_ino) == self._inode:
                self.path.unlink()
        self._unlock()

    def publish(self, topic: str, value: Any) -> None:
        """Makes ``value`` (JSON) the latest value of ``topic``.  Subscribers get it if it differs from the one before.

        For a slow subscriber only the latest value is kept.  Raises ValueError if the line is over ANSWER_LIMIT.
        """
        line = encode({"topic": topic, "value": value})
        if len(line) > ANSWER_LIMIT:
            raise ValueError(f"the value of topic {topic} is larger than {ANSWER_LIMIT} bytes")
        if self._topics.get(topic) != line:
            self._topics[topic] = line
            self._changed.pop(topic, asyncio.Event()).set()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.start(self._client(reader, writer), "a control connection")

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or we are closing: not worth logging
        except Exception:
            log.exception("a control connection failed")
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # over the limit: the start of the next line can't be found any more
                writer.write(encode({"error": f"the line is longer than {REQUEST_LIMIT} bytes"}))
                await writer.drain()
                return
            if not line:
                return
            try:
                request = decode(line)
                topic = _topic(request)
            except BadLine as error:
                writer.write(encode({"error": str(error)}))
                await writer.drain()
                continue
            if topic is not None:
                await self._push(topic, reader, writer)
                return
            writer.write(await self._answered(request))
            await writer.drain()

    async def _answered(self, request: dict[str, Any]) -> bytes:
        try:
            line = encode(await self._answer(request))
            if len(line) > ANSWER_LIMIT:
                raise BackendError(f"the answer is larger than {ANSWER_LIMIT} bytes")
            return line
        except (UserError, BackendError) as error:
            return encode({"error": str(error)})
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("control request failed, reference %s", reference)
            return encode({"error": f"internal error: see trainbot's log, reference {reference}"})

    async def _push(self, topic: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sends ``topic`` until the client goes away.  Anything the client still sends is read and dropped."""
        told: bytes | None = None
        async with Tasks() as tasks:
            gone = tasks.start(_drop(reader), "a subscriber's end")
            while not gone.done():
                changed = self._changed.setdefault(topic, asyncio.Event())
                line = self._topics.get(topic)
                if line is not None and line is not told:
                    writer.write(line)
                    await writer.drain()
                    told = line
                    continue  # it may have changed while the client was slow
                waiting = tasks.start(changed.wait(), f"a change of {topic}")
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)


def _topic(request: dict[str, Any]) -> str | None:
    """The topic to subscribe to, or None for any other request."""
    if request.get("op") != "subscribe":
        return None
    topic = request.get("topic")
    if not isinstance(topic, str):
        raise BadLine("subscribe needs a topic")
    return topic


async def _drop(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(65536):
            pass


def _lock(path: Path) -> int:
    """Holds PATH.lock for as long as the process lives: the kernel releases it however the process ends."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise BackendError(f"another trainbot is already running here ({path}): stop it first") from None
    return handle


def _bind(path: Path) -> socket.socket:
    """A socket bound at ``path``, with mode 0600 before anybody can connect.

    It is bound under a temporary name and then renamed, so that a file left by a dead process is replaced at once.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BackendError(f"{path} exists and is not a socket: move it away")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        draft.unlink(missing_ok=True)
        listener.bind(str(draft))
        draft.chmod(0o600)
        listener.setblocking(False)
        draft.rename(path)
    except OSError as error:  # such as a path over 107 bytes (unix(7))
        listener.close()
        draft.unlink(missing_ok=True)
        raise BackendError(f"cannot create the control socket {path}: {error.strerror or error}") from None
    return listener
