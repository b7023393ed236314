"""Calendar files, ``*.ics`` (RFC 5545), as Google, Nextcloud, Thunderbird and Outlook write them.

Each VEVENT is first reduced to the few properties that decide its times, in zones of the tz database; only these go
to the library that expands repetitions.  Fields that iCalendar has no property for are read from
``X-TRAINBOT-EXERCISE`` and the like, or from lines of the description (``exercise: selinux-debian``).  A calendar
grants no rights: a presenter in it is only a name to show.
"""

from __future__ import annotations

import hashlib
import html
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from trainbot.adapters.calendars.ics_rules import rule_fault, walk
from trainbot.adapters.calendars.ics_text import torn, without_timezones
from trainbot.adapters.calendars.tzid import of_tzid
from trainbot.core.errors import UserError
from trainbot.core.times import readings
from trainbot.core.zones import zone
from trainbot.model import session_fields as fields
from trainbot.model.session import MOST_PROBLEMS, ScheduleProblem, Session
from trainbot.model.session_fields import FieldFault

MOST_EVENTS = 5000
MOST_OCCURRENCES = 5000
MOST_DATES = 1000  # EXDATE and RDATE of one event
MOST_STEPS = 200_000  # dates walked through to expand one file: takes a second or two
_WORDS = ("exercise", "presenter", "channel", "seats", "images", "zones", "link", "slides")
_LINE = re.compile(rf"^[ \t]{{0,9}}({'|'.join(_WORDS)})[ \t]{{0,9}}[:=](.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Event:
    """One VEVENT after checking; ``rid`` is its RECURRENCE-ID, both times in the event's zone."""

    uid: str
    first: datetime
    rid: datetime | None
    zone: str
    minutes: int
    sequence: int
    rule: Any
    without: tuple[datetime, ...]
    besides: tuple[datetime, ...]
    values: dict[str, Any]  # the Session's other fields

    @property
    def repeats(self) -> bool:
        return self.rule is not None or bool(self.besides)


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
        self.places: dict[str, str] = {}  # TZID -> X-LIC-LOCATION
        self.steps = 0

    def read(self) -> tuple[list[Session], list[ScheduleProblem]]:
        if (fault := torn(self.text)) is not None:
            self.fault(None, f"this is not iCalendar, or part of it is missing: {fault}")
            return [], self.problems
        if self.text.upper().count("BEGIN:VEVENT") > MOST_EVENTS:
            self.fault(None, f"more than {MOST_EVENTS} events: split it into several files")
            return [], self.problems
        try:
            text, self.places = without_timezones(self.text)
            with warnings.catch_warnings():  # about a TZID with a vendor prefix, which we parse ourselves
                warnings.simplefilter("ignore")
                calendars = icalendar.Calendar.from_ical(text, multiple=True)
            events = [(event, cal) for cal in calendars for event in cal.walk("VEVENT")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            self.fault(None, f"this is not iCalendar: {fields.plain(str(error), 120) or type(error).__name__}")
            return [], self.problems
        groups: dict[str, list[_Event]] = {}
        for component, calendar in events:
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

    def checked(self, event: icalendar.Component, called_off: bool) -> _Event | None:
        """The event as an ``_Event``, or None if it has a fault (which is recorded)."""
        uid = _text(event, "UID").strip()
        label = fields.plain(_text(event, "SUMMARY"), 60) or fields.plain(uid, 60) or "(no name)"
        try:
            if not uid:
                raise FieldFault("has no UID, so a change would look like a new event: give it one")
            for name, fault in event.errors:
                if name in ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID"):
                    raise FieldFault(f"has a {name} that is not understood: {fields.plain(str(fault), 80)}")
            return self.timed(event, uid, label, called_off)
        except (FieldFault, UserError) as fault:
            self.fault(uid, f'event "{label}" {fault}')
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            self.fault(uid, f'event "{label}" is not understood: {fields.plain(str(error), 80)}')
        return None

    def timed(self, event: icalendar.Component, uid: str, label: str, called_off: bool) -> _Event:
        if "DTSTART" not in event:
            raise FieldFault("has no start: write a DTSTART")
        for name in ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID"):
            if isinstance(event.get(name), list):
                raise FieldFault(f"has several {name}: write one")
        first, zone_name = self.moment(event["DTSTART"])
        rid = None
        if "RECURRENCE-ID" in event:
            if "RANGE" in event["RECURRENCE-ID"].params:
                raise FieldFault(
                    "changes all later occurrences (RANGE=THISANDFUTURE): end the series there and start another"
                )
            rid = self.moment(event["RECURRENCE-ID"])[0]
        without, besides = self.dates(event, "EXDATE"), self.dates(event, "RDATE")
        rule = event.get("RRULE")
        if isinstance(rule, list) or (rule is not None and "EXRULE" in event):
            raise FieldFault("repeats by several rules at once: split it into several events")
        if rule is not None and (fault := rule_fault(rule, first.replace(tzinfo=None))):
            raise FieldFault(fault)
        if rid is not None and (rule is not None or besides):
            raise FieldFault("changes one occurrence but also repeats: leave out its RRULE")
        values = self.words(event, uid, label)
        values["title"] = fields.plain(_text(event, "SUMMARY")) or "session"
        values["cancelled"] = called_off or _text(event, "STATUS").upper() == "CANCELLED"
        sequence = event.get("SEQUENCE", 0)
        sequence = int(sequence) if isinstance(sequence, int) else 0
        return _Event(uid, first, rid, zone_name, self.minutes(event, first), sequence, rule, without, besides, values)

    def moment(self, prop: Any) -> tuple[datetime, str]:
        """A date-time in its zone.  A time that the clocks skip or repeat is read as RFC 5545 3.3.5 says."""
        value, tzid = prop.dt, str(prop.params.get("TZID", ""))
        if not isinstance(value, datetime):
            raise FieldFault("lasts all day: give it a start time")
        if not tzid and value.tzinfo is None:
            raise FieldFault("has a floating time (no time zone): choose a zone for it in the calendar program")
        name = of_tzid(tzid, self.places.get(tzid)) if tzid else "UTC"
        if name is None:
            raise FieldFault(
                f"is in {fields.shown(tzid)}, an unknown time zone: choose one named after a city, such as Europe/Berlin"
            )
        wall = value.replace(tzinfo=None)
        readings(wall, name)  # refuses years out of our range
        return wall.replace(tzinfo=zone(name)), name

    def dates(self, event: icalendar.Component, name: str) -> tuple[datetime, ...]:
        found = event.get(name, [])
        found = found if isinstance(found, list) else [found]
        if sum(len(group.dts) for group in found) > MOST_DATES:
            raise FieldFault(f"has more than {MOST_DATES} dates in {name}")
        moments = []
        for group in found:
            for entry in group.dts:
                entry.params = group.params
                moments.append(self.moment(entry)[0])
        return tuple(moments)

    def minutes(self, event: icalendar.Component, first: datetime) -> int:
        """The length in minutes; an event with neither end nor duration gets the default."""
        length = timedelta(minutes=fields.DEFAULT_MINUTES)
        if "DTEND" in event:
            length = self.moment(event["DTEND"])[0].astimezone(UTC) - first.astimezone(UTC)
        elif "DURATION" in event:
            duration: Any = event["DURATION"]  # typed Any, like the times in ``moment``
            length = duration.dt
        minutes = round(length.total_seconds() / 60)
        if not 1 <= minutes <= fields.MOST_MINUTES:
            raise FieldFault(f"lasts {minutes} minutes: a session lasts from 1 to {fields.MOST_MINUTES}")
        return minutes

    def words(self, event: icalendar.Component, uid: str, label: str) -> dict[str, Any]:
        """The fields that iCalendar has no property for.  A wrong one is reported and left out.  Google writes
        descriptions in HTML, so tags are removed first."""
        text = re.sub(r"<br\s*/?>|</p>|</div>", "\n", _text(event, "DESCRIPTION")[:20_000], flags=re.IGNORECASE)
        text = html.unescape(re.sub(r"<[^<>]{0,500}>", "", text))
        found = {match[1].lower(): match[2].strip() for match in reversed(list(_LINE.finditer(text)))}
        if "URL" in event:
            found.setdefault("link", _text(event, "URL"))
        found |= {name: _text(event, f"X-TRAINBOT-{name}") for name in _WORDS if f"X-TRAINBOT-{name}" in event}
        values = {}
        for name, value in found.items():
            try:
                values[name] = fields.from_words(name, value)
            except FieldFault as fault:
                self.fault(uid, f'event "{label}": {name} {fault}')
        return values

    # -- its occurrences ----------------------------------------------------------------------

    def sessions(self, group: list[_Event]) -> list[Session]:
        """The sessions from the events of one UID: one session, or the occurrences of a series."""
        masters = sorted((e for e in group if e.rid is None), key=lambda event: event.sequence)
        master = masters[-1] if masters else None
        if master is not None and len(masters) > 1 and masters[-2].sequence == master.sequence:
            self.fault(master.uid, f"several events have the UID {fields.plain(master.uid, 60)}: only the last counts")
        changed = [event for event in group if event.rid is not None]
        if master is not None and not master.repeats:
            return [self.session(master, master.first, None)]
        if master is not None and master.rule is not None:
            self.steps += walk(master.rule, master.first, self.end.date())
            if self.steps > MOST_STEPS:
                self.fault(
                    master.uid, f'event "{master.values["title"]}" has been repeating for too long: start it later'
                )
                return []
        return self.expanded([master, *changed] if master else changed, master)

    def expanded(self, events: list[_Event], master: _Event | None) -> list[Session]:
        calendar = icalendar.Calendar()
        for number, event in enumerate(events):
            calendar.add_component(_bare(event, number))
        span = (self.start, self.end)
        if master is not None and master.first > self.end:  # it begins later: show at least its first session
            span = (self.start, master.first + timedelta(minutes=1))
        found = []
        # an occurrence that was moved beyond the horizon still takes place
        later = (event for event in events if event.rid and event.first > span[1])
        found += [self.session(event, event.first, event.rid) for event in later]
        for occurrence in recurring_ical_events.of(calendar).between(*span):
            source = events[int(occurrence["X-SOURCE"])]
            begins = occurrence["DTSTART"].dt
            found.append(self.session(source, begins, source.rid or begins))
        if master is not None and master.values["cancelled"]:
            return [session.as_cancelled() for session in found]
        return found

    def session(self, event: _Event, begins: datetime, rid: datetime | None) -> Session:
        start = begins.astimezone(UTC)
        uid = fields.plain(event.uid, 255).replace(" ", "_")
        if uid != event.uid or len(event.uid) > 150:
            uid = uid[:40] + "~" + hashlib.sha256(event.uid.encode()).hexdigest()[:16]
        local = start.astimezone(zone(event.zone)).replace(tzinfo=None, fold=0)
        return Session.of(
            uid=uid if rid is None else f"{uid}#{rid.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            start=start, zone=event.zone, local=local, minutes=event.minutes, origin=self.file, **event.values,
        )  # fmt: skip

    def fault(self, uid: str | None, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:  # nobody reads more, and finding their lines takes time
            at = self.text.find(f"\nUID:{uid[:60]}") if uid else -1
            line = self.text.count("\n", 0, at) + 2 if at >= 0 else None
            self.problems.append(ScheduleProblem(self.file, line, text))


def _text(event: icalendar.Component, name: str) -> str:
    """The text of a property: the first if there are two, empty if there is none."""
    value = event.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value)


def _bare(event: _Event, number: int) -> icalendar.Event:
    """An event with only what decides its times, and a reference to the ``_Event`` it came from."""
    bare = icalendar.Event()
    bare.add("UID", "one")
    bare.add("SEQUENCE", event.sequence)
    bare.add("DTSTART", event.first)
    bare.add("DURATION", timedelta(minutes=event.minutes))
    bare.add("X-SOURCE", str(number))
    if event.rid is not None:
        bare.add("RECURRENCE-ID", event.rid)
    if event.rule is not None:
        bare["RRULE"] = event.rule
    for name, moments in (("EXDATE", event.without), ("RDATE", event.besides)):
        for moment in moments:
            bare.add(name, moment)
    return bare
