"""Waits for what is outside and tells nobody: machines that boot, other processes that build."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.versions import locked

T = TypeVar("T")
_PAUSE = 0.1


def until(answer: Callable[[], T], what: str, seconds: float) -> T:
    """What ``answer`` says as soon as that is true."""
    end = time.monotonic() + seconds
    while not (said := answer()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(_PAUSE)
    return said


@contextlib.contextmanager
def one_builder(path: Path, progress: Progress) -> Iterator[None]:
    """Of a host, across processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path, "waiting for another process that builds a host", progress):
        yield
