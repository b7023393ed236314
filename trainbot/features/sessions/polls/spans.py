"""Spans of time as sorted, disjoint, half-open (from, to) pairs of seconds since 1970 (UTC)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Span = tuple[int, int]
Spans = tuple[Span, ...]


def union(*many: Iterable[Span]) -> Spans:
    """The time that is in any of them; adjacent spans are merged."""
    found: list[Span] = []
    for start, end in sorted(span for spans in many for span in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def without(spans: Spans, others: Spans) -> Spans:
    """The time that is in ``spans`` but not in ``others``."""
    found = []
    for start, end in spans:
        for from_, to in others:
            if to <= start or from_ >= end:
                continue
            if from_ > start:
                found.append((start, from_))
            start = max(start, to)
        if start < end:
            found.append((start, end))
    return tuple(found)


def covers(spans: Spans, start: int, end: int) -> bool:
    """Whether one of the spans contains all of that time."""
    place = bisect_right(spans, (start, end)) - 1
    return any(0 <= n < len(spans) and spans[n][0] <= start and end <= spans[n][1] for n in (place, place + 1))
