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
LOOK = 1.0  # seconds between two looks at the socket file
_SECOND = "another trainbot is already running here ({}): stop it first"

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlServer:
    """Answers requests with ``answer`` and pushes published topics to their subscribers.

    ``answer`` runs in the bot's loop; the requests of one connection are handled one at a time.  The text of a
    UserError or BackendError is sent to the client; any other exception becomes a reference, and the traceback is
    logged.  No line from a client, and no client that goes away or stops reading, can harm the bot or other clients.

    If the socket file is removed or replaced, or its folder or its lock is, they are made again within seconds; the
    connections stay.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = Path(path)
        self._answer = answer
        self._topics: dict[str, bytes] = {}  # topic -> the line with its latest value
        self._versions: dict[str, int] = {}  # topic -> the number of its latest value, from 1
        self._taken: dict[str, int] = {}  # topic -> the latest number that a subscriber has taken
        self._changed: dict[str, asyncio.Event] = {}  # replaced by a new one at every change
        self._took = asyncio.Event()  # replaced by a new one whenever something is taken
        self._clients, self._watching = Tasks(), Tasks()
        self._unbound = ""  # why the socket file could not be made again, as logged
        self._server: asyncio.Server | None = None
        self._lock: int | None = None
        self._inode: tuple[int, int] | None = None

    async def start(self) -> None:
        """Starts listening.  Replaces the socket file of a dead process; BackendError if a running one uses it."""
        try:
            await self._listen()
        except BaseException:
            self._unlock()
            raise
        self._watching.start(self._watch(), "watching the control socket's file")

    async def _listen(self) -> None:
        """Listens at ``path``, and no longer at a file that was there before; holds its lock, even if somebody has removed that
        file or the folder."""
        if self._lock is None or _inode(_lock_file(self.path)) != _inode_of(self._lock):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _lock(self.path)
            self._unlock()
            self._lock = lock
        before, listener = self._server, _bind(self.path)
        self._inode = _inode(self.path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=REQUEST_LIMIT)
        if before is not None:
            before.close()  # its connections stay

    async def _watch(self) -> None:
        """Makes the socket file again whenever it is gone or another one: without it nobody new can reach us."""
        while True:
            await asyncio.sleep(LOOK)
            if _inode(self.path) == self._inode:
                self._unbound = ""
                continue
            try:
                await self._listen()
                log.warning("the control socket %s was removed or replaced: it is made again", self.path)
            except (BackendError, OSError) as error:
                if str(error) != self._unbound:
                    self._unbound = str(error)
                    log.error("nobody can reach this process, whose control socket is gone: %s", error)

    async def close(self) -> None:
        """Closes every connection and removes the socket file.  May be called twice."""
        await self._watching.close()
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._clients.close()
        with suppress(OSError):
            if self._inode is not None and _inode(self.path) == self._inode:
                self.path.unlink()
        self._unlock()

    def publish(self, topic: str, value: Any) -> int:
        """Makes ``value`` (JSON) the latest value of ``topic``; returns its number.  Subscribers get it if it differs from
        the one before.

        For a slow subscriber only the latest value is kept.  Raises ValueError if the line is over ANSWER_LIMIT.
        """
        line = encode({"topic": topic, "value": value})
        if len(line) > ANSWER_LIMIT:
            raise ValueError(f"the value of topic {topic} is larger than {ANSWER_LIMIT} bytes")
        if self._topics.get(topic) != line:
            self._topics[topic] = line
            self._versions[topic] = self._versions.get(topic, 0) + 1
            self._changed.pop(topic, asyncio.Event()).set()
        return self._versions[topic]

    def has_taken(self, topic: str, version: int) -> bool:
        """Whether a subscriber has taken that value of ``topic`` or a later one."""
        return self._taken.get(topic, 0) >= version

    async def taken(self, topic: str, version: int) -> None:
        """Returns once ``has_taken``."""
        while not self.has_taken(topic, version):
            await self._took.wait()

    def _note_taken(self, topic: str, version: int) -> None:
        if not self.has_taken(topic, version):
            self._taken[topic] = version
            before, self._took = self._took, asyncio.Event()
            before.set()

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
                subscribed = _topic(request)
            except BadLine as error:
                writer.write(encode({"error": str(error)}))
                await writer.drain()
                continue
            if subscribed is not None:
                await self._push(subscribed, request.get("acknowledges") is True, reader, writer)
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

    async def _push(
        self, topic: str, acknowledges: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Sends ``topic`` until the client goes away.  Of a client that does not acknowledge what it takes (an older gateway)
        all that is known is that it was sent."""
        told = 0
        async with Tasks() as tasks:
            gone = tasks.start(self._hear_taken(topic, reader), "a subscriber's end")
            while not gone.done():
                changed = self._changed.setdefault(topic, asyncio.Event())
                version = self._versions.get(topic, 0)
                if version != told:
                    writer.write(self._topics[topic][:-2] + b',"number":%d}\n' % version)
                    await writer.drain()
                    if not acknowledges:
                        self._note_taken(topic, version)
                    told = version
                    continue  # it may have changed while the client was slow
                waiting = tasks.start(changed.wait(), f"a change of {topic}")
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)

    async def _hear_taken(self, topic: str, reader: asyncio.StreamReader) -> None:
        """Reads acknowledgements until the client goes away; anything else that it sends is dropped."""
        with suppress(ConnectionError, ValueError):  # ValueError: a line over the limit
            while line := await reader.readline():
                with suppress(BadLine):
                    took = decode(line).get("took")
                    if isinstance(took, int) and took <= self._versions.get(topic, 0):
                        self._note_taken(topic, took)


def _topic(request: dict[str, Any]) -> str | None:
    """The topic to subscribe to, or None for any other request."""
    if request.get("op") != "subscribe":
        return None
    topic = request.get("topic")
    if not isinstance(topic, str):
        raise BadLine("subscribe needs a topic")
    return topic


def _inode(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at ``path``; None if there is none that can be seen."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _inode_of(handle: int) -> tuple[int, int]:
    found = os.fstat(handle)
    return found.st_dev, found.st_ino


def refuse_second(path: Path) -> None:
    """BackendError if a process is using the socket ``path``."""
    if lock_is_held(path):
        raise BackendError(_SECOND.format(path))


def lock_is_held(path: Path) -> bool:
    """Whether the process of the socket ``path`` is alive, even if its socket file is gone."""
    try:
        handle = os.open(_lock_file(path), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _lock(path: Path) -> int:
    """Holds PATH.lock for as long as the process lives: the kernel releases it however the process ends."""
    handle = os.open(_lock_file(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise BackendError(_SECOND.format(path)) from None
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
