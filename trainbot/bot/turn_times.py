"""How long turns take."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass

EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds
LATELY = 1024  # turns


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """Since the start: ``count`` turns took ``seconds`` together, the longest of them ``longest`` seconds; ``failed``
    were rolled back;
    ``within``: how many took at most so many seconds, for each of ``edges``.  ``p50``, ``p99``: of the last ``LATELY``
    turns, half and 99 % took at most so many seconds."""

    count: int
    seconds: float
    longest: float
    p50: float
    p99: float
    failed: int
    within: tuple[int, ...]
    edges: tuple[float, ...] = EDGES


class TurnTimes:
    """Keeps a fixed number of figures, however many turns there are."""

    def __init__(self) -> None:
        self._count, self._failed, self._seconds, self._longest = 0, 0, 0.0, 0.0
        self._between = [0] * (len(EDGES) + 1)  # how many took longer than the edge before
        self._lately: deque[float] = deque(maxlen=LATELY)

    def took(self, seconds: float, *, stored: bool = True) -> None:
        """One more turn."""
        self._count += 1
        self._failed += not stored
        self._seconds += seconds
        self._longest = max(self._longest, seconds)
        self._between[bisect_left(EDGES, seconds)] += 1
        self._lately.append(seconds)

    def figures(self) -> TurnFigures:
        lately = sorted(self._lately) or [0.0]
        within = [sum(self._between[: number + 1]) for number in range(len(EDGES))]
        return TurnFigures(
            self._count,
            self._seconds,
            self._longest,
            lately[(len(lately) - 1) // 2],
            lately[(len(lately) * 99 - 1) // 100],
            self._failed,
            tuple(within),
        )
