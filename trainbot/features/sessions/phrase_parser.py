"""Parses what an organiser types about a session, in any word order.  Pure.

``selinux sat 14 mar 09:00 melbourne 2h "SE Linux for beginners" by alice seats 30`` is an exercise, a date, a time, a
zone, a length, a title, a presenter, seats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from trainbot.core.errors import UserError
from trainbot.core.times import to_utc
from trainbot.core.zones import resolve_place, resolve_zone, zone
from trainbot.model import session_fields as fields
from trainbot.model.session_fields import FieldFault

EXAMPLE = '!session add selinux sat 14 mar 09:00 melbourne 2h "SE Linux for beginners" by alice seats 30'
MOST_WORDS = 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_TOKEN = re.compile(r'"([^"]*)"|“([^”]*)”|(\S+)')
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm)|(\d{1,2}):(\d{2})", re.IGNORECASE)
_LENGTH = re.compile(r"(?:(\d{1,2}(?:\.5)?)h)?(?:(\d{1,4})m?)?", re.IGNORECASE)
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.IGNORECASE)
_FILLERS = frozenset({"in", "at", "on", "for", "to", "from", "the", "and", "with"})
_LISTS = {"image": "images", "images": "images", "zones": "zones"}
_WORDS = {
    "by": "presenter",
    "presenter": "presenter",
    "channel": "channel",
    "exercise": "exercise",
    "slides": "slides",
    "link": "link",
    "title": "title",
}


@dataclass
class SessionPhrase:
    """The parsed phrase: ``values`` as in a Session, except the time; ``day``, ``weekday``, ``at``, ``zone``
    if given."""

    values: dict[str, Any] = field(default_factory=dict)
    day: tuple[int | None, int, int] | date | None = None  # (year, month, day), or a full date
    weekday: int | None = None
    at: time | None = None
    zone: str = ""

    @property
    def has_time(self) -> bool:
        return self.day is not None or self.weekday is not None or self.at is not None


def read_phrase(text: str, now: datetime, exercises: Collection[str], zone_name: str = "") -> SessionPhrase:
    """Reads the phrase; every word must have a meaning, UserError names the first that has none.
    ``zone_name``: the zone of the speaker, for ``today``."""
    tokens = [
        (match[1] if match[1] is not None else match[2] if match[2] is not None else match[3], match[3] is None)
        for match in _TOKEN.finditer(text)
    ]
    if len(tokens) > MOST_WORDS:
        raise UserError(f"too long ({len(tokens)} words, at most {MOST_WORDS}); for example {EXAMPLE}")
    return _PhraseReader(tokens, now, exercises, zone_name).read()


class _PhraseReader:
    def __init__(
        self, tokens: list[tuple[str, bool]], now: datetime, exercises: Collection[str], zone_name: str
    ) -> None:
        self.tokens, self.now, self.exercises, self.zone_name = tokens, now, exercises, zone_name
        self.said, self.index = SessionPhrase(), 0

    def read(self) -> SessionPhrase:
        left: list[str] = []
        readers: tuple[Callable[[], bool], ...] = (
            self.quoted,
            self.named,
            self.seats,
            self.clock,
            self.day,
            self.length,
            self.address,
            self.exercise,
        )
        while self.index < len(self.tokens):
            if any(reader() for reader in readers):
                continue
            left.append(self.word())
            self.index += 1
        self.zone([word for word in left if word.lower().strip(",;") not in _FILLERS])
        return self.said

    def word(self, ahead: int = 0) -> str:
        """The token as typed; '' if there is none or it is quoted."""
        at = self.index + ahead
        return self.tokens[at][0] if at < len(self.tokens) and not self.tokens[at][1] else ""

    def plain(self, ahead: int = 0) -> str:
        return self.word(ahead).lower().strip(",;")

    def put(self, name: str, value: str, used: int) -> bool:
        if name in self.said.values:
            raise UserError(f'{name} is given twice, as "{self.said.values[name]}" and {fields.shown(value)}: keep one')
        try:
            self.said.values[name] = fields.from_words(name, value)
        except FieldFault as fault:
            raise UserError(f"{name} {fault}") from None
        self.index += used
        return True

    # -- one kind of word each -------------------------------------------------------------------------

    def quoted(self) -> bool:
        text, quoted = self.tokens[self.index]
        return quoted and self.put("title", text, 1)

    def named(self) -> bool:
        """``by alice``, ``images debian centos``: the word, then its value."""
        word = self.plain()
        if word in _WORDS and self.index + 1 < len(self.tokens):
            return self.put(_WORDS[word], self.tokens[self.index + 1][0], 2)
        if word in _LISTS:
            used = 1
            while self.word(used) and self.listed(_LISTS[word], self.word(used)):
                used += 1
            if used > 1:
                return self.put(_LISTS[word], " ".join(self.word(n) for n in range(1, used)), used)
        return False

    def listed(self, name: str, word: str) -> bool:
        """Whether ``word`` belongs to the list: zones are zone names, images are words without another meaning."""
        if name == "zones":
            return "/" in word or word == "UTC"
        known = self.plain_kind(word)
        return not known and re.fullmatch(r"[a-z][a-z0-9._-]*,?", word) is not None

    def plain_kind(self, word: str) -> bool:
        low = word.lower().strip(",;")
        return (
            low in _WORDS
            or low in _LISTS
            or low in _FILLERS
            or low in ("seats", "seat", "today", "tomorrow")
            or _weekday(low) is not None
            or _month(low) is not None
            or low in self.exercises
            or "/" in low
        )

    def seats(self) -> bool:
        if self.plain() in ("seats", "seat") and self.plain(1).isdigit():
            return self.put("seats", self.plain(1), 2)
        if self.plain().isdigit() and self.plain(1) in ("seats", "seat", "people"):
            return self.put("seats", self.plain(), 2)
        return False

    def clock(self) -> bool:
        """``09:00``, ``9am``, ``9 pm``, ``19:00-21:00``."""
        word, used = self.plain(), 1
        if word.isdigit() and self.plain(1) in ("am", "pm"):
            word, used = word + self.plain(1), 2
        first, _, last = word.replace("–", "-").partition("-")
        start = _clock(first)
        if start is None:
            return False
        if self.said.at is not None:
            raise UserError(
                f"there are two times, {self.said.at:%H:%M} and {word}: keep one, and give the length as 2h"
            )
        self.said.at = start
        if last:
            end = _clock(last)
            if end is None:
                raise UserError(f'I don\'t understand "{word}": give the time as 19:00 and the length as 2h')
            minutes = (end.hour * 60 + end.minute - start.hour * 60 - start.minute) % (24 * 60) or 24 * 60
            self.put("minutes", str(minutes), 0)
        self.index += used
        return True

    def length(self) -> bool:
        """``2h``, ``90min``, ``1h30``, ``2 hours``."""
        word, used = self.plain(), 1
        if re.fullmatch(r"\d{1,4}(\.5)?", word) and re.fullmatch(r"(h|hour|min|minute)s?", self.plain(1)):
            word, used = word + self.plain(1)[0], 2
        word = re.sub(r"(hour|hr)s?", "h", re.sub(r"min(ute)?s?", "m", word))
        match = _LENGTH.fullmatch(word)
        if match is None or not (match[1] or word.endswith("m")) or not word:
            return False
        return self.put("minutes", str(round(float(match[1] or 0) * 60) + int(match[2] or 0)), used)

    def day(self) -> bool:
        """``sat``, ``14 mar``, ``mar 14th 2027``, ``2027-03-14``, ``today``, ``tomorrow``."""
        word = self.plain()
        if (weekday := _weekday(word)) is not None:
            if self.said.weekday is not None:
                raise UserError(f'there are two weekdays, one is "{word}": keep one')
            self.said.weekday, self.index = weekday, self.index + 1
            return True
        found, used = self._date(word)
        if found is None:
            return False
        if self.said.day is not None:
            raise UserError(f'there are two dates, the second starts with "{word}": keep one')
        self.said.day, self.index = found, self.index + used
        return True

    def _date(self, word: str) -> tuple[tuple[int | None, int, int] | date | None, int]:
        if word in ("today", "tomorrow"):
            if not self.zone_name:
                raise UserError(
                    f'"{word}" depends on your time zone: give the date, or set your time zone first with !tz CITY'
                )
            local = self.now.astimezone(zone(self.zone_name)).date()
            return local + timedelta(days=word == "tomorrow"), 1
        if match := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", word):
            return (int(match[1]), int(match[2]), int(match[3])), 1
        if re.fullmatch(r"\d{1,2}[./]\d{1,2}([./](\d{4}|\d{2})?)?", word):
            raise UserError(f"does {word} start with the day or the month? Write the month as a word, such as 14 mar")
        if match := re.fullmatch(r"(\d{1,2})([a-z]{3,9})", word):  # 14mar
            month = _month(match[2])
            return self._year(month, int(match[1]), 1) if month is not None else (None, 0)
        first, second = _DAY.fullmatch(word), _DAY.fullmatch(self.plain(1))
        if first and (month := _month(self.plain(1))) is not None:
            return self._year(month, int(first[1]), 2)
        if second and (month := _month(word)) is not None:
            return self._year(month, int(second[1]), 2)
        return None, 0

    def _year(self, month: int, day: int, used: int) -> tuple[tuple[int | None, int, int], int]:
        if re.fullmatch(r"20\d\d", self.plain(used)):
            return (int(self.plain(used)), month, day), used + 1
        return (None, month, day), used

    def address(self) -> bool:
        word = self.word()
        if word.startswith(("#", "&")):
            return self.put("channel", word, 1)
        return word.startswith(("http://", "https://")) and self.put("slides", word, 1)

    def exercise(self) -> bool:
        """The name of an exercise, or the unique beginning of one."""
        word = self.plain()
        found = [name for name in self.exercises if name.lower() == word]
        found = found or [name for name in self.exercises if len(word) > 2 and name.lower().startswith(word)]
        if "exercise" in self.said.values or not word or not found:
            return False
        if len(found) > 1:
            raise UserError(f"which exercise is {word}: {' or '.join(sorted(found)[:6])}?")
        return self.put("exercise", found[0], 1)

    def zone(self, words: list[str]) -> None:
        """Reads the words that are left as a place (``new york``); anything else is an error."""
        if not words:
            return
        try:
            self.said.zone = resolve_place(" ".join(words), self.now)
        except UserError as error:
            for word in words:  # a place and something else: the error names the other word
                others = " ".join(other for other in words if other is not word)
                if others and _is_place(others, self.now):
                    raise UserError(
                        f'I don\'t understand "{word[:30]}": put a title in quotes; for example {EXAMPLE}'
                    ) from None
            raise UserError(f"{error} (put a title in quotes)") from None


def _is_place(words: str, now: datetime) -> bool:
    try:
        return bool(resolve_zone(words, now))
    except UserError:
        return False


def _weekday(word: str) -> int | None:
    for n, (short, whole) in enumerate(zip(_DAYS, _WHOLE_DAYS, strict=True)):
        if len(word) >= 3 and whole.startswith(word.rstrip(".")) and word.startswith(short):
            return n
    return None


def _month(word: str) -> int | None:
    word = word.rstrip(".")
    found = [n for n, name in enumerate(_MONTHS, 1) if len(word) >= 3 and name.startswith(word)]
    return found[0] if found else (9 if word == "sept" else None)


def _clock(word: str) -> time | None:
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    hour, minute = int(match[1] or match[4]), int(match[2] or match[5] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (match[3].lower() == "pm")
    return time(hour, minute) if hour < 24 and minute < 60 else None


def wall_time(said: SessionPhrase, zone_name: str, now: datetime, was: datetime | None = None) -> datetime:
    """The local time meant, in ``zone_name``: the next such day if no year is given.  ``was``: the local time before a
    move, whose day or time is kept if none is given.  UserError if it has passed or is not a date."""
    at = said.at or (was.time() if was else None)
    if at is None:
        raise UserError(f"at what time? For example 09:00, as in {EXAMPLE}")
    today = now.astimezone(zone(zone_name)).date()
    if isinstance(said.day, date):
        day = said.day
    elif said.day is not None:
        day = _dated(said.day, today, at, zone_name, now)
    elif said.weekday is not None:
        day = today + timedelta(days=(said.weekday - today.weekday()) % 7)
        if _moment(day, at, zone_name) <= now:
            day += timedelta(days=7)
    elif was is not None:
        day = was.date()
    else:
        raise UserError(f"on which day? For example sat 14 mar, as in {EXAMPLE}")
    if said.weekday is not None and day.weekday() != said.weekday:
        raise UserError(
            f"{day.day} {_MONTHS[day.month - 1][:3].title()} {day.year} is a "
            f"{_WHOLE_DAYS[day.weekday()].title()}: use {_DAYS[day.weekday()]}, or another date"
        )
    local = datetime.combine(day, at)
    if to_utc(local, zone_name) <= now:
        raise UserError(
            f"{local:%H:%M} on {day.day} {_MONTHS[day.month - 1][:3].title()} {day.year} has passed: give a future time"
        )
    return local


def _dated(said: tuple[int | None, int, int], today: date, at: time, zone_name: str, now: datetime) -> date:
    year, month, day = said
    try:
        if year is not None:
            return date(year, month, day)
        for later in range(9):  # 29 February may be eight years off
            if _is_day(today.year + later, month, day):
                found = date(today.year + later, month, day)
                if _moment(found, at, zone_name) > now:
                    return found
    except ValueError:
        pass
    raise UserError(f"{day} {_MONTHS[month - 1] if 1 <= month <= 12 else month} is not a date: write it as in 14 mar")


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _moment(day: date, at: time, zone_name: str) -> datetime:
    return datetime.combine(day, at, zone(zone_name)).astimezone(UTC)
