"""Log lines."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys

import pytest

from trainbot.core.log_format import JsonFormatter, PlainFormatter


def record(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except Exception:
        return logging.LogRecord("x", logging.ERROR, "", 0, "the look failed", (), sys.exc_info())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/a/b"), "OSError: [Errno 24] Too many open files: '/a/b'"),
        (OSError(errno.ENFILE, "x\x1b[2J\ny"), "OSError: [Errno 23] x[2J y"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread"),
    ],
)
def test_what_the_system_has_none_left_of_is_one_line(error: Exception, line: str) -> None:
    """It is no bug: without a trace, for people and for programs."""
    assert PlainFormatter("%(message)s").format(record(error)) == f"the look failed\n{line}"
    assert json.loads(JsonFormatter().format(record(error)))["trace"] == line


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "denied"), RuntimeError("a bug"), ValueError("x")])
def test_any_other_failure_has_its_trace(error: Exception) -> None:
    """It may be a bug."""
    text = PlainFormatter("%(message)s").format(record(error))
    assert text.startswith("the look failed\nTraceback (most recent call last):") and "raise error" in text
