"""Splits typed days and hours into tokens.  Independent of polls: the meaning of ``7 mar`` is decided later."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from trainbot.core.errors import UserError
from trainbot.features.sessions.polls.clocks import DAY

T = TypeVar("T")
MOST_CHARACTERS = 400
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "mon monday mondays",
            "tue tues tuesday tuesdays",
            "wed weds wednesday wednesdays",
            "thu thur thurs thursday thursdays",
            "fri friday fridays",
            "sat saturday saturdays",
            "sun sunday sundays",
        )
    )
    for name in names.split()
}
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}
PARTS = {
    "morning": (6 * 60, 12 * 60),
    "afternoon": (12 * 60, 18 * 60),
    "evening": (18 * 60, 24 * 60),
    "night": (22 * 60, 30 * 60),
}
PARTS |= {f"{name}s": hours for name, hours in PARTS.items()}
TIME_WORDS = frozenset({"half", "quarter", "o'clock", "oclock", "past", "uhr", "hrs", "hours", "h"})
HOURS = {"a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
TO = ("-", "to", "till", "through", "thru")
_SIGNS = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "‐": "-", "\u2011": "-", "\u2012": "-", "…": "..", "’": "'", "？": "?", "，": ","}
)
_TOKEN = re.compile(
    r"""
    \s*(?:
    (?P<iso>\d{4}-\d{1,2}-\d{1,2})(?:t(?=\d))? |
    (?P<dotted>\d{1,2}\.(?:0?[1-9]|1[0-2])\.(?:\d{4})?(?!\d)) |
    (?P<offset>(?:utc|gmt)?[+]\d{1,2}:?(?:\d\d)? | (?:utc|gmt)-\d{1,2}:?(?:\d\d)?) |
    (?P<slashed>\d{1,2}/\d{1,2}(?:/\d{2,4})?) |
    (?P<time>\d{1,2}[:.]\d\d(?:\s*[ap]\.?\s?m\b\.?)? | \d{1,2}\s*[ap]\.?\s?m\b\.? | \d{1,2}h\d\d\b |
        noon\b | midday\b | midnight\b) |
    (?P<length>(?:an?|one|two|three|four|five|six)\ hours?\b | \d{1,3}(?:\.5)?\s?(?:hours?|hrs?|h|minutes?|mins?|m)\b(?:\s?\d{1,2}\s?(?:minutes?|mins?|m)\b)?) |
    (?P<number>\d+)(?:(?:st|nd|rd|th)?\b(?:\.(?=\s*[a-z]{3}))?) |
    (?P<place>[^\W\d_]+(?:/[^\W\d_][\w+-]*)+) |
    (?P<word>[^\W\d_]+(?:'[^\W\d_]+)?) |
    (?P<sign>\.\.\.?|\S)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A date as typed; ``year`` and ``month`` if given."""

    day: int
    month: int | None = None
    year: int | None = None

    @property
    def text(self) -> str:
        month = next((name.capitalize() for name, number in MONTHS.items() if number == self.month), "")
        return " ".join(str(part) for part in (self.day, month, self.year) if part not in ("", None))

    def check(self, word: str = "") -> None:
        """UserError if no such year, or no year at all, has that day; ``word``: as typed, if not like ``text``."""
        year = self.year or 2028  # a leap year
        try:
            date(year, self.month or 1, self.day)
        except ValueError:
            there = f" in {self.year}" if self.year and 1 <= self.day <= 29 and self.month == 2 else ""
            raise UserError(f"{word or self.text}: there is no such day{there}; choose another") from None


@dataclass(frozen=True, slots=True)
class RelativeDay:
    """``tomorrow`` (``ahead`` days from today), or the next ``weekday``; ``after`` today, or today as well."""

    ahead: int = 0
    weekday: int | None = None
    after: bool = False
    length: int = 1  # days: 2 for a weekend

    def on(self, today: date) -> date:
        """The first day meant, by the calendar of the zone in which it is ``today``."""
        if self.weekday is None:
            return today + timedelta(days=self.ahead)
        return today + timedelta(days=(self.weekday - today.weekday()) % 7 or 7 * self.after)


def _tokens(match: re.Match[str]) -> list[Token]:
    kind = match.lastgroup or "sign"
    text = match[kind].strip()
    parts = text.split("/")
    if kind == "place" and all(part in WEEKDAYS for part in parts):  # sat/sun
        return [Token("word", part) for part in parts]
    number, _, unit = text.partition(" ")
    if kind == "length" and number in HOURS:  # two hours
        text = f"{HOURS[number]} {unit}"
    return [Token(kind, text)]


class TokenReader:
    """The words of one line, read from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise UserError(f"longer than {MOST_CHARACTERS} characters; split it into several lines")
        text = text.translate(_SIGNS).lower()
        self.tokens = [token for match in _TOKEN.finditer(text) for token in _tokens(match)]
        self.at = 0

    def peek(self, ahead: int = 0) -> Token:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else Token("end", "")

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def took(self, *texts: str) -> bool:
        """Whether the next word is one of these; if so, takes it."""
        if self.peek().kind != "end" and self.peek().text in texts:
            self.at += 1
            return True
        return False

    def attempt(self, read: Callable[[], T | None]) -> T | None:
        """The result of ``read``; if that is None, no token is taken."""
        before = self.at
        found = read()
        if found is None:
            self.at = before
        return found

    # -- days ------------------------------------------------------------------------------------

    def weekdays(self) -> tuple[int, ...] | None:
        """``sat``, ``mon-fri``, ``weekdays``, ``weekend``: Monday is 0."""
        if self.took("weekday", "weekdays", "workday", "workdays"):
            return (0, 1, 2, 3, 4)
        if self.took("weekend", "weekends"):
            return (5, 6)
        if self.peek().text not in WEEKDAYS:
            return None
        first = WEEKDAYS[self.take().text]
        if self.peek().text in TO and self.peek(1).text in WEEKDAYS:
            self.take()
            last = WEEKDAYS[self.take().text]
            return tuple((first + n) % 7 for n in range((last - first) % 7 + 1))
        return (first,)

    def relative(self) -> RelativeDay | None:
        """``today``, ``tonight``, ``tomorrow``, ``next friday``, ``this sat``, ``weekend``."""
        if self.took("today", "tonight"):
            return RelativeDay()
        if self.took("tomorrow"):
            return RelativeDay(ahead=1)
        after = self.took("next")
        if not after:
            self.took("this", "coming")
        weekdays = self.weekdays()
        return RelativeDay(weekday=weekdays[0], after=after, length=len(weekdays)) if weekdays else None

    def dates(self) -> tuple[MonthDay, MonthDay] | None:
        """``7 mar``, ``7-15 mar``, ``mar 7-15``, ``28 feb-7 mar``, ``7.3.-15.3.``, ``2027-03-07..2027-03-15``: the
        first and the last."""
        found = self._dates()
        for said in found or ():
            said.check()
        return found

    def _dates(self) -> tuple[MonthDay, MonthDay] | None:
        first = self.attempt(self._date) or self.attempt(self._day_of_later_month)
        if first is None:
            return None
        before = self.at
        if self.peek().text in (*TO, ".."):
            self.take()
            last = self.attempt(self._date)
            if last is None and first.month and self._is_day(self.peek()) and self.peek(1).text not in ("-", ":"):
                last = MonthDay(int(self.take().text), first.month, first.year)  # mar 7-15
            if last is not None:
                year = self._year()
                first = MonthDay(first.day, first.month or last.month, first.year or last.year or year)
                return first, MonthDay(last.day, last.month, last.year or year)
            self.at = before
        if first.month is None:
            return None
        first = MonthDay(first.day, first.month, first.year or self._year())
        return first, first

    def _date(self) -> MonthDay | None:
        token = self.take()
        if token.kind == "slashed":
            first, second, third = (*(int(part) for part in token.text.split("/")), 0)[:3]
            year = third + 2000 * (0 < third < 100) or None
            if first > 12 >= second or second > 12 >= first:  # only one of them can be the month
                return MonthDay(max(first, second), min(first, second), year)
            raise UserError(
                f"{token.text} means different dates in different countries: use the month's name, for example 7 mar"
            )
        if token.kind == "iso":
            return MonthDay(*(int(part) for part in reversed(token.text.split("-"))))
        if token.kind == "dotted":
            day, month, said = token.text.split(".")
            return MonthDay(int(day), int(month), int(said) if said else None)
        if self._is_day(token) and self.peek().text in MONTHS:
            return MonthDay(int(token.text), MONTHS[self.take().text])
        if token.text in MONTHS and self._is_day(self.peek()):
            return MonthDay(int(self.take().text), MONTHS[token.text])
        return None

    def _day_of_later_month(self) -> MonthDay | None:
        """The ``7`` of ``7-15 mar``."""
        token = self.take()
        named = self.peek().text in TO and self._is_day(self.peek(1)) and self.peek(2).text in MONTHS
        return MonthDay(int(token.text)) if self._is_day(token) and named else None

    def _year(self) -> int | None:
        token = self.peek()
        said = token.kind == "number" and len(token.text) == 4 and token.text[:2] == "20" and self.peek(1).text != "-"
        return int(self.take().text) if said else None

    @staticmethod
    def _is_day(token: Token) -> bool:
        return token.kind == "number" and len(token.text) <= 2 and 1 <= int(token.text) <= 31

    # -- hours -------------------------------------------------------------------------------------

    def hours(self) -> tuple[int, int] | None:
        """``14:00-18:00``, ``2-6pm``, ``after 18:00``, ``before 10``, ``evening``: minutes after midnight; past 1440
        if the end is on the next day."""
        word = self.peek().text
        if word in PARTS:
            self.take()
            return PARTS[word]
        if self.took("all"):
            return (0, DAY) if self.took("day", "day long") else None
        if word in ("between", "from") and _is_clock(self.peek(1)):
            self.take()
            return self._between() or ((self._open_from(word), DAY) if word == "from" else None)
        if word in ("after", "since"):
            self.take()
            return self._open_from(word), DAY
        if word in ("before", "until", "till", "by"):
            self.take()
            return 0, self.clock_time(word) or DAY
        return self._between()

    def _between(self) -> tuple[int, int] | None:
        first, last = self.peek(), self.peek(2)
        if not _is_clock(first) or self.peek(1).text not in (*TO, "and", "until"):
            return None
        if first.kind == "length" and self.peek(1).text not in ("-", "to"):  # "2h until 18:00"
            return None
        if not _is_clock(last):
            if first.kind != "time" or self.peek(1).text != "-":
                return None
            self.at += 2  # "18:00-": open
            return _opens(minutes_of_day(first.text), ""), DAY
        if self.peek(3).text in MONTHS:
            return None
        self.at += 3
        return from_to(first, last)

    def clock_time(self, word: str) -> int:
        token = self.take()
        if not _is_clock(token):
            raise UserError(f"{word} when? For example {word} 18:00")
        return minutes_of_day(token.text)

    def _open_from(self, word: str) -> int:
        return _opens(self.clock_time(word), f"{word} ")


def _opens(minute: int, word: str) -> int:
    """The begin of a time without an end, which is over at midnight."""
    if minute == DAY:
        raise UserError(f"{word}midnight until when? For example 00:00-06:00")
    return minute


def _is_clock(token: Token) -> bool:
    """``14:00``, ``14``, ``2pm``, and ``14h``, which elsewhere is a length."""
    return token.kind in ("time", "number") or bool(re.fullmatch(r"\d{1,2} ?h", token.text))


def from_to(first: Token, last: Token) -> tuple[int, int]:
    """Both ends in minutes after midnight, past 1440 on the next day; the first gets the pm of the last if that makes sense (2-6pm, but 10-2pm begins in the morning)."""
    start, end = minutes_of_day(first.text), minutes_of_day(last.text)
    said = f"{first.text}-{last.text}"
    half = re.search(r"[ap](?=\.?\s?m)", last.text)
    if half and half[0] == "a" and end % DAY < 60 and first.kind == "number":  # 10-12 am
        raise UserError(f"{said} is ambiguous: use 24-hour times, for example 10:00-12:00 or 22:00-24:00")
    if (
        half
        and half[0] == "p"
        and not re.search(r"[ap]\.?\s?m|noon|midday|midnight", first.text)
        and start < 12 * 60
        and start + 12 * 60 < end
    ):
        start += 12 * 60
    if start == end:
        raise UserError(f"{said} is not a time range; for example 14:00-18:00")
    if end < start:
        if last.kind == "number" and 0 < end < 12 * 60 and end + 12 * 60 > start:
            begin = f"{start // 60}:{start % 60:02}"
            raise UserError(
                f"{said} is ambiguous: use {begin}-{end // 60 + 12}:00, or {begin}-{end // 60:02}:00 if it ends after midnight"
            )
        end += DAY
    return start, end


def minutes_of_day(text: str) -> int:
    """Minutes after midnight; 24:00 is 1440.  UserError if no clock shows that."""
    if text in ("noon", "midday", "midnight"):  # the midnight at which the day ends
        return DAY if text == "midnight" else 12 * 60
    half = re.search(r"([ap])\.?\s?m", text)
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    hour, minute = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if (half and not 1 <= hour <= 12) or hour > 24 or minute > 59 or (hour == 24 and minute):
        raise UserError(f"{text[:20]} is not a time of day; for example 14:00")
    if half:
        hour = hour % 12 + (12 if half[1] == "p" else 0)
    return 60 * hour + minute
