"""Values in words, the same for every feature."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def span(length: timedelta) -> str:
    """``3 h 50 min``, ``12 min``, ``40 s``: at most the two largest units."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes and not days)
    return " ".join(parts)


def seconds(length: float) -> str:
    """``2 s``, ``0.25 s``, ``under 0.01 s``: never with an exponent, and no digits that mean nothing."""
    if 0 < length < 0.01:
        return "under 0.01 s"
    return f"{f'{length:.2f}'.rstrip('0').rstrip('.')} s"


def size_in_words(size: int) -> str:
    """``1.2 MiB``, ``340 KiB``, ``12 bytes``: never with more digits than matter."""
    if size < 1 << 10:
        return f"{size} bytes"
    unit, name = (1 << 20, "MiB") if size >= 1 << 20 else (1 << 10, "KiB")
    return f"{f'{size / unit:.1f}'.removesuffix('.0')} {name}"


def offset_text(offset: timedelta) -> str:
    """``+1100`` (RFC 5322 3.3)."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def as_many(
    items: Iterable[str], room: int, between: str = ", ", more: str = ", and {} more", most: int | None = None
) -> str:
    """As many items, in order, as fit in ``room`` bytes, and ``more`` with the number left out.  The first one is always
    included; at most ``most`` are."""
    texts = list(items)
    octets, fit = -len(between.encode()), 0
    for count, text in enumerate(texts[:most], 1):
        octets += len(f"{between}{text}".encode())
        tail = more.format(len(texts) - count) if count < len(texts) else ""
        if octets + len(tail.encode()) <= room or count == 1:
            fit = count
    return between.join(texts[:fit]) + (more.format(len(texts) - fit) if fit < len(texts) else "")


def in_lines(items: Iterable[str], room: int, between: str) -> list[str]:
    """All items, in order, on as few lines of ``room`` bytes as possible; a longer item gets its own line."""
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
    """The words of a text for full-text search: without case and accents, each once, in order; only words of three to
    thirty letters, no numbers."""
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
    return list(dict.fromkeys(word for word in re.findall(r"[^\W_]{3,30}", plain) if not word.isdigit()))
