"""A small IRC server of our own on loopback: the system's ngircd, for the demo and for tests.

ngircd has no accounts and no IRCv3, but shows people's hosts, so a mask can carry a role.  Any local user can connect from
any loopback address (enough for tests); a host that only the holder of a password can have is set with WEBIRC.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import Self

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks

_START_LIMIT = 10.0
_STOP_LIMIT = 5.0

_CONF = """\
[Global]
    Name = {name}
    Info = trainbot's own server
    AdminInfo1 = trainbot
    Network = trainbot
    Listen = 127.0.0.1
    Ports = {port}
    MotdPhrase = welcome
{drop}
[Limits]
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxNickLength = 30
    PingTimeout = 20
    PongTimeout = 20
{penalty}
[Options]
    DNS = no
    Ident = no
    PAM = no
{webirc}"""


def free_port() -> int:
    """A TCP port on loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Ngircd:
    """One server that listens on 127.0.0.1 only; ``folder`` holds its configuration and its log.

    ``max_penalty`` (seconds) limits how long ngircd holds back somebody who talks fast; 0 lets
    everybody talk freely, None leaves ngircd's own rule.  ``webirc``: a password with which a client may say what host
    it comes from (https://ircv3.net/specs/extensions/webirc); '' allows nobody to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        max_penalty: int | None = None,
        name: str = "irc.trainbot.test",
        webirc: str = "",
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.folder = folder
        self.log = folder / "ngircd.log"
        self._name, self._max_penalty, self._webirc = name, max_penalty, webirc
        self._process: asyncio.subprocess.Process | None = None
        self._tasks = Tasks()
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the server; returns once it accepts connections.  Raises BackendError if ngircd is missing or the port
        is taken."""
        program = shutil.which("ngircd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise BackendError("ngircd is not installed: apt-get install ngircd")
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "ngircd.conf"
        conf.touch(mode=0o600)
        conf.write_text(self._configuration(), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            program,
            "-n",
            "-f",
            str(conf),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is ours to handle, not the server's
        )
        ready = asyncio.get_running_loop().create_future()
        self._reader = self._tasks.start(self._read(self._process, ready), "the log of ngircd", awaited=True)
        try:
            await asyncio.wait_for(ready, _START_LIMIT)
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise BackendError(f"ngircd did not start in {_START_LIMIT:.0f} s") from None
            raise

    def _configuration(self) -> str:
        # as root, ngircd gives up its rights once it has read its configuration
        drop = "    ServerUID = nobody\n    ServerGID = nogroup" if os.geteuid() == 0 else ""
        penalty = "" if self._max_penalty is None else f"    MaxPenaltyTime = {self._max_penalty}"
        webirc = f"    WebircPassword = {self._webirc}\n" if self._webirc else ""
        return _CONF.format(name=self._name, port=self.port, drop=drop, penalty=penalty, webirc=webirc)

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Future[None]) -> None:
        """Keeps the server's log, which shows when the server is ready or why it ended."""
        assert process.stdout is not None
        tail: list[str] = []
        with self.log.open("wb") as log:
            async for raw in process.stdout:
                log.write(raw)
                log.flush()
                line = raw.decode("utf-8", "replace").strip()
                tail = [*tail[-2:], line]
                if line.endswith("ready.") and not ready.done():
                    ready.set_result(None)  # logged after "Now listening"
        if not ready.done():
            ready.set_exception(BackendError(f"ngircd did not start on port {self.port}: {' / '.join(tail)}"))

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def stop(self) -> None:
        """Stops the server and waits for it.  Safe to call twice."""
        process, self._process = self._process, None
        reader, self._reader = self._reader, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_LIMIT)
            except TimeoutError:
                process.kill()
                await process.wait()
        if reader is not None:
            await reader

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
