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
from trainbot.core.places import UnknownWord, read_place
from trainbot.core.times import to_utc
from trainbot.core.wording import span
from trainbot.core.zones import UnknownPlace, zone
from trainbot.features.sessions.phrase_words import Word, amount, days_ahead, month_day, refusal, split, times
from trainbot.features.sessions.polls.tokens import MONTHS, PARTS, WEEKDAYS, MonthDay, RelativeDay
from trainbot.model import session_fields as fields
from trainbot.model.exercise import nearest
from trainbot.model.session_fields import FieldFault

EXAMPLE = '!session add selinux sat 14 mar 09:00 melbourne 2h "SE Linux for beginners" by alice seats 30'
MOST_WORDS = 60
_MOST_MINUTES = 366 * 24 * 60  # ``in 100 hours``
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FILLERS = frozenset({"in", "at", "on", "for", "to", "from", "the", "and", "with", ""})
_LASTS = "a session lasts from 1 minute to 24 hours: give another length or end"
_TODAY = {"today": 0, "tonight": 0, "tomorrow": 1}
_NO_MEANING = (("this", "coming"), ("my", "time"))
_FROM_NOW = (["from", "now"], ["from", "today"])
_LISTS = {"image": "images", "images": "images", "zones": "zones"}
_WORDS = {
    "by": "presenter",
    "presenter": "presenter",
    "channel": "channel",
    "course": "course",
    "exercise": "exercise",
    "slides": "slides",
    "link": "link",
    "title": "title",
}


@dataclass
class SessionPhrase:
    """The parsed phrase: ``values`` as in a Session, except the time.  ``day``, ``relative``, ``weekday`` and ``wait``
    (minutes from now) as far as given; ``at`` and ``until`` are minutes after midnight of the day, past 1440 on the next.
    Day and time are meant in ``zone``, or in the zone of the session if that is ''."""

    values: dict[str, Any] = field(default_factory=dict)
    day: MonthDay | None = None
    relative: RelativeDay | None = None
    weekday: int | None = None
    wait: int | None = None
    at: int | None = None
    until: int | None = None
    zone: str = ""

    @property
    def has_time(self) -> bool:
        return (self.day, self.relative, self.weekday, self.wait, self.at) != (None,) * 5


def read_phrase(text: str, now: datetime, exercises: Collection[str]) -> SessionPhrase:
    """Reads the phrase; every word must have a meaning, UserError names the first that has none."""
    words = split(text)
    if len(words) > MOST_WORDS:
        raise UserError(f"too long ({len(words)} words, at most {MOST_WORDS}); for example {EXAMPLE}")
    return _PhraseReader(words, now, exercises).read()


