"""The calendar that people subscribe to (RFC 5545, RFC 7986), written so that their programs see what changed.

UID stays, SEQUENCE counts the changes, DTSTAMP and LAST-MODIFIED are of the change and not of the writing, what was
cancelled stays in it as cancelled.  The same rows give the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import icalendar

from trainbot import __version__
from trainbot.sessions.model import Session
from trainbot.sessions.reminders import Offset
from trainbot.sessions.times import readings
from trainbot.sessions.vtimezone import vtimezone
from trainbot.sessions.zones import zone

if TYPE_CHECKING:
    from trainbot.config import Config

FEED, PAGE = "sessions.ics", "sessions.html"
ALARMS_WITHIN = timedelta(days=1)  # a phone that rings a week before is switched off


@dataclass(frozen=True, slots=True)
class Entry:
    """A published session, how often it has changed since, and when it last did."""

    session: Session
    sequence: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Where:
    """What people need besides a time.  ``owner``: this installation's id, ``public_url``: where the page is served,
    '' where it is not; ``server``, ``port``, ``tls``: of the IRC network; ``channels``: ours."""

    owner: str
    public_url: str
    server: str
    port: int
    tls: bool
    channels: tuple[str, ...]

    def uid(self, session: Session) -> str:
        """The same for ever, and no other installation's (RFC 7986 5.3)."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"trainbot:{self.owner}/{session.uid}"))

    def channel(self, session: Session) -> str:
        return session.channel or (self.channels[0] if self.channels else "")

    def irc(self, session: Session) -> str:
        """``ircs://irc.libera.chat:6697/%23selinux-class``, as IRC clients open it."""
        return f"{'ircs' if self.tls else 'irc'}://{self.server}:{self.port}/{quote(self.channel(session), safe='')}"

    def page(self, session: Session) -> str:
        """Its place on the page; its channel where no page is served."""
        if not self.public_url:
            return self.irc(session)
        return f"{self.public_url.rstrip('/')}/{PAGE}#{anchor(self, session)}"

    @property
    def name(self) -> str:
        return f"Training in {' and '.join(self.channels)}" if self.channels else "Training"


def where_of(config: Config, owner: str) -> Where:
    irc = config.irc
    return Where(owner, config.records.public_url, irc.server, irc.port, irc.tls, irc.channels)


def anchor(where: Where, session: Session) -> str:
    return f"s-{where.uid(session)[:13]}"


def since(now: datetime) -> datetime:
    """From when on sessions are in the feed: what moves once a year only."""
    return datetime(now.astimezone(UTC).year - 1, 1, 1, tzinfo=UTC)


class Feed:
    """Keeps each event's text as long as its session does not change: writing the whole is cheap then."""

    def __init__(self, where: Where, offsets: Sequence[Offset]) -> None:
        self.where = where
        short = [offset for offset in offsets if not offset.days and timedelta(minutes=offset.minutes) < ALARMS_WITHIN]
        self.alarms = tuple(short or list(offsets)[-1:])
        self._written: dict[str, tuple[Entry, bytes]] = {}

    def text(self, entries: Iterable[Entry]) -> bytes:
        """The whole calendar."""
        entries = sorted(entries, key=lambda entry: (entry.session.start, entry.session.uid))
        years = [entry.session.start.year for entry in entries]
        zones = sorted({entry.session.zone for entry in entries} - {"UTC"})
        head = icalendar.Calendar()
        head.add("VERSION", "2.0")
        head.add("PRODID", f"-//trainbot//trainbot {__version__}//EN")
        head.add("METHOD", "PUBLISH")
        for name in ("NAME", "X-WR-CALNAME"):
            head.add(name, self.where.name)
        head.add("REFRESH-INTERVAL", timedelta(hours=1), parameters={"VALUE": "DURATION"})
        head["X-PUBLISHED-TTL"] = icalendar.vDuration(timedelta(hours=1))
        begin, end = head.to_ical(sorted=False).split(b"END:VCALENDAR")
        events = [self._event(entry) for entry in entries]
        self._written = {entry.session.uid: (entry, event) for entry, event in zip(entries, events, strict=True)}
        return b"".join([begin, *(vtimezone(name, min(years), max(years) + 1) for name in zones), *events,
                         b"END:VCALENDAR", end])

    def _event(self, entry: Entry) -> bytes:
        kept = self._written.get(entry.session.uid)
        return kept[1] if kept is not None and kept[0] == entry else self._made(entry).to_ical(sorted=False)

    def _made(self, entry: Entry) -> icalendar.Event:
        session, where, event = entry.session, self.where, icalendar.Event()
        event.add("UID", where.uid(session))
        event.add("SEQUENCE", entry.sequence)
        for name in ("DTSTAMP", "LAST-MODIFIED"):
            event.add(name, entry.changed_at.astimezone(UTC).replace(microsecond=0))
        event.add("DTSTART", _local(session.start, session.zone))
        event.add("DTEND", _local(session.end, session.zone))
        event.add("SUMMARY", session.title)
        event.add("STATUS", "CANCELLED" if session.cancelled else "CONFIRMED")
        event.add("DESCRIPTION", _described(session, where))
        event.add("LOCATION", f"{where.channel(session)} on {where.server}")
        event.add("URL", where.page(session))
        event.add("CONFERENCE", where.irc(session), parameters={"VALUE": "URI", "FEATURE": "CHAT"})
        for offset in () if session.cancelled else self.alarms:
            event.add_component(_alarm(session, offset))
        return event


def _alarm(session: Session, offset: Offset) -> icalendar.Alarm:
    alarm = icalendar.Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", session.title)
    alarm.add("TRIGGER", -timedelta(days=offset.days, minutes=offset.minutes))
    return alarm


def _local(moment: datetime, name: str) -> datetime:
    """In its zone, so that programs follow the zone's rules; in UTC where clocks show that time twice and mean the
    second (3.3.5 would read the first)."""
    local = moment.astimezone(zone(name))
    if name == "UTC" or readings(local.replace(tzinfo=None, fold=0), name)[0] != moment:
        return moment
    return local


def _described(session: Session, where: Where) -> str:
    lines = [f"with {session.presenter}" if session.presenter else "",
             f"exercise: {session.exercise}" if session.exercise else "",
             f"seats: {session.seats}" if session.seats else "",
             f"slides: {session.slides}" if session.slides else "",
             f"more: {session.link}" if session.link else "",
             f"on IRC: {where.irc(session)}", "say !sessions there, then !signup and its number for a seat"]
    return "\n".join(line for line in lines if line)
