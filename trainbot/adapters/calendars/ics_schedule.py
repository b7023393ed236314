"""Calendar files, ``*.ics`` (RFC 5545), as Google, Nextcloud, Thunderbird and Outlook write them.

Each VEVENT is first reduced to the few properties that decide its times, in zones of the tz database; only these go
to the library that expands repetitions.  Fields that iCalendar has no property for are read from
``X-TRAINBOT-EXERCISE`` and the like, or from lines of the description (``exercise: selinux-debian``).  A calendar
grants no rights: a presenter in it is only a name to show.
"""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import icalendar

from trainbot.adapters.calendars.ics_rules import rule_fault, walk
from trainbot.adapters.calendars.ics_series import MOST_SHIFTED, Event, occurrences, session_uid, shift
from trainbot.adapters.calendars.ics_text import torn, unfolded, without_timezones
from trainbot.adapters.calendars.ics_zones import FileZones
from trainbot.core.errors import UserError
from trainbot.core.times import LAST_YEAR, describe, readings
from trainbot.core.zones import zone
from trainbot.model import session_fields as fields
from trainbot.model.session import MOST_PROBLEMS, ScheduleProblem, Session, Withheld
from trainbot.model.session_fields import FieldFault

MOST_EVENTS = 5000
MOST_OCCURRENCES = 5000
MOST_DATES = 1000  # EXDATE and RDATE of one event
MOST_STEPS = 200_000  # dates walked through to expand one file: takes a second or two
_WORDS = ("exercise", "course", "presenter", "channel", "seats", "images", "zones", "link", "slides")
_LINE = re.compile(rf"^[ \t]{{0,9}}({'|'.join(_WORDS)})[ \t]{{0,9}}[:=](.*)$", re.IGNORECASE | re.MULTILINE)


def read_ics(text: str, file: str, start: datetime, end: datetime) -> tuple[list[Session], list[ScheduleProblem]]:
    """Returns the sessions of a calendar named ``file``, and every fault in it.  A repeating event gives one session
    for each occurrence between ``start`` and ``end``; single events are all returned.  Exceptions that the libraries
    raise on a bad file are reported as problems; ``load_schedules`` guards against the rest."""
    return _IcsReader(text, file, start, end).read()


