"""Parses answers to a poll, ``sat 14:00-18:00, not sun``, and turns them into moments.

The last statement about an hour counts.  An answer that starts with ``not`` means free at all other times, until the
person says when they are free; saying when they are free means not free at other times.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from trainbot.core.errors import UserError
from trainbot.features.sessions.polls.clocks import DAY, OffsetSpan, shown
from trainbot.features.sessions.polls.poll import PollPlan, extent, local_days, starts
from trainbot.features.sessions.polls.spans import Spans, covers, union, without
from trainbot.features.sessions.polls.tokens import MONTHS, TIME_WORDS, TO, WEEKDAYS, MonthDay, TokenReader

EXAMPLE = "for example !when sat 14:00-18:00, not sun, weekdays after 18:00?"
MOST_STATEMENTS = 60
_NOT = ("not", "no", "except", "without", "busy", "can't", "cannot", "cant", "never", "unless", "excluding")
_MAYBE = ("maybe", "perhaps", "possibly", "ifneedbe")
_EVERY = ("any", "anytime", "always", "all", "every", "everyday", "daily", "whenever", "everything", "yes")
_AND = ("and", "&", "+", "/")
_FILLERS = (
    "on",
    "at",
    "the",
    "i",
    "am",
    "i'm",
    "can",
    "free",
    "is",
    "are",
    "ok",
    "okay",
    "in",
    "day",
    "days",
    "time",
    "times",
    "also",
    "but",
    "my",
    "would",
    "suits",
    "suit",
    "me",
    "works",
    "fine",
    "of",
    "or",
    "only",
    "just",
    "local",
    "available",
    "!",
    ".",
    "(",
    ")",
)


class Preference(enum.StrEnum):
    """How well a time suits somebody."""

    YES = "yes"
    MAYBE = "if need be"
    NO = "no"


@dataclass(frozen=True, slots=True)
class AvailabilityClause:
    """On ``days`` (empty: all of them) between ``hours`` (minutes after midnight; past 1440 is the next day)."""

    word: Preference
    days: frozenset[date] = frozenset()
    hours: tuple[int, int] = (0, DAY)


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """One parsed line: its statements; ``afresh``: it replaces earlier answers; ``place``: words that may name a time
    zone, '' if there are none."""

    statements: tuple[AvailabilityClause, ...]
    afresh: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """When somebody is free, and when if need be."""

    yes: Spans = ()
    maybe: Spans = ()


# -- meaning -----------------------------------------------------------------------------------------


def free(plan: PollPlan, lines: Iterable[tuple[str, Sequence[AvailabilityClause]]]) -> Availability:
    """When somebody is free by all these (zone, statements), in the order in which they were said."""
    lines = list(lines)
    said = [statement for _zone, statements in lines for statement in statements]
    refuses = (
        bool(said) and said[0].word is Preference.NO and not any(statement.word is Preference.YES for statement in said)
    )
    found = Availability(yes=(extent(plan),) if refuses else ())
    for zone, statements in lines:
        clock, every = plan.clock(zone), local_days(plan, zone)
        for statement in statements:
            found = _painted(found, statement.word, _moments(clock, statement, every))
    return found


def fits(plan: PollPlan, free: Availability) -> list[int]:
    """The starts of sessions that somebody could attend from beginning to end."""
    either, length = union(free.yes, free.maybe), 60 * plan.minutes
    return [start for start in starts(plan) if covers(either, start, start + length)]


def _painted(was: Availability, word: Preference, moments: Spans) -> Availability:
    yes, maybe = without(was.yes, moments), without(was.maybe, moments)
    if word is Preference.YES:
        return Availability(union(yes, moments), maybe)
    return Availability(yes, union(maybe, moments) if word is Preference.MAYBE else maybe)


def _moments(clock: tuple[OffsetSpan, ...], statement: AvailabilityClause, every: Sequence[date]) -> Spans:
    days = sorted(statement.days) or every
    return union(*(shown(clock, day, statement.hours) for day in days))


# -- words -------------------------------------------------------------------------------------------


def read(text: str, days: Sequence[date], today: date) -> PollAnswer:
    """Parses one answer; ``days``: the days of the poll on the speaker's calendar, in order; ``today``: when it was said.

    Raises UserError with what to type if it can't be understood; then the whole line is ignored.
    """
    if not days:
        raise UserError("no possible times are left in this poll")
    return _AnswerReader(text, days, today).read()


@dataclass
class _Clause:
    """The part between two commas; ``said``: yes or no was said explicitly, not taken from the part before."""

    word: Preference = Preference.YES
    said: bool = False
    days: frozenset[date] | None = None
    hours: tuple[tuple[int, int], ...] = ()
    every: bool = False

    @property
    def empty(self) -> bool:
        return self.days is None and not self.hours and not self.every


class _AnswerReader:
    """One line being read."""

    def __init__(self, text: str, days: Sequence[date], today: date) -> None:
        self.reader, self.days, self.today = TokenReader(text), days, today
        self.clauses: list[_Clause] = [_Clause()]
        self.unknown: list[tuple[int, str]] = []

    def read(self) -> PollAnswer:
        reader = self.reader
        if not reader.tokens:
            raise UserError(f"when are you free? {EXAMPLE}")
        words = [token.text for token in reader.tokens]
        refused = words[0] in ("no", "never") and set(words[1:]) <= {"time", "suits", "me", "."}
        if refused or words == ["not", "at", "all"]:
            return PollAnswer((AvailabilityClause(Preference.NO),), afresh=True)
        while reader.peek().kind != "end":
            self._step()
        if self.clauses[-1].empty and self.clauses[-1].said and len(self.clauses) > 1:  # "sat 10-12 no"
            raise UserError(f'"{words[-1]}" what? Put it before the day: not sat, or not sun 14:00-18:00')
        statements = self._statements()
        if not statements:
            unknown = " ".join(word for _place, word in self.unknown)
            problem = f'I don\'t understand "{unknown[:40]}":' if unknown else "when are you free?"
            raise UserError(f"{problem} {EXAMPLE}")
        first = self.clauses[0]
        all_of_it = first.every and first.days is None and not first.hours
        return PollAnswer(statements, words[0] == "only" or all_of_it, self._place())

    def _step(self) -> None:
        """Reads the next few words that belong together."""
        reader, clause = self.reader, self.clauses[-1]
        if reader.took(",", ";"):
            self._begin(_Clause())
        elif reader.took("?") or reader.took(*_MAYBE) or self._took_if_need_be():
            self._maybe()
        elif reader.took("none", "nothing", "nowhen"):
            self._begin(_Clause(Preference.NO, said=True, every=True))
        elif reader.took(*_NOT):
            self._begin(_Clause(Preference.NO, said=True))
        elif (hours := reader.attempt(reader.hours)) is not None:
            clause.hours += (hours,)
        elif (days := self._days()) is not None:
            if clause.days is not None and clause.hours:  # "sat 14-18 sun 10-12"
                clause = self._begin(_Clause(clause.word, said=clause.said))
            clause.days = days | (clause.days or frozenset())
        elif reader.took(*_EVERY):
            clause.every = True
        elif reader.took(*_AND, *_FILLERS):
            pass
        else:
            self._not_understood()

    def _begin(self, clause: _Clause) -> _Clause:
        if self.clauses[-1].empty:
            clause = replace(
                clause,
                said=clause.said or self.clauses[-1].said,
                word=clause.word if clause.said else self.clauses[-1].word,
            )
            self.clauses.pop()
        self.clauses.append(clause)
        return clause

    def _maybe(self) -> None:
        """Reads ``?`` or "if need be", after or before a time."""
        if self.clauses[-1].word is Preference.NO:
            raise UserError(f'"not" and "if need be" contradict each other: leave one out, {EXAMPLE}')
        self.clauses[-1].word, self.clauses[-1].said = Preference.MAYBE, True

    def _took_if_need_be(self) -> bool:
        if [self.reader.peek(n).text for n in range(3)] == ["if", "need", "be"]:
            self.reader.at += 3
            return True
        return False

    def _days(self) -> frozenset[date] | None:
        if (dates := self.reader.attempt(self.reader.dates)) is not None:
            return self._between(*dates)
        number = self.reader.peek()
        if number.text in ("today", "tonight", "tomorrow", "next", "this", "coming"):
            return self._relative()
        weekdays = self.reader.attempt(self.reader.weekdays)
        if weekdays is None:
            return None
        dates = self.reader.attempt(self.reader.dates) if len(weekdays) == 1 else None
        if dates is not None:  # "sat 14 mar"
            found = self._between(*dates)
            if len(found) == 1 and next(iter(found)).weekday() != weekdays[0]:
                raise UserError(f"{dates[0].text} is a {next(iter(found)):%A}: use only one of them")
            return found
        found = frozenset(day for day in self.days if day.weekday() in weekdays)
        if not found:
            raise UserError(f"the poll has no {number.text}: it is about {self._range()}")
        return found

    def _relative(self) -> frozenset[date] | None:
        """``tomorrow``, ``next fri``."""
        before = self.reader.at
        relative = self.reader.attempt(self.reader.relative)
        if relative is None:
            return None
        said = " ".join(token.text for token in self.reader.tokens[before : self.reader.at])
        first = relative.on(self.today)
        found = frozenset(first + timedelta(days=n) for n in range(relative.length)) & frozenset(self.days)
        if not found:
            raise UserError(
                f"{said} is {first:%a} {first.day} {first:%b}, which is not in the poll: it is about {self._range()}"
            )
        return found

    def _between(self, first: MonthDay, last: MonthDay) -> frozenset[date]:
        ends = [[day for day in self.days if _fits(day, end)] for end in (first, last)]
        if not ends[0] or not ends[1]:
            raise UserError(f"{(first if not ends[0] else last).text} is not in the poll: it is about {self._range()}")
        if ends[0][0] > ends[1][-1]:
            raise UserError(f"{first.text} is after {last.text}: put the earlier day first")
        return frozenset(day for day in self.days if ends[0][0] <= day <= ends[1][-1])

    def _range(self) -> str:
        return " to ".join(f"{day:%a} {day.day} {day:%b}" for day in (self.days[0], self.days[-1]))

    def _not_understood(self) -> None:
        token = self.reader.take()
        if token.kind in ("time", "number", "length"):
            near = self.reader.peek(-2).text if self.reader.at > 1 else ""
            day = f"{near} " if near in WEEKDAYS else ""
            if token.kind == "number" and int(token.text[:4]) > 24:
                raise UserError(f'I don\'t understand "{token.text[:20]}": {EXAMPLE}')
            raise UserError(
                f"{token.text} to when? For example {day}14:00-18:00, or {day}after 18:00; a date needs "
                "a month, as in 14 mar"
            )
        if token.text in TIME_WORDS:
            raise UserError(f'I don\'t understand "{token.text}": write times in figures, {EXAMPLE}')
        if token.text in MONTHS:
            raise UserError(f"which day in {token.text.capitalize()}? For example 14 {token.text}")
        if token.kind in ("word", "place", "offset"):
            self.unknown.append((self.reader.at, token.text))
        elif token.kind != "sign" or token.text in TO:
            raise UserError(f'I don\'t understand "{token.text[:20]}" there: {EXAMPLE}')

    def _place(self) -> str:
        """The unknown words, if they are next to each other (but for commas) and may name a place."""
        if not self.unknown:
            return ""
        words = [token.text for token in self.reader.tokens[self.unknown[0][0] - 1 : self.unknown[-1][0]]]
        if len(self.unknown) != len(words) - words.count(","):
            raise UserError(f'I don\'t understand "{self.unknown[0][1][:30]}": {EXAMPLE}')
        return " ".join(words).replace(" ,", ",")

    def _statements(self) -> tuple[AvailabilityClause, ...]:
        self._carry()
        found: list[AvailabilityClause] = []
        for clause in self.clauses:
            if not clause.empty:
                days = clause.days or frozenset()
                found += [AvailabilityClause(clause.word, days, hours) for hours in clause.hours or ((0, DAY),)]
        if len(found) > MOST_STATEMENTS:
            raise UserError(f"more than {MOST_STATEMENTS} times in one line; give only the most important ones")
        return tuple(found)

    def _carry(self) -> None:
        """Fills in what people leave out: in ``sat, sun 14-18`` the hours apply to both days, in ``sat 10-12, 14-18`` the
        day applies to both times, in ``not sat, sun`` the not applies to both."""
        for before, clause in zip(self.clauses, self.clauses[1:], strict=False):
            if clause.days is None and not clause.every and clause.hours and before.days is not None:
                clause.days = before.days
            if (
                before.word is Preference.NO
                and not clause.said
                and clause.days
                and not clause.hours
                and not before.hours
            ):
                clause.word = Preference.NO
        for before, clause in reversed(list(zip(self.clauses, self.clauses[1:], strict=False))):
            same = before.word is clause.word or (not before.said and clause.word is Preference.MAYBE)
            listed = before.days is not None and not before.hours and before.word is not Preference.NO
            if listed and same and clause.days and clause.days != before.days and clause.hours:
                before.hours, before.word = clause.hours, clause.word


def _fits(day: date, said: MonthDay) -> bool:
    return (day.day, said.month or day.month, said.year or day.year) == (said.day, day.month, day.year)
