"""``trainbot rehearse``: runs the rehearsal and shows its report."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from trainbot.config import Config
from trainbot.images.build.progress_bar import Progress
from trainbot.ops.rehearsal.report import judge, lines, to_json
from trainbot.ops.rehearsal.result import RehearsalResult
from trainbot.ops.rehearsal.runner import Rehearsal

#: Shows the report: (for programs, for people).
Show = Callable[[Any, list[str]], None]


def rehearse(
    config: Config, request: dict[str, Any], within: float, patience: float, keep: bool, show: Show, progress: Progress
) -> int:
    """Runs the rehearsal; returns 0 for go, 1 for no-go, 130 if ended by Ctrl-C, SIGTERM or a closed terminal.  The
    labs are freed in any case."""
    rehearsal = Rehearsal(config, progress, within=within, patience=patience)
    try:
        found = asyncio.run(_held(rehearsal, request, keep, show, progress))
    except asyncio.CancelledError:
        progress.done("cancelled; the labs have been freed")
        return 130
    return 0 if judge(found).go else 1


async def _held(
    rehearsal: Rehearsal, request: dict[str, Any], keep: bool, show: Show, progress: Progress
) -> RehearsalResult:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    found = await rehearsal.hold(request, keep)
    progress.done(
        "the rehearsal is over" if not keep else "the rehearsal is over; the labs are kept until you press Ctrl-C"
    )
    show(to_json(found), lines(found))
    if keep:
        with suppress(asyncio.CancelledError):
            await rehearsal.stay()
    return found
