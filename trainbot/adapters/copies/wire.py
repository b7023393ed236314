"""How the bot and the receiver of its copies talk over a pipe: a line of JSON, and as many bytes after it as its
``bytes`` says.  The receiver answers ``hello``, ``done`` and ``beat`` with one line."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

LONGEST = 4 << 20  # bytes of a line
CHUNK = 1 << 20


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def parsed(raw: bytes) -> dict[str, Any]:
    """ValueError if it is no message."""
    try:
        value = json.loads(raw)
    except RecursionError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("not a message")
    return value


def size_of(message: dict[str, Any]) -> int:
    """How many bytes follow; ValueError if that is no number of bytes."""
    size = message.get("bytes", 0)
    if not isinstance(size, int) or size < 0:
        raise ValueError("not a number of bytes")
    return size


def read(pipe: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end.  ValueError if it is none."""
    raw = pipe.readline(LONGEST)
    return parsed(raw) if raw.endswith(b"\n") else None
