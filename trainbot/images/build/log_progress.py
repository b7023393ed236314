"""Turns the output of mmdebstrap(1) and apt-get(8) into progress reports."""

from __future__ import annotations

import re

from trainbot.images.build.progress_bar import Progress

# mmdebstrap's own lines ("I: …") and what a person wants to read instead, in the order they come.
_STAGES = {
    "I: running apt-get update": "reading package lists",
    "I: downloading packages with apt": "downloading the base system",
    "I: extracting archives": "unpacking the base system",
    "I: installing essential packages": "configuring the base system",
    "I: installing remaining packages": "installing packages",
    "I: running --customize-hook": "setting up the lab",
    "I: cleaning package lists": "cleaning up",
    "I: creating tarball": "packing the system",
}
_TOTAL = re.compile(r"(\d+) newly installed")
_STEP = re.compile(r"(?P<what>Get:\d+|Unpacking|Setting up) ?(?P<rest>.*)")
# one of each for every package
_PER_PACKAGE = 3


class LogProgress:
    """Takes every line and reports the stages and how many of their packages are done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stage = ""
        self._done = self._of = 0

    def __call__(self, line: str) -> None:
        for prefix, stage in _STAGES.items():
            if line.startswith(prefix):
                if stage != self._stage:
                    self._stage, self._done, self._of = stage, 0, 0
                    self._progress.stage(stage)
                return
        if total := _TOTAL.search(line):
            self._done, self._of = 0, _PER_PACKAGE * int(total[1])
        elif self._of and (step := _STEP.match(line)):
            self._done = min(self._done + 1, self._of)
            self._progress.step(self._done, self._of, _package(step["what"], step["rest"]))


def _package(what: str, rest: str) -> str:
    """`Get:3 http://mirror suite/main amd64 curl amd64 7.88 [316 kB]` and `Setting up curl (7.88)` are about curl."""
    words = rest.split()
    at = 3 if what.startswith("Get:") else 0
    return words[at] if len(words) > at else ""