class _IcsReader:
    """One calendar file being read."""

    def __init__(self, text: str, file: str, start: datetime, end: datetime) -> None:
        # RFC 5545 3.1 requires CR LF; real files have all three
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.file, self.start, self.end = file, start, end
        self.problems: list[ScheduleProblem] = []
        self.withheld: dict[str, set[Withheld]] = {}
        self.zones = FileZones([], start, end)
        self.steps = 0

    def read(self) -> tuple[list[Session], list[ScheduleProblem]]:
        text = unfolded(self.text)
        if (fault := torn(text)) is not None:
            self.fault(None, f"this is not iCalendar, or part of it is missing: {fault}")
            return [], self.problems
        if text.upper().count("BEGIN:VEVENT") > MOST_EVENTS:
            self.fault(None, f"more than {MOST_EVENTS} events: split it into several files")
            return [], self.problems
        try:
            text, blocks = without_timezones(text)
            with warnings.catch_warnings():  # about a TZID with a vendor prefix, which we parse ourselves
                warnings.simplefilter("ignore")
                calendars = icalendar.Calendar.from_ical(text, multiple=True)
            events = [(event, cal, number) for number, cal in enumerate(calendars) for event in cal.walk("VEVENT")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            self.fault(None, f"this is not iCalendar: {fields.plain(str(error), 120) or type(error).__name__}")
            return [], self.problems
        self.zones = FileZones(blocks, self.start, self.end)
        groups: dict[str, list[Event]] = {}
        for component, calendar, number in events:
            self.zones.calendar = number
            checked = self.checked(component, str(calendar.get("METHOD", "")).upper() == "CANCEL")
            if checked is not None:
                groups.setdefault(checked.uid, []).append(checked)
        sessions: list[Session] = []
        for group in groups.values():
            sessions += self.sessions(group)
            if len(sessions) > MOST_OCCURRENCES:
                self.fault(None, f"more than {MOST_OCCURRENCES} sessions: the rest of the file was left out")
                return sessions[:MOST_OCCURRENCES], self.problems
        return sessions, self.problems

    # -- one event ----------------------------------------------------------------------------

    def checked(self, event: icalendar.Component, called_off: bool) -> Event | None:
        """The event as an ``Event``, or None if it has a fault (which is recorded).  A change that has a fault may be a
        new time: the sessions that it changes are withheld."""
        uid = _text(event, "UID").strip()
        label = fields.plain(_text(event, "SUMMARY"), 60) or fields.plain(uid, 60) or "(no name)"
        try:
            if not uid:
                raise FieldFault("has no UID, so a change would look like a new event: give it one")
            for name, fault in event.errors:
                if name in ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID"):
                    both = "it has a TZID and the Z of UTC, leave out one" if "AND TZID" in str(fault) else ""
                    raise FieldFault(f"has {_a(name)} that is not understood: {both or fields.plain(str(fault), 80)}")
            return self.timed(event, uid, label, called_off)
        except (FieldFault, UserError) as fault:
            self.change_fault(event, uid, f'event "{label}" {fault}')
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            self.change_fault(event, uid, f'event "{label}" is not understood: {fields.plain(str(error), 80)}')
        return None

    def timed(self, event: icalendar.Component, uid: str, label: str, called_off: bool) -> Event:
        if "DTSTART" not in event:
            raise FieldFault("has no start: write a DTSTART")
        for name in ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID"):
            if isinstance(event.get(name), list):
                raise FieldFault(f"has several {name}: write one")
        first, zone_name = self.start_of(event)
        rid = self.changed(event)[0] if "RECURRENCE-ID" in event else None
        extent = _range(event)
        if extent not in ("", "THISANDFUTURE"):
            raise FieldFault(f"has a RECURRENCE-ID with RANGE={fields.plain(extent, 20)}: change single occurrences")
        without = tuple(
            value if _is_date(value) else self.moment(value, tzid, "EXDATE")[0]
            for value, tzid in _dates(event, "EXDATE")
        )
        besides, lengths = self.added(event, first)
        rule = event.get("RRULE")
        if isinstance(rule, list) or (rule is not None and "EXRULE" in event):
            raise FieldFault("repeats by several rules at once: split it into several events")
        if rule is not None:
            if fault := rule_fault(rule, first.replace(tzinfo=None)):
                raise FieldFault(fault)
            rule = _ended(rule, first, zone_name)
        if rid is not None and (rule is not None or besides):
            raise FieldFault("changes one occurrence but also repeats: leave out its RRULE")
        values = self.words(event, uid, label)
        if title := fields.plain(_text(event, "SUMMARY")):
            values["title"] = title
        elif rid is None:
            raise FieldFault("has no SUMMARY, which is the title of the session: give it one")
        values["cancelled"] = called_off or _text(event, "STATUS").upper() == "CANCELLED"
        lasts = self.minutes(event, first, fields.DEFAULT_MINUTES if rid is None else 0)
        return Event(
            uid, first, zone_name, lasts, _version(event), rid, bool(extent), rule, without, besides, lengths, values,
            "DESCRIPTION" in event,
        )  # fmt: skip

    def moment(self, value: Any, tzid: str, name: str) -> tuple[datetime, str]:
        """The date-time of the property ``name`` in its zone.  A time that the clocks skip or repeat is read as RFC 5545
        3.3.5 says."""
        if not isinstance(value, datetime):
            raise FieldFault(f"has {_a(name)} without a time: write the date and the time")
        if not tzid and value.tzinfo is None:
            raise FieldFault(f"has a floating {name} (no time zone): choose a zone for it in the calendar program")
        wall = value.replace(tzinfo=None)
        zone_name = self.zones.named(tzid, wall) if tzid else "UTC"
        if zone_name is None:
            raise FieldFault(
                f"has {_a(name)} in {fields.shown(tzid)}, an unknown time zone: choose one named after a city, such as "
                "Europe/Berlin, for the event (in Outlook: Time Zones in the event's window)"
            )
        readings(wall, zone_name)  # refuses years out of our range
        return wall.replace(tzinfo=zone(zone_name)), zone_name

    def property_moment(self, event: icalendar.Component, name: str) -> tuple[datetime, str]:
        prop: Any = event[name]
        return self.moment(prop.dt, str(prop.params.get("TZID", "")), name)

    def start_of(self, event: icalendar.Component) -> tuple[datetime, str]:
        prop: Any = event["DTSTART"]
        if _is_date(prop.dt):
            raise FieldFault("lasts all day: give it a start time")
        return self.property_moment(event, "DTSTART")

    def added(self, event: icalendar.Component, first: datetime) -> tuple[tuple[datetime, ...], dict[datetime, int]]:
        """RDATE: the starts, and the minutes of those that are periods.  A date without a time means that day at the
        usual time."""
        moments, lengths = [], {}
        for value, tzid in _dates(event, "RDATE"):
            if _is_date(value):
                moments.append(first.replace(year=value.year, month=value.month, day=value.day))
                continue
            start, length = value if isinstance(value, tuple) else (value, None)
            moments.append(self.moment(start, tzid, "RDATE")[0])
            if length is not None:
                if not isinstance(length, timedelta):
                    length = self.moment(length, tzid, "RDATE")[0].astimezone(UTC) - moments[-1].astimezone(UTC)
                lengths[moments[-1].astimezone(UTC)] = _minutes(length, "has an RDATE that")
        return tuple(moments), lengths

    def minutes(self, event: icalendar.Component, first: datetime, default: int) -> int:
        """The length in minutes; ``default`` if the event has neither end nor duration."""
        if "DTEND" in event:
            length = self.property_moment(event, "DTEND")[0].astimezone(UTC) - first.astimezone(UTC)
        elif "DURATION" in event:
            duration: Any = event["DURATION"]  # typed Any, like the times in ``property_moment``
            length = duration.dt
        else:
            return default
        return _minutes(length)

    def words(self, event: icalendar.Component, uid: str, label: str) -> dict[str, Any]:
        """The fields that iCalendar has no property for.  A wrong one is reported and left out.  Google writes
        descriptions in HTML, so tags are removed first."""
        text = re.sub(r"<br\s*/?>|</p>|</div>", "\n", _text(event, "DESCRIPTION")[:20_000], flags=re.IGNORECASE)
        text = html.unescape(re.sub(r"<[^<>]{0,500}>", "", text))
        found = {match[1].lower(): match[2].strip() for match in reversed(list(_LINE.finditer(text)))}
        if "URL" in event:
            found.setdefault("link", _text(event, "URL"))
        if fields.is_name(
            refid := _text(event, "REFID")
        ):  # RFC 9253: a key of what belongs together; others' are any text
            found.setdefault("course", refid)
        found |= {name: _text(event, f"X-TRAINBOT-{name}") for name in _WORDS if f"X-TRAINBOT-{name}" in event}
        values = {}
        for name, value in found.items():
            try:
                values[name] = fields.from_words(name, value)
            except FieldFault as fault:
                self.fault(uid, f'event "{label}": {name} {fault}')
        return values

    # -- its occurrences ----------------------------------------------------------------------

    def sessions(self, group: list[Event]) -> list[Session]:
        """The sessions from the events of one UID: one session, or the occurrences of a series."""
        masters = sorted((e for e in group if e.rid is None), key=lambda event: event.version)
        master = masters[-1] if masters else None
        if master is not None and len(masters) > 1 and masters[-2].version == master.version:
            self.fault(master.uid, f"several events have the UID {fields.plain(master.uid, 60)}: only the last counts")
        changes = [event.completed(master) for event in group if event.rid is not None]
        changed = [event for event in changes if self.applies(event, master)]
        following = sum(event.following for event in changed)
        if master is not None and master.rule is not None:
            end = self.end + MOST_SHIFTED if following else self.end
            self.steps += walk(master.rule, master.first, end.date()) * (1 + following)
            if self.steps > MOST_STEPS:
                text = "has been repeating for too long, or has been changed too often: start it later"
                self.fault(master.uid, f'event "{master.values["title"]}" {text}')
                return []
        found = []
        for occurrence in occurrences(master, changed, self.start, self.end):
            event, start = occurrence.event, occurrence.start.astimezone(UTC)
            uid, planned = session_uid(event.uid), occurrence.planned.astimezone(UTC)
            if master is None or master.repeats or planned != master.first:
                uid = f"{uid}#{planned:%Y%m%dT%H%M%SZ}"
            local = start.astimezone(zone(event.zone)).replace(tzinfo=None, fold=0)
            session = Session.of(
                uid=uid, start=start, zone=event.zone, local=local, minutes=event.minutes_at(start), origin=self.file,
                **event.values,
            )  # fmt: skip
            if not any(withheld.covers(planned, start) for withheld in self.withheld.get(session_uid(event.uid), ())):
                found.append(session.as_cancelled() if master is not None and master.values["cancelled"] else session)
        return found

    def applies(self, change: Event, master: Event | None) -> bool:
        """False for a change that is only understood together with its series; what it changes is withheld."""
        label, fault = f'event "{change.values.get("title") or fields.plain(change.uid, 60)}"', ""
        if master is None and change.following:
            fault = (
                "changes all later occurrences (THISANDFUTURE) of a series that is not in this file: export it whole"
            )
        elif change.following and abs(shift(change, master)) > MOST_SHIFTED:
            fault = "moves all later occurrences (THISANDFUTURE) by more than a year: end the series there and start another"
        elif master is None and "title" not in change.values:
            fault = "has no SUMMARY, which is the title of the session: give it one"
        if fault and change.rid is not None:
            withheld = Withheld(
                session_uid(change.uid), change.rid, None if change.following else _end_of_day(change.rid)
            )
            self.fault(change.uid, f"{label} {fault}", withheld, change.zone)
        return not fault

    def change_fault(self, event: icalendar.Component, uid: str, text: str) -> None:
        """Records the fault, and if the event is a change, that what it changes is withheld."""
        if not uid or "RECURRENCE-ID" not in event:
            self.fault(uid, text)
            return
        withheld, zone_name = Withheld(session_uid(uid)), "UTC"
        try:
            extent, (first, last, zone_name) = _range(event), self.changed(event)
            if extent in ("", "THISANDFUTURE", "THISANDPRIOR"):
                withheld = replace(
                    withheld,
                    first=None if extent == "THISANDPRIOR" else first.astimezone(UTC),
                    last=None if extent == "THISANDFUTURE" else last.astimezone(UTC),
                )
        except (ValueError, UserError, KeyError, TypeError, AttributeError, OverflowError):
            pass  # it may change any of them
        self.fault(uid, text, withheld, zone_name)

    def changed(self, event: icalendar.Component) -> tuple[datetime, datetime, str]:
        """The time that a RECURRENCE-ID names, twice; if it is a date or midnight, the beginning and end of that day."""
        prop: Any = event["RECURRENCE-ID"]
        if _is_date(prop.dt):
            zone_name = self.start_of(event)[1]
            moment = datetime.combine(prop.dt, time.min, zone(zone_name))
        else:
            moment, zone_name = self.property_moment(event, "RECURRENCE-ID")
        return moment, _end_of_day(moment), zone_name

    def fault(self, uid: str | None, text: str, withheld: Withheld | None = None, zone_name: str = "UTC") -> None:
        if withheld is not None:
            self.withheld.setdefault(withheld.series, set()).add(withheld)
            text += f"; until you correct or delete this change, {_which(withheld, zone_name)} not announced"
        held = (withheld,) if withheld is not None else ()
        if len(self.problems) < MOST_PROBLEMS:  # nobody reads more, and finding their lines takes time
            at = self.text.find(f"\nUID:{uid[:60]}") if uid else -1
            line = self.text.count("\n", 0, at) + 2 if at >= 0 else None
            self.problems.append(ScheduleProblem(self.file, line, text, held))
        elif held:
            last = self.problems[-1]
            self.problems[-1] = replace(last, withheld=last.withheld + held)


def _text(event: icalendar.Component, name: str) -> str:
    """The text of a property: the first if there are two, empty if there is none."""
    value = event.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value)