class _PhraseReader:
    def __init__(self, words: list[Word], now: datetime, exercises: Collection[str]) -> None:
        self.words, self.now, self.exercises = words, now, exercises
        self.said, self.index = SessionPhrase(), 0

    def read(self) -> SessionPhrase:
        left: list[str] = []
        readers: tuple[Callable[[], bool], ...] = (
            self.quoted,
            self.named,
            self.seats,
            self.wait,
            self.clock,
            self.length,
            self.day,
            self.address,
            self.exercise,
        )
        while self.index < len(self.words):
            if any(reader() for reader in readers):
                continue
            left.append(self.word())
            self.index += 1
        self.zone([word for word in left if word.lower().strip(",;.") not in _FILLERS])
        return self.said

    def word(self, ahead: int = 0) -> str:
        """The word as typed; '' if there is none or it is quoted."""
        at = self.index + ahead
        return self.words[at].text if at < len(self.words) and self.words[at].kind != "quoted" else ""

    def plain(self, ahead: int = 0) -> str:
        return self.word(ahead).lower().strip(",;")

    def next_words(self, ahead: int = 0) -> list[str]:
        """The next few words, to be read together; a quoted one is ''."""
        return [self.plain(n) for n in range(ahead, ahead + 6)]

    def put(self, name: str, value: str, used: int) -> bool:
        if name in self.said.values:
            both = " and ".join(_worded(name, each) for each in (self.said.values[name], value))
            raise UserError(f"the {'length' if name == 'minutes' else name} is given twice, as {both}: keep one")
        try:
            self.said.values[name] = fields.from_words(name, value)
        except FieldFault as fault:
            raise UserError(f"{name} {fault}" if name != "minutes" else _LASTS) from None
        self.index += used
        return True

    # -- one kind of word each -------------------------------------------------------------------------

    def quoted(self) -> bool:
        word = self.words[self.index]
        return word.kind == "quoted" and self.put("title", word.text, 1)

    def named(self) -> bool:
        """``by alice``, ``images debian centos``: the word, then its value."""
        word = self.plain()
        if word in _WORDS and self.index + 1 < len(self.words):
            return self.put(_WORDS[word], self.words[self.index + 1].text, 2)
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
            or low in ("seats", "seat", "next", "this", "noon", "midday", "midnight", *_TODAY)
            or low.rstrip(".") in WEEKDAYS
            or low.rstrip(".") in MONTHS
            or low in self.exercises
            or "/" in low
        )

    def seats(self) -> bool:
        if self.plain() in ("seats", "seat") and self.plain(1).isdigit():
            return self.put("seats", self.plain(1), 2)
        if self.plain().isdigit() and self.plain(1) in ("seats", "seat", "people"):
            return self.put("seats", self.plain(), 2)
        return False

    def wait(self) -> bool:
        """``in 2 hours``, ``in 3 days``, ``2 hours from now``."""
        before = int(self.plain() == "in")
        words = self.next_words(before)
        days, found = days_ahead(words), amount(words)
        used = 2 if days is not None else found[1] if found is not None else 0
        after = 0 if before else 2
        if not used or (after and words[used : used + 2] not in _FROM_NOW):
            return False
        if days is not None:
            return self.on(RelativeDay(ahead=days), before + used + after)
        assert found is not None
        if self.said.wait is not None or found[0] > _MOST_MINUTES:
            raise UserError(f'I don\'t understand "in {words[0]}": give the day and the time, as in {EXAMPLE}')
        self.said.wait, self.index = found[0], self.index + before + used + after
        return True

    def clock(self) -> bool:
        """``09:00``, ``7:30 p.m.``, ``noon``, ``24:00``, ``19:00 - 21:00``."""
        word = self.words[self.index]
        found = times(word)
        if found is None:
            return False
        if self.said.at is not None:
            raise UserError(
                f"there are two times, {_shown(self.said.at)} and {word.text}: keep one, and give the length as 2h"
            )
        self.said.at, self.said.until = found
        if self.said.until is not None:
            self.put("minutes", str(self.said.until - self.said.at), 0)
        self.index += 1
        return True

    def length(self) -> bool:
        """``2h``, ``90min``, ``1h30``, ``2 hours``."""
        words = self.next_words()
        found = amount(words)
        if found is not None and found[0] > fields.MOST_MINUTES:
            raise UserError(f"{' '.join(words[: found[1]])} is too long: a session lasts at most 24 hours")
        return found is not None and self.put("minutes", str(found[0]), found[1])

    def day(self) -> bool:
        """``sat``, ``next friday``, ``14 mar``, ``mar 14th 2027``, ``2027-03-14``, ``today``, ``tomorrow``."""
        word, following = self.plain().rstrip("."), self.plain(1).rstrip(".")
        if word in _TODAY:
            return self.on(RelativeDay(ahead=_TODAY[word]), 1)
        if self.next_words()[:3] == ["day", "after", "tomorrow"]:
            return self.on(RelativeDay(ahead=2), 3)
        if (word, following) in _NO_MEANING:
            self.index += 1 + (word == "my")
            return True
        if word in ("next", "this", "coming") and following in WEEKDAYS:
            return self.on(RelativeDay(weekday=WEEKDAYS[following], after=word == "next"), 2)
        if word in WEEKDAYS:
            if self.said.weekday is not None:
                raise UserError(f'there are two weekdays, one is "{word}": keep one')
            self.said.weekday, self.index = WEEKDAYS[word], self.index + 1
            return True
        found = month_day(self.next_words())
        return found is not None and self.on(*found)

    def on(self, day: MonthDay | RelativeDay, used: int) -> bool:
        if self.said.day is not None or self.said.relative is not None:
            raise UserError(f'there are two dates, the second starts with "{self.plain()}": keep one')
        if isinstance(day, MonthDay):
            self.said.day = day
        else:
            self.said.relative = day
        self.index += used
        return True

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
        for word in words:
            if sentence := refusal(word, self.said.at):
                raise UserError(sentence)
        words = [word for word in words if word.lower().strip(",;.") not in PARTS]
        if not words:
            return
        try:
            self.said.zone = read_place(" ".join(words), self.meant())
        except UnknownPlace as error:
            if "exercise" not in self.said.values:
                self.misspelt(words)
            if isinstance(error, UnknownWord):
                raise UserError(f"{error}: put a title in quotes; for example {EXAMPLE}") from None
            if error.like:
                raise UserError(f"{error} (put a title in quotes)") from None
            raise UserError(
                f'I don\'t understand "{" ".join(words)[:40]}": a day is sat or 14 mar, a place is a large city or Area/City, '
                "and a title is in quotes"
            ) from None

    def misspelt(self, words: list[str]) -> None:
        """UserError for a word that looks like the name of an exercise."""
        names = {name: name for name in self.exercises}
        for word in words:
            if len(word) > 3 and (near := nearest(word, names)):
                raise UserError(
                    f'I don\'t understand "{word[:30]}": did you mean the exercise {" or ".join(near)}? !exercises lists '
                    "them; a title is in quotes"
                )

    def meant(self) -> datetime:
        """About when the session is: offsets and abbreviations are those of that time of the year."""
        said, today = self.said.day, self.now.date()
        if said is None:
            return self.now
        year = said.year or today.year + ((said.month or 1, said.day) < (today.month, today.day))
        return datetime(min(max(year, 1970), 2200), said.month or 1, min(said.day, 28), 12, tzinfo=UTC)


