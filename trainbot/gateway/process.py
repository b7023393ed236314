"""The gateway process: one per state folder; it outlives the bot that started it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from trainbot.adapters.service_manager import ServiceManager
from trainbot.core.errors import BackendError
from trainbot.core.files import write_whole
from trainbot.core.log_format import JsonFormatter, PlainFormatter
from trainbot.core.tasks import Tasks
from trainbot.gateway.program import program
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.template import Template, how_many

log = logging.getLogger(__name__)

LOCK, PID, LOG = "gateway.lock", "gateway.pid", "gateway.log"
LOOK = 1.0  # seconds between two looks at the lock and the pid file
LOG_SIZE = 1 << 20  # bytes of gateway.log, and as many of gateway.log.1
_FLOCK = "@hhqqi0q"  # struct flock of fcntl(2)


def main(config: GatewayConfig, as_json: bool = False) -> int:
    """Runs the gateway until SIGTERM or SIGINT; returns 0, or 1 with one sentence on stderr."""
    service = ServiceManager.from_environment()
    _log_to_stderr(config.state, as_json)
    lock: int | None = None
    template: Template | None = None
    try:
        lock = _hold(config.state)
        _room_for_connections()
        template = Template(how_many())  # first, because it takes as long as the rest
        asyncio.run(_until_signal(config, service, template, lock))
        return 0
    except BackendError as error:
        print(f"trainbot gateway: {error}", file=sys.stderr)
        return 1
    finally:
        if template is not None:
            template.close()
        if lock is not None:
            (config.state / PID).unlink(missing_ok=True)
            os.close(lock)


def running(state: Path) -> int | None:
    """The process id of the gateway of this state folder, or None.

    The kernel knows it from the lock that a running gateway holds: a pid file may be stale, and pids are reused.
    """
    try:
        handle = os.open(state / LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else pid
    finally:
        os.close(handle)


def listening(state: Path) -> tuple[tuple[str, int], ...]:
    """The addresses on which the running gateway listens; () if none does (yet)."""
    return _addresses(state, "at")


def asked(state: Path) -> tuple[tuple[str, int], ...]:
    """The configured addresses of the running gateway: a name there may stand for several addresses."""
    return _addresses(state, "asked")


def version(state: Path) -> str:
    """The ``program`` of the running gateway; '' if none is running, or if it is too old to say."""
    return next((line.partition(" ")[2] for line in _lines(state) if line.startswith("program ")), "")


def _addresses(state: Path, word: str) -> tuple[tuple[str, int], ...]:
    fields = [line.split(" ") for line in _lines(state)]
    try:
        return tuple((field[1], int(field[2])) for field in fields if field[0] == word)
    except (IndexError, ValueError):
        return ()


def _lines(state: Path) -> list[str]:
    """The lines in which the running gateway describes itself."""
    pid = running(state)
    try:
        first, *lines = (state / PID).read_text("utf-8").splitlines()
        return lines if pid is not None and int(first) == pid else []
    except (OSError, ValueError):
        return []


def start_detached(config_path: Path, state: Path, command: Sequence[str] | None = None, timeout: float = 60.0) -> int:
    """The process id of a listening gateway: the one that runs on ``state`` already, or a new one.

    The new one (default: ``trainbot gateway -c config_path``) has a session of its own, so that neither the bot's
    end nor Ctrl-C at its terminal ends it; it logs to gateway.log in ``state``.  BackendError if it does not start.
    """
    found = running(state)
    if found is not None and listening(state):
        return found
    command = command or (sys.executable, "-m", "trainbot", "gateway", "-c", str(config_path))
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        began = output.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    # A parent has to collect the exit status, or the process stays as a zombie.
    threading.Thread(target=child.wait, name="gateway-reaper", daemon=True).start()
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if listening(state):
            pid = running(state)
            if pid is not None:
                return pid
        if child.poll() is not None and running(state) is None:
            raise BackendError(_last_words(state / LOG, began) or "the gateway stopped before it was listening")
        time.sleep(0.02)
    raise BackendError(f"the gateway is not listening after {timeout:g} s: see {state / LOG}")


def stop(state: Path, timeout: float = 10.0) -> bool:
    """Stops the gateway of ``state``; False if none is running.  BackendError if it does not stop."""
    pid = running(state)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while running(state) == pid:
        if time.monotonic() > deadline:
            raise BackendError(f"the gateway (process {pid}) does not stop: see {state / LOG}")
        time.sleep(0.02)
    return True


async def ended(pid: int) -> None:
    """Returns when that process has ended (pidfd_open(2)).  OSError if the system cannot tell."""
    loop = asyncio.get_running_loop()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    try:
        loop.add_reader(handle, end)
        await over
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _last_words(path: Path, began: int) -> str:
    with path.open("rb") as file:
        file.seek(began)
        lines = file.read()[-4096:].decode("utf-8", "replace").split("\n")
    return next((line.removeprefix("trainbot gateway: ") for line in reversed(lines) if line.strip()), "")


def _hold(state: Path) -> int:
    """The state folder's lock, held until the process ends.  A POSIX lock (fcntl(2)), because the kernel can be
    asked who has it; it would be lost if this process closed another handle of the file, so it opens none."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(handle)
        raise BackendError(f"a gateway is already running (process {running(state)}, {state})") from None
    return handle


