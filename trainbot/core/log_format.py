"""Log lines on stderr: as a person reads them, or as JSON for a program."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from trainbot.core.text import many_lines, one_line

LEVELS = (logging.INFO, logging.DEBUG)
LONGEST = 4000  # characters of one message
NAMES = ("debug", "info", "warning", "error")


class PlainFormatter(logging.Formatter):
    """Whatever stands in a message or an exception's text: a message is one line, of LONGEST characters at most, and
    nothing in a trace acts on a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = one_line(record.message, LONGEST)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        return many_lines(super().formatException(ei))


class JsonFormatter(PlainFormatter):
    """One object a line: at (ISO 8601, UTC), level, logger, text, and trace where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": one_line(record.getMessage(), LONGEST),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_to_stderr(verbose: int = 0, *, as_json: bool = False, levels: Iterable[tuple[str, str]] = ()) -> None:
    """Ours from INFO on (``verbose``: more); libraries only when something is wrong.  ``levels``: (room, level) for
    rooms of their own, as ("adapters.irc", "debug")."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter() if as_json else PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("trainbot").setLevel(LEVELS[min(verbose, len(LEVELS) - 1)])
    for room, level in levels:
        logging.getLogger(f"trainbot.{room}").setLevel(level.upper())
