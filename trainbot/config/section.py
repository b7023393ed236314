"""One section of bot.ini, read option by option; problems are collected with section and option."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from trainbot.core.text import visible

T = TypeVar("T")
D = TypeVar("D")
PathOrNone = TypeVar("PathOrNone", bound=Path | None)
LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Parses ``90s``, ``15m``, ``4h``, ``7d`` or a combination (``1h30m``); ValueError otherwise."""
    text = text.strip().lower()
    if not re.fullmatch(r"([0-9]{1,5}[smhd]){1,4}", text):
        raise ValueError(f'"{text}" is not a duration: use for example 15m, 4h or 7d')
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    found = re.findall(r"([0-9]+)([smhd])", text)
    total = sum((timedelta(**{units[unit]: int(n)}) for n, unit in found), timedelta())
    if not timedelta() < total <= LONGEST:
        raise ValueError(f'"{text}" is out of range: it must be from 1s to {LONGEST.days}d')
    return total


def parse_age(text: str) -> timedelta:
    """Parses ``2y`` (years of 365 days) or ``90d``; ValueError otherwise."""
    found = re.fullmatch(r"([0-9]{1,4})([yd])", text.strip().lower(), re.ASCII)
    days = int(found[1]) * (365 if found[2] == "y" else 1) if found else 0
    if not 1 <= days <= 36500:
        raise ValueError(f'"{text}" is not an age: use for example 2y or 90d')
    return timedelta(days=days)


def parse_listen(text: str) -> tuple[tuple[str, int], ...]:
    """Parses ``0.0.0.0:2222 [::]:443`` into pairs; ValueError otherwise."""
    pairs = []
    for word in text.split():
        address, _, port = word.rpartition(":")
        if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
            raise ValueError(f'"{word}" is not ADDRESS:PORT: use for example 0.0.0.0:2222')
        pairs.append((address.strip("[]") or "0.0.0.0", int(port)))  # noqa: S104  bot.ini says so
    if not pairs:
        raise ValueError("no address: use for example 0.0.0.0:2222")
    return tuple(pairs)


def below(base: Path, raw: str) -> Path:
    """A path from bot.ini: relative to the file, ``~`` is expanded; ValueError otherwise."""
    try:
        return Path(os.path.normpath(base / Path(_no_control(raw)).expanduser()))
    except RuntimeError:
        raise ValueError(f'"{raw}": no such home folder') from None


class Section:
    """Reads the options of one section, remembers which are known, and collects problems."""

    def __init__(self, name: str, values: dict[str, str], base: Path, problems: list[str]) -> None:
        self.name, self.values, self.base, self.problems = name, values, base, problems
        self.known: set[str] = set()

    def fault(self, option: str, text: str) -> None:
        self.problems.append(f"[{self.name}] {option}: {visible(text)}")

    def take(self, option: str, convert: Callable[[str], T], default: D) -> T | D:
        self.known.add(option)
        raw = self.values.get(option, "").strip()
        if not raw:
            return default
        try:
            return convert(raw)
        except (ValueError, OSError) as error:
            self.fault(option, str(error))
            return default

    def text(self, option: str, default: str = "") -> str:
        return self.take(option, _no_control, default)

    def words(self, option: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return self.take(option, lambda raw: tuple(_no_control(raw).split()), default)

    def whole(self, option: str, default: int, low: int, high: int) -> int:
        def convert(raw: str) -> int:
            if not re.fullmatch("[0-9]{1,9}", raw) or not low <= int(raw) <= high:
                raise ValueError(f'"{raw}" is not a whole number from {low} to {high}')
            return int(raw)

        return self.take(option, convert, default)

    def number(self, option: str, default: float, low: float, high: float) -> float:
        def convert(raw: str) -> float:
            try:
                value = float(raw)
            except ValueError:
                value = float("nan")
            if not low <= value <= high:
                raise ValueError(f'"{raw}" is not a number from {low:g} to {high:g}')
            return value

        return self.take(option, convert, default)

    def yes(self, option: str, default: bool) -> bool:
        def convert(raw: str) -> bool:
            if raw.lower() not in ("yes", "no", "on", "off", "true", "false"):
                raise ValueError(f'"{raw}" is neither yes nor no')
            return raw.lower() in ("yes", "on", "true")

        return self.take(option, convert, default)

    def span(self, option: str, default: timedelta) -> timedelta:
        return self.take(option, parse_duration, default)

    def path(self, option: str, default: PathOrNone) -> Path | PathOrNone:
        found = self.take(option, lambda raw: below(self.base, raw), default)
        return default if found is None else below(self.base, str(found))

    def file(self, option: str) -> Path | None:
        found = self.path(option, None)
        if found is not None and not found.is_file():
            self.fault(option, f"no such file: {found}")
        return found

    def close(self) -> None:
        for option in self.values:
            if option not in self.known:
                from rapidfuzz import process  # with the first comparison: it takes 4 MiB

                near = process.extractOne(option, sorted(self.known), score_cutoff=60)
                hint = f", did you mean {near[0]}?" if near else f" (known: {', '.join(sorted(self.known))})"
                self.fault(option, f"unknown option{hint}")


def _no_control(raw: str) -> str:
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in raw):
        raise ValueError("contains control characters")
    return raw