def _room_for_connections() -> None:
    """As many open files as the system allows: each learner needs two sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _stay_known(state: Path, about: str, lock: int) -> None:
    """Makes the lock and the pid file again if somebody removes them: without them the bot takes this gateway for ended, and
    starts another one, which cannot listen.  The first handle stays open, since ``main`` closes it."""
    failed = ""
    while True:
        await asyncio.sleep(LOOK)
        try:
            held = (state / LOCK).exists() and os.path.samestat((state / LOCK).stat(), os.fstat(lock))
            if held and (state / PID).exists():
                continue
            if not held:
                lock = _hold(state)
            write_whole(state / PID, about)
            failed = ""
            log.warning("%s or %s was removed: they are made again", state / LOCK, PID)
        except (BackendError, OSError) as error:
            if str(error) != failed:
                failed = str(error)
                log.error("%s or %s was removed, and cannot be made again: %s", state / LOCK, PID, error)


class BoundedLog(logging.StreamHandler[TextIO]):
    """Logs to ``stream``; once its file is ``path`` and larger than ``size`` bytes, renames that to ``path``.1 and goes on in
    a new one, with the same file descriptor, so that whatever else is written to it (tracebacks) follows."""

    def __init__(self, stream: TextIO, path: Path, size: int = LOG_SIZE) -> None:
        super().__init__(stream)
        self._path, self._size = path, size

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):
            self._rotate(self.stream.fileno())
        super().emit(record)

    def _rotate(self, handle: int) -> None:
        now = os.fstat(handle)
        if now.st_size <= self._size or not os.path.samestat(now, os.stat(self._path)):
            return
        os.replace(self._path, f"{self._path}.1")
        fresh = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fresh, handle)
        os.close(fresh)


def _log_to_stderr(state: Path, as_json: bool) -> None:
    handler = BoundedLog(sys.stderr, state / LOG)
    handler.setFormatter(
        JsonFormatter() if as_json else PlainFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # asyncssh logs user names and commands unfiltered; we log what matters ourselves.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)


async def _until_signal(config: GatewayConfig, service: ServiceManager, template: Template, lock: int) -> None:
    from trainbot.gateway.server import serve  # brings asyncssh, which the bot does not need

    ours = program()  # now: the files may have changed by the time somebody asks

    def ready(bound: list[tuple[str, int]]) -> None:
        lines = [
            str(os.getpid()),
            f"program {ours}",
            *(f"at {host} {port}" for host, port in bound),
            *(f"asked {host} {port}" for host, port in config.listen),
        ]
        about = "\n".join(lines) + "\n"
        write_whole(config.state / PID, about)
        tasks.start(_stay_known(config.state, about, lock), "watching the lock and the pid file")
        listening = f"listening on {', '.join(f'{host} port {port}' for host, port in bound)}"
        log.info("%s", listening)
        service.status(listening)
        service.ready()

    async with Tasks() as tasks:
        serving = tasks.start(serve(config, template, ready), "gateway", awaited=True)
        tasks.start(service.keep_alive(), "signs of life")
        loop = asyncio.get_running_loop()

        def stop() -> None:
            service.stopping()
            serving.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        with suppress(asyncio.CancelledError):
            await serving
