"""Requests to the gateway (gateway.sock): whether a lab's ssh answers, commands in labs, the status of hosts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbot.adapters.control.lines import ANSWER_LIMIT, REQUEST_LIMIT, BadLine, decode, encode
from trainbot.adapters.state_folder import SOCKET
from trainbot.core.errors import BackendError

SLACK = 60.0  # seconds on top of the request's own timeout: it may have to wait for its turn


class GatewayAway(BackendError):
    """No gateway answers, so nothing is known about the lab or host."""


class GatewayRefused(BackendError):
    """The gateway could not do it.  ``reason``: "silent" (no ssh yet), "host key" (wrong key), "refused", "timeout",
    "door" (the jump host fails, so nothing is known about the lab), "no key", "request"."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command in a lab ended.  ``exit``: 0 to 255, or -1 if ``signal`` (a name) ended it.  ``cut``: its output was
    longer than the limit.  Both texts are the lab's: bounded, without control characters but new lines and tabs."""

    exit: int
    stdout: str
    stderr: str
    signal: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class HostReading:
    """The status of a host.  ``time``: its clock; ``asked`` and ``told``: ours, before and after (epoch seconds).  ``cpu``:
    user, nice, system, idle, iowait, irq, softirq, steal (proc(5), /proc/stat; all cores', since it was booted)."""

    time: float
    asked: float
    told: float
    cores: int
    cpu: tuple[int, ...]
    disk_free_mib: int | None


class GatewayClient:
    """Client of the gateway of folder ``state``.  GatewayAway if none answers, GatewayRefused if it cannot do it."""

    def __init__(self, state: Path) -> None:
        self._path = state / SOCKET

    async def speaks(self, endpoint: tuple[str, int], via: str = "") -> bool:
        """Whether an ssh server sends its banner there within some seconds."""
        return bool((await self._ask({"op": "speaks", "endpoint": list(endpoint), "via": via}, 30.0)).get("speaks"))

    async def login(
        self,
        endpoint: tuple[str, int],
        via: str = "",
        *,
        user: str = "root",
        host_key: str,
        command: str = "true",
        stdin: str = "",
        timeout: float = 30.0,
        limit: int = 65536,
    ) -> CommandResult:
        """Logs in with the installation's key, only to a server with ``host_key``, and runs ``command`` in the shell
        there: all within ``timeout`` seconds (an hour at most), ``limit`` bytes kept of each kind of output (2 MiB at
        most)."""
        answer = await self._ask(
            {
                "op": "login",
                "endpoint": list(endpoint),
                "via": via,
                "user": user,
                "host_key": host_key,
                "command": command,
                "stdin": stdin,
                "timeout": timeout,
                "limit": limit,
            },
            timeout,
        )
        return CommandResult(answer["exit"], answer["stdout"], answer["stderr"], answer["signal"], answer["cut"])

    async def status(self, via: str) -> HostReading:
        """The status of the host behind that jump host."""
        answer = await self._ask({"op": "status", "via": via}, 30.0)
        return HostReading(
            answer["time"],
            answer["asked"],
            answer["told"],
            answer["cores"],
            tuple(answer["cpu"]),
            answer["disk_free_mib"],
        )

    async def inside(self) -> int:
        """How many connections are logged in."""
        return int((await self._ask({"op": "inside"}, 10.0))["inside"])

    async def leave(self) -> int:
        """Tells the gateway to stop once nobody is logged in; how many connections there are now."""
        return int((await self._ask({"op": "leave"}, 10.0))["inside"])

    async def _ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        line = encode(request)
        if len(line) > REQUEST_LIMIT:
            raise GatewayRefused(f"the request is larger than {REQUEST_LIMIT} bytes: send less", "request")
        writer = None
        try:
            async with asyncio.timeout(timeout + SLACK):
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=ANSWER_LIMIT)
                writer.write(line)
                answer = decode(await reader.readline())
        except TimeoutError:
            raise GatewayAway("the gateway does not answer: see gateway.log") from None
        except (OSError, ValueError, BadLine):
            raise GatewayAway(
                "the gateway is not running: trainbot run starts it, and gateway.log says why it stopped"
            ) from None
        finally:
            if writer is not None:
                writer.close()
        if "error" in answer:
            raise GatewayRefused(str(answer["error"]), str(answer.get("reason", "request")))
        return answer
