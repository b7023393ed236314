"""One JSON object a line, bounded: the form of what passes over the socket."""

from __future__ import annotations

import json
from typing import Any

REQUEST_LIMIT = 1 << 20  # bytes of a line that a client may send
ANSWER_LIMIT = 16 << 20  # bytes of a line that the bot may send


class BadLine(ValueError):
    """The line is no JSON object; the text says why and is safe to send back."""


def encode(value: dict[str, Any]) -> bytes:
    """One line.  TypeError or ValueError where ``value`` has no JSON form."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object in ``line``, or BadLine."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadLine("the line is not UTF-8") from None
    except (ValueError, RecursionError):  # RecursionError: a megabyte of "["
        raise BadLine("the line is not JSON") from None
    if not isinstance(value, dict):
        raise BadLine("the line is not a JSON object")
    return value
