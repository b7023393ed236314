"""Progress output of a long build."""

from __future__ import annotations

import sys
from typing import Any, Protocol, TextIO

import click


class Progress(Protocol):
    """Shows the builder's progress.  Stages follow each other; the last one ends with `done`."""

    def stage(self, what: str) -> None:
        """A new stage begins."""

    def step(self, at: int, of: int, what: str = "") -> None:
        """The stage is at step `at` of `of`; `what` names the step, for example a package."""

    def done(self, what: str) -> None:
        """Everything is finished."""


class Silent:
    """Shows nothing."""

    def stage(self, what: str) -> None: ...
    def step(self, at: int, of: int, what: str = "") -> None: ...
    def done(self, what: str) -> None: ...


class Lines:
    """Plain lines for a log or a pipe: each stage, and each quarter of a stage with steps."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._stage, self._quarter = "", 0

    def stage(self, what: str) -> None:
        self._stage, self._quarter = what, 0
        click.echo(what, file=self._file)

    def step(self, at: int, of: int, what: str = "") -> None:
        quarter = 4 * at // of if of else 0
        if self._quarter < quarter < 4:
            self._quarter = quarter
            click.echo(f"{self._stage}: {at} of {of}", file=self._file)

    def done(self, what: str) -> None:
        click.echo(what, file=self._file)


class Bar:
    """One progress bar per stage, for a terminal."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._stage = ""
        self._bar: Any = None

    def stage(self, what: str) -> None:
        self._close()
        self._stage = what
        click.echo(what + " …", file=self._file)

    def step(self, at: int, of: int, what: str = "") -> None:
        if self._bar is None or self._bar.length != of:
            self._close()
            self._bar = click.progressbar(
                length=of, label="  ", file=self._file, show_eta=False, show_pos=True, item_show_func=lambda item: item
            )
            self._bar.render_progress()
        self._bar.update(max(0, at - self._bar.pos), what[:30])

    def done(self, what: str) -> None:
        self._close()
        click.echo(what, file=self._file)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def for_terminal(file: TextIO | None = None) -> Progress:
    """A bar on a terminal, plain lines otherwise."""
    file = file or sys.stderr
    return Bar(file) if file.isatty() else Lines(file)