def _version(event: icalendar.Component) -> tuple[float, ...]:
    """A later version of an event compares greater: SEQUENCE, then DTSTAMP (RFC 5546 2.1.5), then LAST-MODIFIED."""
    sequence = event.get("SEQUENCE")
    found = [float(sequence) if isinstance(sequence, int) else 0.0]
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        stamp = event.get(name)
        at = stamp.dt if isinstance(stamp, icalendar.vDDDTypes) else None
        found.append(at.timestamp() if isinstance(at, datetime) and at.tzinfo is not None else 0.0)
    return tuple(found)


def _a(name: str) -> str:
    return f"an {name}" if name in ("EXDATE", "RDATE", "RRULE") else f"a {name}"


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _end_of_day(moment: datetime) -> datetime:
    """The end of its day if it is midnight, by which some programs name a day; else the moment itself."""
    return datetime.combine(moment.date(), time.max, moment.tzinfo) if moment.time() == time.min else moment


def _range(event: icalendar.Component) -> str:
    """The RANGE of its RECURRENCE-ID; '' if it has none."""
    return str(event["RECURRENCE-ID"].params.get("RANGE", "")).upper() if "RECURRENCE-ID" in event else ""


def _dates(event: icalendar.Component, name: str) -> Iterator[tuple[Any, str]]:
    """The values of EXDATE or RDATE: (date, date-time, or start and end or length; TZID)."""
    found = event.get(name, [])
    found = found if isinstance(found, list) else [found]
    if sum(len(group.dts) for group in found) > MOST_DATES:
        raise FieldFault(f"has more than {MOST_DATES} dates in {name}")
    for group in found:
        yield from ((entry.dt, str(group.params.get("TZID", ""))) for entry in group.dts)


