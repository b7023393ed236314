"""Which recurrence rules a schedule may have (RFC 5545 3.3.10), checked before any rule is expanded.

Libraries expand a rule by walking through dates, forever if the rule never matches.  The rules accepted here repeat
at most once a day and include their own first date (3.8.5.3).  So they match again within the cycle of the calendar,
and the cost of walking them can be calculated beforehand.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

_DAYS_BETWEEN = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_PARTS = {
    "DAILY": {"BYDAY", "BYMONTH"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTH", "BYMONTHDAY"},
}
MOST_INTERVAL = 100


def rule_fault(rule: dict[str, Any], first: datetime) -> str | None:
    """What is wrong with ``rule`` for an event that first takes place at the wall time ``first``, as the end of a
    sentence; None if nothing is wrong."""
    frequency = _one(rule, "FREQ")
    if frequency is None:
        return "repeats by a rule without FREQ, as in vCalendar 1.0: export it as iCalendar 2.0"
    if frequency not in _DAYS_BETWEEN:
        return f"repeats with FREQ={frequency}: a session can repeat daily, weekly, monthly or yearly"
    odd = sorted(set(rule) - _ALWAYS - _PARTS[frequency])
    if odd:
        return f"has {odd[0][:20]} in a {frequency} rule, which is not supported: write its dates as single events"
    interval = _one(rule, "INTERVAL", 1)
    if not isinstance(interval, int) or not 1 <= interval <= MOST_INTERVAL:
        return f"has an INTERVAL that is not from 1 to {MOST_INTERVAL}"
    if interval > 1 and frequency == "DAILY" and {"BYDAY", "BYMONTH"} & set(rule):
        return "selects from every n-th day, which is not supported: write its dates as single events"
    if interval > 1 and frequency == "YEARLY" and "BYDAY" in rule:
        return "selects a weekday of every n-th year, which is not supported: write its dates as single events"
    if {"BYDAY", "BYMONTHDAY"} <= set(rule):
        return "has both BYDAY and BYMONTHDAY, which is not supported: write its dates as single events"
    if any(len(values) > 366 for values in rule.values() if isinstance(values, list)):
        return "has a rule that is too long"
    return _position_fault(rule) or _first_fault(rule, frequency, first)


def walk(rule: dict[str, Any], first: datetime, end: date) -> int:
    """About how many dates are examined from ``first`` to ``end`` (an upper bound)."""
    frequency: str = _one(rule, "FREQ")
    interval: int = _one(rule, "INTERVAL", 1)
    days = max((end - first.date()).days, 0) + 1
    each = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}[frequency]
    return days // (_DAYS_BETWEEN[frequency] * interval) * each + each


def _position_fault(rule: dict[str, Any]) -> str | None:
    if "BYSETPOS" not in rule:
        return None
    positions = rule["BYSETPOS"]
    sound = len(positions) == 1 and isinstance(positions[0], int) and 1 <= abs(positions[0]) <= 4
    if not sound or "BYDAY" not in rule:
        return "has a BYSETPOS other than 1 to 4 or -1 to -4 among weekdays: write its dates as single events"
    return None


def _first_fault(rule: dict[str, Any], frequency: str, first: datetime) -> str | None:
    """The first date must be one that the rule includes; BYSETPOS always has a match (four weeks)."""
    months = rule.get("BYMONTH", [first.month])
    on_day = True
    if "BYMONTHDAY" in rule:
        on_day = bool({first.day, first.day - _days_in_month(first) - 1} & set(rule["BYMONTHDAY"]))
    elif "BYDAY" in rule:
        on_day = any(_is_day(str(day).upper(), first, frequency, "BYMONTH" in rule) for day in rule["BYDAY"])
    if first.month not in [int(month) for month in months] or not on_day:
        return "starts on a day that its own rule does not include: start it on one that it does"
    return None


def _is_day(named: str, first: datetime, frequency: str, in_month: bool) -> bool:
    """Whether ``2TU``, ``-1FR`` or ``MO`` is the day of ``first``."""
    ordinal, weekday = named[:-2], named[-2:]
    if weekday != _WEEKDAYS[first.weekday()]:
        return False
    if not ordinal:
        return True
    if frequency == "MONTHLY" or (frequency == "YEARLY" and in_month):
        day, last = first.day, _days_in_month(first)
    elif frequency == "YEARLY":
        day, last = first.timetuple().tm_yday, date(first.year, 12, 31).timetuple().tm_yday
    else:
        return False
    return ordinal.lstrip("+") in (str((day + 6) // 7), str(-((last - day) // 7 + 1)))


def _days_in_month(first: datetime) -> int:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (following - date(first.year, first.month, 1)).days


def _one(rule: dict[str, Any], part: str, default: Any = None) -> Any:
    values = rule.get(part, default)
    return values[0] if isinstance(values, list) and values else values
