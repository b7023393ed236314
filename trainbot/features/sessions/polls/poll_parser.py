"""Parses ``!when open``: ``7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from trainbot.core.errors import UserError
from trainbot.core.times import describe, readings
from trainbot.core.zones import zone as rules
from trainbot.features.sessions.polls.clocks import DAY
from trainbot.features.sessions.polls.poll import PollPlan, starts
from trainbot.features.sessions.polls.tokens import HOURS, TO, MonthDay, RelativeDay, TokenReader
from trainbot.model.session_fields import plain

EXAMPLE = "for example !when open 7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar"
STEP = 30  # minutes: some zones differ by half hours, so full hours in one are not full hours in another
STEPS = (15, 30, 60, 120)
MOST_DAYS = 31
MOST_SESSIONS = 6
MOST_STARTS = 1500
MOST_MINUTES = 12 * 60
OPEN_FOR = timedelta(days=7)  # if no end was given and the first day is not sooner
FARTHEST = timedelta(days=366)
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class PollRequest:
    """A poll to open: answers are accepted until ``closes``; ``title``: what the sessions are about, '' if not given."""

    plan: PollPlan
    closes: datetime
    title: str


def read(text: str, own_zone: str, now: datetime, resolve: Callable[[str, datetime], str]) -> PollRequest:
    """Parses one request.  ``own_zone``: the zone used if no place is named, '' if unknown; ``resolve`` gives the zone of
    a place.  Raises UserError with what to type."""
    wanted, _, title = text.partition(" for ")
    while title and re.match(
        rf"\s*(?:\d+ ?|(?:{'|'.join(HOURS)}) )(h|m|hours?|minutes?|min)\b", title
    ):  # "for 2h" is a length
        length, _, title = title.partition(" for ")
        wanted += f" {length}"
    return _RequestReader(wanted, plain(title, LONGEST_TITLE), own_zone, now, resolve).read()


class _RequestReader:
    """One line being read."""

    def __init__(
        self, text: str, title: str, own_zone: str, now: datetime, resolve: Callable[[str, datetime], str]
    ) -> None:
        self.reader, self.title, self.own_zone, self.now, self.resolve = (
            TokenReader(text),
            title,
            own_zone,
            now,
            resolve,
        )
        self.dates: tuple[MonthDay, MonthDay] | None = None
        self.window: tuple[int, int] | None = None
        self.relative: RelativeDay | None = None
        self.until: tuple[MonthDay | RelativeDay, int] | None = None
        self.minutes, self.most, self.step = 0, 1, STEP
        self.place: list[str] = []

    def read(self) -> PollRequest:
        while self.reader.peek().kind != "end":
            self._step()
        days = self.dates or self.relative
        if self.place and not (days and self.window and self.minutes):  # a word that says none of them comes first
            self.resolve(self._place(), self.now)
        if self.dates is None and self.relative is None:
            raise UserError(f"on which days? {EXAMPLE}")
        if self.window is None:
            raise UserError(f"between which times can a session begin? {EXAMPLE}")
        if not self.minutes:
            raise UserError(f"how long is a session? {EXAMPLE}")
        zone = self._zone()
        today = self.now.astimezone(rules(zone)).date()
        first, last = self._days(today)
        plan = PollPlan(zone, first, last, self.window, self.minutes, self.most, self.step)
        closes = self._closes(zone, today, first)
        moments = starts(plan)
        if not moments:
            raise UserError("clocks skip all of these times: choose others")
        if len(moments) > MOST_STARTS:
            raise UserError(
                f"too many possible starts ({len(moments)}, at most {MOST_STARTS}): use fewer days, or every 60m"
            )
        if closes <= self.now:
            if self.until is not None:
                raise UserError(
                    f"until {describe(closes, zone, self.now)} has passed: put a later day or time after until"
                )
            raise UserError(f"there would be no time to answer: add until and a later day, {EXAMPLE}")
        if closes.timestamp() > moments[0]:
            raise UserError("the first session could begin before the poll closes: put an earlier day after until")
        return PollRequest(plan, closes, self.title)

    def _step(self) -> None:
        reader = self.reader
        if reader.took("until", "till", "by"):
            self._until()
        elif reader.took("max", "most", "up"):
            reader.took("to")
            self.most = self._count("max", MOST_SESSIONS, "sessions")
            reader.took("sessions", "session")
        elif reader.took("every"):
            self.step = self._length("every")
            if self.step not in STEPS:
                raise UserError(
                    f"sessions can begin every {', '.join(str(step) for step in STEPS[:-1])} or {STEPS[-1]} "
                    "minutes, for example every 60m"
                )
        elif (window := reader.attempt(reader.hours)) is not None:
            self._once(self.window, "times of the day")
            self.window = window
        elif (dates := reader.attempt(reader.dates)) is not None:
            self._once(self.dates, "ranges of days")
            self.dates = dates
        elif (relative := reader.attempt(reader.relative)) is not None:
            self._once(self.relative, "ranges of days")
            self.relative = relative
        elif reader.peek().kind == "length" or re.fullmatch(r"\dh\d\d", reader.peek().text):
            self._once(self.minutes or None, "lengths")
            self.minutes = self._length("a session of")
        else:
            self._other()

    def _other(self) -> None:
        token = self.reader.take()
        if token.kind in ("word", "place", "offset"):
            if token.text not in ("in", "at", "on", "the", "from", "sessions", "session", "long", "each"):
                self.place.append(token.text)
        elif token.text == "," and self.place:  # london, ontario
            self.place.append(token.text)
        elif token.text not in (",", ";", "."):
            raise UserError(f'I don\'t understand "{token.text[:20]}" there: {EXAMPLE}')

    def _once(self, before: object, what: str) -> None:
        if before is not None:
            raise UserError(f"a poll can't have two {what}: {EXAMPLE}")

    def _until(self) -> None:
        dates = self.reader.attempt(self.reader.dates)
        day = self.reader.attempt(self.reader.relative) if dates is None else dates[0]
        if day is None or (dates is not None and dates[0] != dates[1]):
            raise UserError(f"until which day? {EXAMPLE}")
        minute, before = DAY, self.reader.at
        token = self.reader.take()
        if token.kind == "time" and self.reader.peek().text not in TO:
            self.reader.at = before
            minute = self.reader.clock_time("until")
        else:
            self.reader.at = before
        self.until = day, minute

    def _count(self, word: str, most: int, what: str) -> int:
        token = self.reader.take()
        if token.kind != "number" or not 1 <= int(token.text[:4]) <= most:
            raise UserError(f"{word} (the maximum number of {what}) must be from 1 to {most}: {EXAMPLE}")
        return int(token.text)

    def _length(self, word: str) -> int:
        text = self.reader.take().text
        found = re.match(r"(\d+)(\.5)? ?(h)?\D*(\d+)?", text)
        if found is None or not re.search("[hm]", text):
            raise UserError(f"{word} how long? For example 2h or 90m")
        minutes = int(found[1]) * (60 if found[3] else 1) + (30 if found[2] and found[3] else 0) + int(found[4] or 0)
        if not 5 <= minutes <= MOST_MINUTES:
            raise UserError(f"{text} is too short or too long: use 5m to {MOST_MINUTES // 60}h")
        return minutes

    def _zone(self) -> str:
        if self.place:
            return self.resolve(self._place(), self._about())
        if not self.own_zone:
            raise UserError(f"which time zone? Add a city, or set your own with !tz CITY: {EXAMPLE}")
        return self.own_zone

    def _place(self) -> str:
        return " ".join(self.place).replace(" ,", ",").rstrip(", ")

    def _about(self) -> datetime:
        """About when the sessions are: offsets and abbreviations are those of that time of the year."""
        return datetime.combine(self._days(self.now.astimezone(UTC).date())[0], time(12), UTC)

    def _days(self, today: date) -> tuple[date, date]:
        """The first and the last day, where it is ``today``."""
        if self.dates is None:
            begin = (self.relative or RelativeDay()).on(today)
            return begin, begin + timedelta(days=(self.relative or RelativeDay()).length - 1)
        first, last = self._range(*self.dates, today)
        if self.relative is not None and self.relative.weekday not in (None, first.weekday()):  # sat 14 mar
            raise UserError(f"{first.day} {first:%b} is a {first:%A}: use only one of them")
        return first, last

    def _range(self, first: MonthDay, last: MonthDay, today: date) -> tuple[date, date]:
        """The next occurrence of these days."""
        until = last.year or next(
            (
                year
                for year in range(today.year, today.year + 9)
                if (day := _day(last, year)) is not None and day >= today
            ),
            today.year,
        )
        end = _day(last, until)
        begin = _day(first, first.year or until)
        if begin is not None and end is not None and begin > end and not first.year:
            begin = _day(first, until - 1)  # 28 dec-4 jan
        if begin is None or end is None or begin > end:
            raise UserError(f"{first.text} to {last.text} is not a valid range of dates: {EXAMPLE}")
        if (end - begin).days >= MOST_DAYS:
            raise UserError(
                f"too many days ({(end - begin).days + 1}, at most {MOST_DAYS}): nobody can plan that far ahead"
            )
        if begin < today:
            raise UserError(f"{begin.day} {begin:%b %Y} has passed: use days from {today.day} {today:%b} on")
        if begin - today > FARTHEST:
            raise UserError(f"{begin.day} {begin:%b %Y} is more than a year away: {EXAMPLE}")
        return begin, end

    def _closes(self, zone: str, today: date, first: date) -> datetime:
        """When the poll closes; by default the end of the day before the first, or a week from now if that is earlier."""
        if self.until is None:
            return min(self.now + OPEN_FOR, readings(datetime(first.year, first.month, first.day), zone)[0])
        said, minute = self.until
        if isinstance(said, RelativeDay):
            return readings(datetime.combine(said.on(today), time()) + timedelta(minutes=minute), zone)[0]
        years = [said.year] if said.year else [first.year - 1, first.year]
        days = [day for year in years if (day := _day(said, year)) is not None]
        found = [day for day in days if day >= today] or days
        if not found:
            raise UserError(f"{said.text} is not a date: {EXAMPLE}")
        return readings(datetime(found[0].year, found[0].month, found[0].day) + timedelta(minutes=minute), zone)[0]


def _day(said: MonthDay, year: int) -> date | None:
    try:
        return date(year, said.month or 0, said.day)
    except ValueError:
        return None