def _minutes(length: timedelta, what: str = "") -> int:
    minutes = round(length.total_seconds() / 60)
    if not 1 <= minutes <= fields.MOST_MINUTES:
        raise FieldFault(f"{what} lasts {minutes} minutes: a session lasts from 1 to {fields.MOST_MINUTES}".strip())
    return minutes


def _ended(rule: Any, first: datetime, zone_name: str) -> Any:
    """The rule with its UNTIL in UTC (3.3.10).  A date counts to its end and a time without a zone is local, both in the
    zone of the event: programs write both, although the RFC wants UTC."""
    if "UNTIL" not in rule:
        return rule
    rule = icalendar.vRecur(rule)
    until = rule.pop("UNTIL")
    until = until[0] if isinstance(until, list) and len(until) == 1 else until
    if not isinstance(until, date):
        raise FieldFault("has an RRULE with several UNTIL: write one")
    if until.year > LAST_YEAR:
        return rule
    if not isinstance(until, datetime):
        until = datetime.combine(until, time(23, 59, 59))
    until = until if until.tzinfo is not None else until.replace(tzinfo=zone(zone_name))
    if until < first:
        raise FieldFault("has an RRULE that ends (UNTIL) before the event starts: correct the end of the repetition")
    rule["UNTIL"] = [until.astimezone(UTC)]
    return rule


def _which(withheld: Withheld, zone_name: str) -> str:
    """``its session of Tue 15 Dec 19:00 +0100 Berlin is``."""
    first, last = (moment and describe(moment, zone_name) for moment in (withheld.first, withheld.last))
    if first and first == last:
        return f"its session of {first} is"
    return f"its sessions{f' from {first}' if first else ''}{f' until {last}' if last else ''} are"