def wall_time(said: SessionPhrase, zone_name: str, now: datetime, was: datetime | None = None) -> datetime:
    """The local time meant, in ``zone_name``: the next such day if no year is given.  ``was``: the local time before a
    move, whose day or time is kept if none is given.  UserError if it has passed or is not a date."""
    if said.wait is not None:
        if (said.day, said.relative, said.weekday, said.at) != (None,) * 4:
            raise UserError("there are two times, one counted from now: keep one")
        return (
            (now + timedelta(minutes=said.wait))
            .astimezone(zone(zone_name))
            .replace(second=0, microsecond=0, tzinfo=None)
        )
    at = said.at if said.at is not None else was.hour * 60 + was.minute if was else None
    if at is None:
        raise UserError(f"at what time? For example 09:00, as in {EXAMPLE}")
    today = now.astimezone(zone(zone_name)).date()
    if said.day is not None:
        day = _dated(said.day, today, at, zone_name, now)
    elif said.relative is not None:
        day = said.relative.on(today)
    elif said.weekday is not None:
        day = RelativeDay(weekday=said.weekday).on(today)
        if _moment(day, at, zone_name) <= now:
            day += timedelta(days=7)
    elif was is not None:
        day = was.date()
    else:
        raise UserError(f"on which day? For example sat 14 mar, as in {EXAMPLE}")
    if said.weekday is not None and day.weekday() != said.weekday:
        raise UserError(
            f"{_date(day)} is a {_NAMES[day.weekday()]}: use {_NAMES[day.weekday()][:3].lower()}, or another date"
        )
    local = _local(day, at)
    if to_utc(local, zone_name) <= now:
        raise UserError(f"{_shown(at)} on {_date(day)} has passed: give a future time")
    return local


def minutes_until(said: SessionPhrase, local: datetime, zone_name: str) -> int:
    """How long a session from ``local`` to ``said.until`` lasts: what clocks in ``zone_name`` say, also if they change in
    between.  UserError if they skip the end or show it twice, or if that is too long."""
    nominal = timedelta(minutes=(said.until or 0) - (said.at or 0))
    real = to_utc(local + nominal, zone_name) - to_utc(local, zone_name)
    try:
        return int(fields.from_words("minutes", str(round(real.total_seconds() / 60))))
    except FieldFault:
        raise UserError(_LASTS) from None


def _dated(said: MonthDay, today: date, at: int, zone_name: str, now: datetime) -> date:
    if said.year is not None:
        return date(said.year, said.month or 1, said.day)
    for year in range(today.year, today.year + 9):  # 29 February may be eight years off
        try:
            found = date(year, said.month or 1, said.day)
        except ValueError:
            continue
        if _moment(found, at, zone_name) > now:
            return found
    raise UserError(f"{said.text} is not a date: write it as in 14 mar")


def _worded(name: str, value: Any) -> str:
    """A value of that field, as it was given or as it was read already: minutes as a length, lists as words."""
    if name == "minutes":
        return span(timedelta(minutes=int(value)))
    words = " ".join(value) if isinstance(value, tuple) else str(value)
    return f'"{fields.plain(words, 40)}"'


def _date(day: date) -> str:
    return MonthDay(day.day, day.month, day.year).text


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _local(day: date, at: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=at)


def _moment(day: date, at: int, zone_name: str) -> datetime:
    return _local(day, at).replace(tzinfo=zone(zone_name)).astimezone(UTC)
