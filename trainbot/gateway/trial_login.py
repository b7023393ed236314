"""The other side of the gateway: somebody who logs in with a password, as a learner does, and runs commands.

A rehearsal comes in this way, so that whatever would keep learners out keeps it out as well.
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

CONNECT = 15.0  # seconds until the gateway itself has let us in
LOST = 255  # what a session ends with that the gateway ended (gateway.session)
SAID = "trainbot: "  # what the gateway says on stderr begins so


class LoginRefused(BackendError):
    """There was no way in, or it broke off: one sentence, the gateway's own where it said one."""


class LoggedIn:
    """A connection that was let in.  Each command is a session of its own; the first waits for a lab that boots."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def run(self, command: str, stdin: str = "", *, timeout: float, limit: int = 65536) -> CommandResult:
        """Within ``timeout`` seconds, ``limit`` bytes kept of each kind of output; TurnedAway where it does not come to
        its end."""
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
            raise LoginRefused(f"not within {timeout:g} s" + (f": {said}" if said else "")) from None
        except LabUnreachable as error:
            raise LoginRefused(str(error)) from None
        except (asyncssh.Error, OSError) as error:
            raise LoginRefused(f"the gateway broke off: {error}"[:200]) from None
        finally:
            if running is not None and running.chan is not None:
                running.chan.abort()
        answer = running.answer()
        if answer["exit"] == LOST and (said := _last(answer["stderr"])):
            raise LoginRefused(said)
        return CommandResult(answer["exit"], answer["stdout"], answer["stderr"], answer["signal"], answer["cut"])


class TrialLogin:
    """Comes to the gateway that runs on the folder ``state``, on the port where learners come, and lets nobody else's
    key pass for the gateway's."""

    def __init__(self, state: Path) -> None:
        self._state = state

    @asynccontextmanager
    async def enter(self, user: str, password: str) -> AsyncIterator[LoggedIn]:
        """TurnedAway where the password does not open the gateway."""
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
                f"what listens on port {port} has another host key than our gateway: learners' ssh would "
                "warn and refuse"
            ) from None
        except asyncssh.PermissionDenied:
            raise LoginRefused("the gateway does not take the password") from None
        except TimeoutError:
            raise LoginRefused(f"the gateway did not let us in within {CONNECT:g} s") from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise LoginRefused(f"the gateway on port {port} lets nobody in: {error}"[:200]) from None

    def _address(self) -> tuple[str, int]:
        """Where the gateway listens, seen from its own machine."""
        there = listening(self._state)
        if not there:
            raise LoginRefused("no gateway runs here: trainbot run starts it, gateway.log says why it ended")
        address, port = there[0]
        found = ipaddress.ip_address(address)
        if found.is_unspecified:
            return ("127.0.0.1" if found.version == 4 else "::1"), port
        return address, port


def _last(stderr: str) -> str:
    """The last sentence that the gateway said, '' where there is none."""
    said = [line.strip() for line in stderr.splitlines() if line.startswith(SAID)]
    return said[-1].removeprefix(SAID)[:200] if said else ""
