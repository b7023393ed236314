"""The client side of the control socket: one request from a shell, or a subscription to a topic."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainbot.adapters.control.lines import ANSWER_LIMIT, REQUEST_LIMIT, BadLine, decode, encode
from trainbot.adapters.control.server import lock_is_held
from trainbot.core.errors import BackendError

log = logging.getLogger(__name__)

# Seconds between tries to reach the bot: less than the gateway's wrong_delay, so that a password just given out by a
# restarted bot is known before the gateway refuses it.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 0.5


class BotNotRunning(BackendError):
    """No trainbot is running there."""


def ask(path: Path, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
    """The bot's answer, within ``timeout`` seconds.  An answer with "error" in it is returned like any other.

    Raises BotNotRunning if no bot is running, BackendError if it does not answer in time or the answer is invalid.
    """
    line = encode(request)
    if len(line) > REQUEST_LIMIT:
        raise BackendError(f"the request is larger than {REQUEST_LIMIT} bytes")
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(timeout)
            connection.connect(str(path))
        except OSError:
            raise _unreachable(path) from None
        try:
            connection.sendall(line)
            return decode(_line(connection, deadline))
        except TimeoutError:
            raise BackendError(f"trainbot did not answer within {timeout:g} s: look at its log") from None
        except (OSError, BadLine):
            raise BackendError("trainbot went away before it answered: look at its log") from None


def _unreachable(path: Path) -> BackendError:
    """Why nobody answers at ``path``: no bot is running, or one is that has lost its socket file."""
    if lock_is_held(path):
        if os.path.lexists(path) and not path.is_socket():
            return BackendError(f"trainbot is running but cannot be reached: {path} is not a socket, so move it away")
        return BackendError(f"trainbot is running but cannot be reached ({path}): try again in a few seconds")
    return BotNotRunning(f"trainbot is not running here ({path}): start it with trainbot run")


def _line(connection: socket.socket, deadline: float) -> bytes:
    """One line, or what had arrived when the other side closed the connection."""
    received = bytearray()
    while not received.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
        if len(received) > ANSWER_LIMIT:
            raise BadLine("the answer is too long")
    return bytes(received)


async def asked(path: Path, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
    """``ask`` for asyncio: the same answers, and the same errors."""
    line = encode(request)
    if len(line) > REQUEST_LIMIT:
        raise BackendError(f"the request is larger than {REQUEST_LIMIT} bytes")
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            try:
                reader, writer = await asyncio.open_unix_connection(str(path), limit=ANSWER_LIMIT)
            except OSError:
                raise _unreachable(path) from None
            writer.write(line)
            return decode(await reader.readline())
    except TimeoutError:
        raise BackendError(f"trainbot did not answer within {timeout:g} s: look at its log") from None
    except (OSError, ValueError):
        raise BackendError("trainbot went away before it answered: look at its log") from None
    finally:
        if writer is not None:
            writer.close()


async def subscribe(
    path: Path, topic: str, on_value: Callable[[Any], None], on_state: Callable[[bool], None] = lambda up: None
) -> None:
    """Follows ``topic`` until cancelled.  ``on_value`` gets the latest value and each new one.  ``on_state`` gets
    whether the bot is running, as soon as this is known and at each change.  If the bot is not running, this keeps
    trying to reach it.

    The bot hears of each value that ``on_value`` has taken.  An exception from ``on_value`` is logged; then it waits
    for the next value.
    """
    pause = FIRST_PAUSE
    said: bool | None = None
    while True:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=ANSWER_LIMIT)
            writer.write(encode({"op": "subscribe", "topic": topic, "acknowledges": True}))
            await writer.drain()
            if said is not True:
                said = True
                on_state(True)
            while line := await reader.readline():
                number = _deliver(line, on_value)
                if number is not None:
                    writer.write(encode({"took": number}))
                pause = FIRST_PAUSE
        except (OSError, ValueError):  # ValueError: a line over the limit
            pass
        finally:
            if writer is not None:
                writer.close()
        if said is not False:
            said = False
            on_state(False)
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  so that clients don't all retry at once
        pause = min(pause * 2, LONGEST_PAUSE)


def _deliver(line: bytes, on_value: Callable[[Any], None]) -> int | None:
    """The value's number; None if ``on_value`` could not take it (or an older bot does not number its values)."""
    try:
        message = decode(line)
        if "value" in message:
            on_value(message["value"])
            number = message.get("number")
            return number if isinstance(number, int) else None
        log.warning("the bot refused the subscription: %s", str(message.get("error"))[:200])
    except Exception:
        log.exception("could not use a value from the bot")
    return None
