"""Answers requests from the bot and shell commands: checks labs, logs in to them, asks hosts for their status.

Requests and answers are JSON objects (gateway.sock).  A failure is answered with ``error``, one sentence, and
``reason``: a ``connect.UnreachableReason``, or REQUEST for an invalid request.  Labs and hosts are untrusted: their output
is limited in size and time, and stripped of terminal control sequences.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any

import asyncssh

from trainbot.gateway.lab.connect import LabLogin, LabUnreachable, UnreachableReason, connect_ssh, log_in
from trainbot.gateway.lab.dial import lab_key
from trainbot.gateway.lab.jump_hosts import JumpHosts, JumpHostUnreachable
from trainbot.gateway.lab.pipe import SocketBackpressure
from trainbot.gateway.lab.remote_command import begin
from trainbot.gateway.rpc.host_status import ask_status, count
from trainbot.gateway.settings import GatewayConfig

REQUEST = "request"
MOST_OUTPUT = 2 << 20  # bytes kept of each kind of output: the answer has to fit into one line
LONGEST = 3600.0  # seconds
MANY = 64  # requests handled at once; more wait for their turn


class RequestHandlers:
    """Answers ``speaks``, ``login`` and ``status``."""

    def __init__(self, config: GatewayConfig, jump_hosts: JumpHosts) -> None:
        self._config, self._jump_hosts = config, jump_hosts
        self._turns = asyncio.Semaphore(MANY)

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with self._turns:
                match request.get("op"):
                    case "speaks":
                        return await self._speaks(request)
                    case "login":
                        return await self._login(request)
                    case "status":
                        return await ask_status(self._jump_hosts, _text(request, "via"), self._config.jump_host_wait)
        except LabUnreachable as error:
            return {"error": str(error), "reason": error.reason}
        except JumpHostUnreachable as shut:
            return {"error": str(shut), "reason": UnreachableReason.JUMP_HOST}
        except (ValueError, TypeError, OverflowError) as error:
            return {"error": f"invalid request to the gateway: {error}", "reason": REQUEST}
        return {
            "error": "unknown operation: the gateway supports speaks, login, status, inside and leave",
            "reason": REQUEST,
        }

    async def _speaks(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """{"speaks": whether an ssh server sent its banner, "why": '' or one sentence that says why not}."""
        try:
            sock = await connect_ssh(self._config, self._jump_hosts, _text(request, "via"), _endpoint(request))
        except LabUnreachable as error:
            return {"speaks": False, "why": str(error)}
        sock.close()
        return {"speaks": True, "why": ""}

    async def _login(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """RemoteCommand.answer of ``command`` with ``stdin``, in ``timeout`` seconds, ``limit`` bytes of each kind."""
        via, endpoint = _text(request, "via"), _endpoint(request)
        user, host_key = _text(request, "user", "root"), _text(request, "host_key")
        words = _text(request, "command", "true"), _text(request, "stdin").encode("utf-8", "replace")
        limit = min(count(request.get("limit", 65536), 1 << 62), MOST_OUTPUT)
        timeout = min(max(float(request.get("timeout", 30.0)), 0.1), LONGEST)
        connection: asyncssh.SSHClientConnection | None = None
        try:
            async with asyncio.timeout(timeout):
                login = LabLogin(user, host_key, lab_key(self._config))
                sock = await connect_ssh(self._config, self._jump_hosts, via, endpoint)
                connection = await log_in(self._config, sock, login, SocketBackpressure())
                return await _run(connection, *words, limit)
        except TimeoutError:
            what = "the login to the lab" if connection is None else "the command in the lab"
            raise LabUnreachable(UnreachableReason.TIMEOUT, f"{what} timed out after {timeout:g} s") from None
        finally:
            if connection is not None:
                connection.abort()


async def _run(connection: asyncssh.SSHClientConnection, command: str, stdin: bytes, limit: int) -> dict[str, Any]:
    try:
        running = await begin(connection, command, limit)
        if not running.chan.is_closing():  # a quick command may have ended by now
            running.chan.write(stdin)
            running.chan.write_eof()
        await running.over
        return running.answer()
    except asyncssh.ChannelOpenError:
        raise LabUnreachable(UnreachableReason.REFUSED, "the lab accepts the login but does not run commands") from None
    except (asyncssh.Error, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise LabUnreachable(
            UnreachableReason.SILENT, "the connection to the lab was lost during the command"
        ) from None


def _text(request: Mapping[str, Any], name: str, default: str = "") -> str:
    value = request.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    return value


def _endpoint(request: Mapping[str, Any]) -> tuple[str, int]:
    """[ADDRESS, PORT] of a lab: an IP address and not a name, so that no name server is asked."""
    value = request.get("endpoint")
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise ValueError("endpoint must be [ADDRESS, PORT]")
    return str(ipaddress.ip_address(value[0])), count(value[1], 65535)
