"""Values in words that every feature says the same way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def span(length: timedelta) -> str:
    """``3 h 50 min``, ``12 min``, ``40 s``: the two largest units that matter."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes and not days)
    return " ".join(parts)


def as_many(
    items: Iterable[str], room: int, between: str = ", ", more: str = ", and {} more", most: int | None = None
) -> str:
    """As many items, in order, as a line of ``room`` octets holds, and ``more`` with how many are left out.  The first
    one is there always; no more than ``most`` are."""
    texts = list(items)
    octets, fit = -len(between.encode()), 0
    for count, text in enumerate(texts[:most], 1):
        octets += len(f"{between}{text}".encode())
        tail = more.format(len(texts) - count) if count < len(texts) else ""
        if octets + len(tail.encode()) <= room or count == 1:
            fit = count
    return between.join(texts[:fit]) + (more.format(len(texts) - fit) if fit < len(texts) else "")


def in_lines(items: Iterable[str], room: int, between: str) -> list[str]:
    """All items, in order, on as few lines of ``room`` octets as that takes; one that is longer has its own."""
    lines: list[str] = []
    for item in items:
        if lines and len(f"{lines[-1]}{between}{item}".encode()) <= room:
            lines[-1] += between + item
        else:
            lines.append(item)
    return lines


def clock(at: datetime) -> str:
    """``16:05``, in UTC."""
    return f"{at.astimezone(UTC):%H:%M}"


def vocabulary(text: str) -> list[str]:
    """The words of a text as a full-text index compares them: without case and accents, each once, in their order;
    those of three letters to thirty that are no numbers."""
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
    return list(dict.fromkeys(word for word in re.findall(r"[^\W_]{3,30}", plain) if not word.isdigit()))
