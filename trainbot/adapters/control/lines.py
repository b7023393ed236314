"""The format on the control socket: one JSON object per line, of limited length."""

from __future__ import annotations

import json
from typing import Any

REQUEST_LIMIT = 1 << 20  # longest line in bytes that a client may send
ANSWER_LIMIT = 16 << 20  # longest line in bytes that the bot may send


class BadLine(ValueError):
    """The line is not a JSON object; the text says why and is safe to send back."""


def encode(value: dict[str, Any]) -> bytes:
    """``value`` as one line.  TypeError or ValueError if it has no JSON form."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object in ``line``.  Raises BadLine if there is none."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadLine("the line is not UTF-8") from None
    except (ValueError, RecursionError):  # RecursionError: a megabyte of "["
        raise BadLine("the line is not JSON") from None
    if not isinstance(value, dict):
        raise BadLine("the line is not a JSON object")
    return value
