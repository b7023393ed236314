"""Log lines on stderr: plain text for people, or JSON for programs."""

from __future__ import annotations

import errno
import json
import logging
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from trainbot.core.text import many_lines, one_line

LEVELS = (logging.INFO, logging.DEBUG)
LONGEST = 4000  # characters of one message
NAMES = ("debug", "info", "warning", "error")
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class PlainFormatter(logging.Formatter):
    """Plain text: each message is one line of at most LONGEST characters, and traces contain no terminal escape codes,
    whatever the message or exception holds.  Where the system has no descriptor, memory or thread left, the exception's
    own line says all there is to know."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = one_line(record.message, LONGEST)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        if is_exhaustion(ei[1]):
            return one_line("".join(traceback.format_exception_only(ei[1])), LONGEST)
        return many_lines(super().formatException(ei))


class JsonFormatter(PlainFormatter):
    """One JSON object per line: at (ISO 8601, UTC), level, logger, text, trace if there is one, and the record's ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": one_line(record.getMessage(), LONGEST),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def is_exhaustion(error: BaseException | None) -> bool:
    """Whether the system has refused a descriptor, memory or a thread: not a bug, so where it was does not matter."""
    if isinstance(error, OSError):
        return error.errno in EXHAUSTED
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    )


def log_to_stderr(verbose: int = 0, *, as_json: bool = False, levels: Iterable[tuple[str, str]] = ()) -> None:
    """Sets up logging: our own messages from INFO on (``verbose``: more), those of libraries from WARNING on.  ``levels``:
    (logger, level) pairs for single loggers, such as ("adapters.irc", "debug")."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter() if as_json else PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("trainbot").setLevel(LEVELS[min(verbose, len(LEVELS) - 1)])
    for name, level in levels:
        logging.getLogger(f"trainbot.{name}").setLevel(level.upper())
