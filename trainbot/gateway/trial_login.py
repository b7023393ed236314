"""A test client of the gateway: logs in with a password, as a learner does, and runs commands.

Rehearsals use it, so that they notice everything that would keep learners out.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from trainbot.core.errors import BackendError
from trainbot.gateway import hostkey
from trainbot.gateway.lab.connect import LabUnreachable
from trainbot.gateway.lab.pipe import CIPHERS
from trainbot.gateway.lab.remote_command import RemoteCommand, begin
from trainbot.gateway.process import listening
from trainbot.gateway.rpc.gateway_client import CommandResult

CONNECT = 15.0  # seconds for the login to the gateway itself
LOST = 255  # exit status of a session that the gateway ended (learner.ssh_session)
SAID = "trainbot: "  # prefix of the gateway's messages on stderr


class LoginRefused(BackendError):
    """The login failed or the connection was lost: one sentence, the gateway's own if it sent one."""


class LoggedIn:
    """A logged-in connection.  Each command is a session of its own; the first waits for a lab that is booting."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def run(self, command: str, stdin: str = "", *, timeout: float, limit: int = 65536) -> CommandResult:
        """Runs ``command`` within ``timeout`` seconds, keeping ``limit`` bytes of each kind of output; LoginRefused if it
        does not finish."""
        running: RemoteCommand | None = None
        try:
            async with asyncio.timeout(timeout):
                running = await begin(self._connection, command, limit)
                if not running.chan.is_closing():
                    running.chan.write(stdin.encode("utf-8", "replace"))
                    running.chan.write_eof()
                await running.over
        except TimeoutError:
            said = _last(running.answer()["stderr"]) if running is not None else ""
            raise LoginRefused(f"timed out after {timeout:g} s" + (f": {said}" if said else "")) from None
        except LabUnreachable as error:
            raise LoginRefused(str(error)) from None
        except (asyncssh.Error, OSError) as error:
            raise LoginRefused(f"the gateway closed the connection: {error}"[:200]) from None
        finally:
            if running is not None and running.chan is not None:
                running.chan.abort()
        answer = running.answer()
        if answer["exit"] == LOST and (said := _last(answer["stderr"])):
            raise LoginRefused(said)
        return CommandResult(answer["exit"], answer["stdout"], answer["stderr"], answer["signal"], answer["cut"])


class TrialLogin:
    """Connects to the gateway of the folder ``state``, on the port that learners use, and checks its host key."""

    def __init__(self, state: Path) -> None:
        self._state = state

    @asynccontextmanager
    async def enter(self, user: str, password: str) -> AsyncIterator[LoggedIn]:
        """Logs in; LoginRefused if the gateway does not accept the password."""
        connection = await self._connect(user, password)
        try:
            yield LoggedIn(connection)
        finally:
            connection.abort()

    async def _connect(self, user: str, password: str) -> asyncssh.SSHClientConnection:
        address, port = self._address()
        try:
            known = asyncssh.import_public_key(hostkey.public_key(self._state))
            async with asyncio.timeout(CONNECT):
                return await asyncssh.connect(
                    address,
                    port,
                    config=None,
                    options=None,
                    username=user,
                    password=password,
                    client_keys=None,
                    agent_path=None,
                    known_hosts=([known], [], []),
                    preferred_auth=["password"],
                    gss_host=None,
                    compression_algs=None,
                    encryption_algs=CIPHERS,
                    login_timeout=CONNECT,
                    keepalive_interval=15,
                )
        except asyncssh.HostKeyNotVerifiable:
            raise LoginRefused(
                f"the server on port {port} does not have our gateway's host key: learners' ssh would warn and refuse"
            ) from None
        except asyncssh.PermissionDenied:
            raise LoginRefused("the gateway does not accept the password") from None
        except TimeoutError:
            raise LoginRefused(f"the login to the gateway timed out after {CONNECT:g} s") from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise LoginRefused(f"cannot log in to the gateway on port {port}: {error}"[:200]) from None

    def _address(self) -> tuple[str, int]:
        """The gateway's address, as seen from its own machine."""
        there = listening(self._state)
        if not there:
            raise LoginRefused("no gateway is running: trainbot run starts it, and gateway.log says why it stopped")
        address, port = there[0]
        found = ipaddress.ip_address(address)
        if found.is_unspecified:
            return ("127.0.0.1" if found.version == 4 else "::1"), port
        return address, port


def _last(stderr: str) -> str:
    """The gateway's last message, or ''."""
    said = [line.strip() for line in stderr.splitlines() if line.startswith(SAID)]
    return said[-1].removeprefix(SAID)[:200] if said else ""
