"""Texts about polls: the question, an answer, the result.  One line each; possible starts are never listed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from trainbot.core.times import MAX_BYTES, describe, times_in, until
from trainbot.core.wording import as_many, span
from trainbot.core.zones import city
from trainbot.features.sessions.polls.answer_parser import Availability, fits
from trainbot.features.sessions.polls.clocks import DAY, OffsetSpan, moment, wall, wall_seconds, wall_time
from trainbot.features.sessions.polls.poll import PollPlan, extent, starts
from trainbot.features.sessions.polls.poll_parser import PollRequest
from trainbot.features.sessions.polls.ranking import CandidateStart, Choice, equals
from trainbot.features.sessions.polls.spans import Spans, covers, union, without

MOST_DAYS_SHOWN = 12
RESULT_BYTES = MAX_BYTES - 60  # the names of the drafts are in the same line
Hours = tuple[tuple[int, int], ...]  # minutes after midnight


# -- the question ------------------------------------------------------------------------------------


def asked_back(asking: PollRequest, about: str, channel: str, zone: str, now: datetime) -> str:
    """The line an organiser sees before confirming a poll.  ``zone``: theirs, '' if unknown."""
    plan, moments = asking.plan, starts(asking.plan)
    other = "UTC" if zone in ("", plan.zone) else zone
    sessions = "one session" if plan.most == 1 else f"at most {plan.most} sessions"
    title = f" ({about})" if about else ""
    return (
        f"{channel} will be asked which times suit{title}: {_days(plan.first, plan.last)}, beginning {_window(plan)} "
        f"{city(plan.zone)} ({describe(moment(moments[0]), other, now)} to {describe(moment(moments[-1]), other, now)}), "
        f"{_length(plan)} each, {sessions}; answers until {describe(asking.closes, zone or plan.zone, now)} "
        f"({until(asking.closes - now)})."
    )


def announcement(asking: PollRequest, about: str, nick: str, now: datetime) -> str:
    """The line that opens the poll in the channel."""
    plan = asking.plan
    title = f"for {about or 'a session'}"
    return (
        f"When would suit you {title}, {_length(plan)}, {_days(plan.first, plan.last)} ({city(plan.zone)})? Tell me in private, in your "
        f"own time: /msg {nick} when sat 14:00-18:00, or: when not sun (? after a time: if need be; tz CITY sets "
        f"your time zone). Until {times_in(asking.closes, [plan.zone], now)}, {until(asking.closes - now)}."
    )


def asked(plan: PollPlan, zone: str, whose: str = "your clock") -> str:
    """``a session of 2 h that begins 21:00-12:00 on your clock (Berlin), Sat 6 to Mon 15 Mar``."""
    clock, found = plan.clock(zone), []
    for day in plan.days:
        there = [wall_time(wall(clock, start)) for start in _starts_of(plan, day)]
        if there:
            found.append((there[0], there[-1]))
    if not found:
        return f"a session of {_length(plan)}"
    hours = [f"{first:%H:%M}-{f'{last:%H:%M}' if last.time() > time() else '24:00'}" for first, last in found]
    text = hours[0]
    for before, after, (first, _last) in zip(hours, hours[1:], found[1:], strict=False):
        if before != after:
            text += f", from {_day(first.date())} on {after}"
    return (
        f"a session of {_length(plan)} that begins {text} on {whose} ({city(zone)}), "
        f"{_days(found[0][0].date(), found[-1][1].date())}"
    )


def _starts_of(plan: PollPlan, day: date) -> list[int]:
    clock = plan.clock(plan.zone)
    first, last = (wall_seconds(day) + 60 * minute for minute in plan.window)
    return [start for start in starts(plan) if first <= wall(clock, start) <= last]


def _window(plan: PollPlan) -> str:
    over = plan.window[1] > DAY
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (plan.window[0], plan.window[1] - DAY * over))
    return f"{first} to {last}" + " the next morning" * over


def _length(plan: PollPlan) -> str:
    return span(timedelta(minutes=plan.minutes))


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _days(first: date, last: date) -> str:
    if first == last:
        return _day(first)
    return f"{first:%a} {first.day}{f' {first:%b}' if first.month != last.month else ''} to {_day(last)}"


# -- an answer ---------------------------------------------------------------------------------------


def answer(plan: PollPlan, zone: str, free: Availability, room: int = 150) -> str:
    """``Sat 6, Sat 13 Mar 14:00-18:00; if need be Sun 7 Mar 20:00-22:00 (Berlin): 4 of 279 possible starts suit you``."""
    found = fits(plan, free)
    glad = sum(covers(free.yes, start, start + 60 * plan.minutes) for start in found)
    parts = [
        text
        for word, spans in (("", free.yes), ("if need be ", free.maybe))
        for text in [f"{word}{times(plan, zone, spans, room)}"]
        if spans
    ]
    said = "; ".join(parts) or "no time"
    many = len(starts(plan))
    suit = (
        f"{len(found)} of {many} possible starts suit you" if found else f"none of the {many} possible starts suits you"
    )
    need = f", {len(found) - glad} of them if need be" if len(found) > glad else ""
    return f"{said} ({city(zone)}): {suit}{need}"


def times(plan: PollPlan, zone: str, spans: Spans, room: int) -> str:
    """``Sat 6 Mar 14:00-18:00, Mon 8 to Fri 12 Mar 18:00-24:00``: local time in ``zone``, cut at ``room`` characters."""
    if not without((extent(plan),), spans):
        return "any time"
    same: dict[Hours, list[tuple[date, date]]] = {}
    for day, hours in sorted(_by_day(plan.clock(zone), spans).items()):
        ranges = same.setdefault(hours, [])
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return _listed([f"{_ranges(ranges)} {_hours(hours)}".strip() for hours, ranges in same.items()], room)


def _ranges(ranges: Sequence[tuple[date, date]]) -> str:
    """``Mon 8 to Fri 12, Mon 15 Mar``: the month only once if it is the same for all."""
    texts = [_days(first, last) for first, last in ranges]
    if len({day.month for days in ranges for day in days}) == 1:
        month = f" {ranges[0][0]:%b}"
        texts = [text.removesuffix(month) for text in texts]
        texts[-1] += month
    return ", ".join(texts)


def _by_day(clock: tuple[OffsetSpan, ...], spans: Spans) -> dict[date, Hours]:
    """The local times during ``spans``, day by day; an hour that happens twice is given once."""
    found: dict[date, list[tuple[int, int]]] = {}
    for part in clock:
        for start, end in spans:
            at, last = max(start, part.start) + part.offset, min(end, part.end) + part.offset
            while at < last:
                day = wall_time(at).date()
                midnight = wall_seconds(day)
                till = min(last, midnight + DAY * 60)
                found.setdefault(day, []).append(((at - midnight) // 60, (till - midnight) // 60))
                at = till
    return {day: union(hours) for day, hours in found.items()}


def _hours(hours: Hours) -> str:
    if hours == ((0, DAY),):
        return ""
    return " and ".join(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for start, end in hours)


def _listed(texts: Sequence[str], room: int) -> str:
    return as_many(texts, room + len(" and 10 more"), ", ", " and {} more", MOST_DAYS_SHOWN)


# -- the result -------------------------------------------------------------------------------------


def result(
    order: Sequence[CandidateStart],
    choice: Choice,
    names: Sequence[str],
    zone: str,
    now: datetime,
    unread: Sequence[str] = (),
) -> str:
    """``Best: Sat 14 Mar 20:00 +1100 Melbourne, 41 of 52.  Adding Tue 10 Mar 07:00 reaches 50; left out: bob, wei.``

    ``order``: all possible starts in the order of ``ranking.ranked``; ``names``: people by bit number; ``zone``: in which
    the times are given; ``unread``: those whose time zone is unknown.
    """
    waiting = f" {len(unread)} more never set their time zone: {_listed(unread, 60)}." if unread else ""
    if not names:
        return f"Nobody answered.{waiting}"
    if not choice.reached:
        return f"No time suits anybody; {len(names)} answered.{waiting}"
    best = order[0]
    text = f"Best: {describe(moment(best.moment), zone, now)}, {best.reached} of {len(names)}{_need(best)}."
    added = [start for start in choice.starts if start.moment != best.moment]
    if added:
        together = len(added) == len(choice.starts)
        *most, last = [_moment(start.moment, zone, now) for start in added]
        those = f"{', '.join(most)} and {last}" if most else last
        many = "reach" if len(added) > 1 else "reaches"
        text += f" Better together: {those} reach" if together else f" Adding {those} {many}"
        text += f" {choice.reached}{_need(choice)}"
        text += "" if choice.exact else f" (no set reaches more than {choice.at_most})"
    out = [name for bit, name in enumerate(names) if not choice.reach >> bit & 1]
    text = text.removesuffix(".")
    left = "; left out: " if out else "; nobody is left out."
    tied = _tied(order, choice, zone, now)
    room = RESULT_BYTES - len(f"{text}{left}.{tied}{waiting}".encode())
    return text + left + (_listed(out, max(20, room)) + "." if out else "") + tied + waiting


def _need(found: CandidateStart | Choice) -> str:
    return f" ({found.reached - found.glad} if need be)" if found.glad < found.reached else ""


def _tied(order: Sequence[CandidateStart], choice: Choice, zone: str, now: datetime) -> str:
    """Starts that suit as many people, and why they were not chosen."""
    ties = [(start, other) for place, start in enumerate(choice.starts) for other in equals(order, choice, place)]
    if not ties:
        return ""
    start = ties[0][0]
    others = sorted(other.moment for of, other in ties if of is start)
    place = "" if len(choice.starts) == 1 else f" as {_moment(start.moment, zone, now)}"
    return f" Just as good{place}: {_moments(others, zone, now)} (full hours are preferred, then earlier times)."


def _moment(seconds: int, zone: str, now: datetime) -> str:
    """``Sat 14 Mar 20:00``: in the zone that the line has named already."""
    text = describe(moment(seconds), zone, now)
    return text.removesuffix(" UTC") if zone == "UTC" else text.removesuffix(f" {city(zone)}").rpartition(" ")[0]


def _moments(found: Sequence[int], zone: str, now: datetime) -> str:
    """``Sat 13 Mar 03:00, 04:00, Sun 14 Mar 08:00 and 3 more``: each day only once."""
    texts = [_moment(seconds, zone, now) for seconds in found]
    days = [text.rpartition(" ")[0] for text in texts]
    return _listed(
        [text.rpartition(" ")[2] if n and days[n] == days[n - 1] else text for n, text in enumerate(texts)], 50
    )


def counted(answers: int, waiting: int, closes: datetime, zone: str, now: datetime) -> str:
    """How many people have answered."""
    people = "nobody has answered yet" if not answers else f"{answers} {'has' if answers == 1 else 'have'} answered"
    unread = f" ({waiting} more without a time zone)" if waiting else ""
    return f"{people}{unread}, open until {describe(closes, zone, now)} ({until(closes - now)})"
