"""The calendar that people subscribe to (RFC 5545, RFC 7986), written so that their programs notice changes.

UID stays the same, SEQUENCE counts changes, DTSTAMP and LAST-MODIFIED give the time of the change, and cancelled
sessions stay in the calendar as cancelled.  The same rows give the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from trainbot import __version__
from trainbot.core.text import many_lines
from trainbot.core.times import readings
from trainbot.core.zones import zone
from trainbot.model.config import SESSIONS_PAGE, Config
from trainbot.model.reminder import ReminderOffset
from trainbot.model.session import PublishedSession, Session

FEED, PAGE = "sessions.ics", SESSIONS_PAGE
ALARMS_WITHIN = timedelta(days=1)  # an alarm a week before is of no use


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What the feed needs besides the sessions.  ``owner``: this installation's id; ``public_url``: where the page is
    served, '' if it isn't; ``server``, ``port``, ``tls``: of the IRC network; ``channels``: the bot's channels."""

    owner: str
    public_url: str
    server: str
    port: int
    tls: bool
    channels: tuple[str, ...]

    def uid(self, session: Session) -> str:
        """A UID that never changes and that no other installation uses (RFC 7986 5.3)."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"trainbot:{self.owner}/{session.uid}"))

    def channel(self, session: Session) -> str:
        return session.channel or (self.channels[0] if self.channels else "")

    def irc(self, session: Session) -> str:
        """``ircs://irc.libera.chat:6697/%23selinux-class``, as IRC clients open it."""
        return f"{'ircs' if self.tls else 'irc'}://{self.server}:{self.port}/{quote(self.channel(session), safe='')}"

    def page(self, session: Session) -> str:
        """The link to the session on the page, or to its channel if no page is served."""
        if not self.public_url:
            return self.irc(session)
        return f"{self.public_url.rstrip('/')}/{PAGE}#{anchor(self, session)}"

    @property
    def name(self) -> str:
        return f"Training in {' and '.join(self.channels)}" if self.channels else "Training"


def where_of(config: Config, owner: str) -> FeedOptions:
    irc = config.irc
    return FeedOptions(owner, config.records.public_url, irc.server, irc.port, irc.tls, irc.channels)


def anchor(where: FeedOptions, session: Session) -> str:
    return f"s-{where.uid(session)[:13]}"


def since(now: datetime) -> datetime:
    """The time from which sessions are in the feed; it changes only once a year."""
    return datetime(now.astimezone(UTC).year - 1, 1, 1, tzinfo=UTC)


class Feed:
    """Keeps each event's text until its session changes, so writing the whole feed is cheap."""

    def __init__(self, where: FeedOptions, offsets: Sequence[ReminderOffset]) -> None:
        self.where = where
        short = [offset for offset in offsets if not offset.days and timedelta(minutes=offset.minutes) < ALARMS_WITHIN]
        self.alarms = tuple(short or list(offsets)[-1:])
        self._written: dict[str, tuple[PublishedSession, bytes]] = {}

    def text(self, entries: Iterable[PublishedSession]) -> bytes:
        """The whole calendar."""
        entries = sorted(entries, key=lambda entry: (entry.session.start, entry.session.uid))
        years = [entry.session.start.year for entry in entries]
        zones = sorted({entry.session.zone for entry in entries} - {"UTC"})
        head = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            f"PRODID:-//trainbot//trainbot {__version__}//EN",
            "METHOD:PUBLISH",
            f"NAME:{_text(self.where.name)}",
            f"X-WR-CALNAME:{_text(self.where.name)}",
            "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
            "X-PUBLISHED-TTL:PT1H",
        ]
        events = [self._event(entry) for entry in entries]
        self._written = {entry.session.uid: (entry, event) for entry, event in zip(entries, events, strict=True)}
        return b"".join(
            [
                _lines(head),
                *_timezones(zones, years),
                *events,
                b"END:VCALENDAR\r\n",
            ]
        )

    def _event(self, entry: PublishedSession) -> bytes:
        kept = self._written.get(entry.session.uid)
        return kept[1] if kept is not None and kept[0] == entry else _lines(self._made(entry))

    def _made(self, entry: PublishedSession) -> list[str]:
        session, where = entry.session, self.where
        at, title = f"{entry.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}", _text(session.title)
        lines = [
            "BEGIN:VEVENT",
            f"UID:{where.uid(session)}",
            f"SEQUENCE:{entry.sequence}",
            f"DTSTAMP:{at}",
            f"LAST-MODIFIED:{at}",
            f"DTSTART{_moment(session.start, session.zone)}",
            f"DTEND{_moment(session.end, session.zone)}",
            f"SUMMARY:{title}",
            f"STATUS:{'CANCELLED' if session.cancelled else 'CONFIRMED'}",
            f"DESCRIPTION:{_text(_described(session, where))}",
            f"LOCATION:{_text(f'{where.channel(session)} on {where.server}')}",
            f"URL:{where.page(session)}",
            f"CONFERENCE;VALUE=URI;FEATURE=CHAT:{where.irc(session)}",
        ]
        lines += [f"REFID:{_text(session.course)}"] if session.course else []  # RFC 9253
        for offset in () if session.cancelled else self.alarms:
            lines += [
                "BEGIN:VALARM",
                "ACTION:DISPLAY",
                f"DESCRIPTION:{title}",
                f"TRIGGER:-{_duration(offset)}",
                "END:VALARM",
            ]
        return [*lines, "END:VEVENT"]


def _lines(lines: list[str]) -> bytes:
    """Content lines (3.1), folded to at most 75 octets, never within a character.  Written by hand: the library takes a
    millisecond per event, and there may be thousands."""
    found = []
    for line in lines:
        octets, first = line.encode(), True
        while octets:
            most = 75 if first else 74
            while len(octets) > most and octets[most] & 0xC0 == 0x80:
                most -= 1
            found.append((b"" if first else b" ") + octets[:most])
            octets, first = octets[most:], False
    return b"\r\n".join([*found, b""])


def _text(words: str) -> str:
    """``words`` as a value of type TEXT (3.3.11)."""
    words = many_lines(words)
    for sign, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        words = words.replace(sign, escaped)
    return words


def _duration(offset: ReminderOffset) -> str:
    """A DURATION (3.3.6).  Its days are calendar days, like ours."""
    return f"P{offset.days}D" if offset.days else f"PT{offset.minutes}M"


def _moment(moment: datetime, name: str) -> str:
    """A time in its zone, so that programs follow the zone's rules.  In UTC if the clocks show that time twice and the
    second one is meant (3.3.5 would read it as the first)."""
    local = moment.astimezone(zone(name))
    if name == "UTC" or readings(local.replace(tzinfo=None, fold=0), name)[0] != moment:
        return f":{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f";TZID={name}:{local:%Y%m%dT%H%M%S}"


def _described(session: Session, where: FeedOptions) -> str:
    lines = [
        f"with {session.presenter}" if session.presenter else "",
        f"exercise: {session.exercise}" if session.exercise else "",
        f"course: {session.course}" if session.course else "",
        f"seats: {session.seats}" if session.seats else "",
        f"slides: {session.slides}" if session.slides else "",
        f"more: {session.link}" if session.link else "",
        f"on IRC: {where.irc(session)}",
        "to sign up, type !sessions there, then !signup and the session's number",
    ]
    return "\n".join(line for line in lines if line)


def _timezones(zones: Sequence[str], years: Sequence[int]) -> list[bytes]:
    if not zones:
        return []
    from trainbot.adapters.calendars.vtimezone import vtimezone  # with 6 MiB of libraries

    return [vtimezone(name, min(years), max(years) + 1) for name in zones]
