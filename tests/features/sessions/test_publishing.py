"""The calendar and the page that people see: right in other programs, and the same bytes as long as nothing changed."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import vobject
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.feed import Feed, FeedOptions
from trainbot.adapters.calendars.vtimezone import changes
from trainbot.bot.pages import sessions_page
from trainbot.bot.pages.sessions_page import page
from trainbot.core.times import readings
from trainbot.model.reminder import parse_offsets
from trainbot.model.session import PublishedSession, Session

OFFSETS = parse_offsets("7d 1d 1h 10m")
WHERE = FeedOptions("an-owner", "https://class.example.org/pub/", "irc.libera.chat", 6697, True, ("#class",))
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
ZONES = ("Australia/Melbourne", "Europe/Berlin")
PLACES = [
    "Australia/Melbourne",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "UTC",
]
HOSTILE = '<script>alert("1")</script>\' onload=x; BEGIN:VEVENT\\, {style} &amp; \U0001f600'


def entry(
    local: str = "2026-12-05T19:00",
    zone: str = "Australia/Melbourne",
    sequence: int = 0,
    fold: int = 0,
    **fields: object,
) -> PublishedSession:
    wall = datetime.fromisoformat(local)
    values = {"uid": "course/one", "title": "SE Linux", "minutes": 120, "origin": "course.toml"} | fields
    session = Session.of(start=readings(wall, zone)[fold], local=wall, zone=zone, **values)
    return PublishedSession(session, sequence, NOW)


def feed(*entries: PublishedSession) -> str:
    return Feed(WHERE, OFFSETS).text(entries).decode()


def moments(text: str) -> list[datetime]:
    """The starts, as dateutil reads them by the feed's own VTIMEZONE alone."""
    text = text.replace("\r\n ", "")
    zones = (
        tzical(io.StringIO(text[: text.index("BEGIN:VEVENT")] + "END:VCALENDAR\r\n")) if "VTIMEZONE" in text else None
    )
    events_text = text[text.index("BEGIN:VEVENT") :]
    found = []
    for name, wall, utc in re.findall(r"^DTSTART(?:;TZID=([^:]+))?:(\d{8}T\d{6})(Z?)\r$", events_text, re.MULTILINE):
        at = datetime.strptime(wall, "%Y%m%dT%H%M%S")
        found.append(at.replace(tzinfo=UTC if utc else zones.get(name)).astimezone(UTC))
    return found


def events(text: str) -> list[vobject.base.Component]:
    """As a library reads them that did not write them."""
    return list(vobject.readOne(text).vevent_list)


@given(
    st.sampled_from(PLACES),
    st.datetimes(datetime(2026, 1, 1), datetime(2033, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_every_moment_is_the_same_elsewhere(zone: str, local: datetime, fold: int) -> None:
    """Another library takes the very moments from the feed, on the days of clock changes too."""
    one = entry(local.isoformat(), zone, fold=fold)
    assert moments(feed(one)) == [one.session.start]


@pytest.mark.parametrize("zone", [place for place in PLACES if changes(place, NOW, NOW + timedelta(days=400))])
def test_around_each_change_of_clocks(zone: str) -> None:
    """Each quarter of an hour of the three hours around it."""
    for moment, *_rest in changes(zone, NOW, NOW + timedelta(days=400)):
        starts = [moment + timedelta(minutes=15 * n) for n in range(-6, 7)]
        made = [
            PublishedSession(replace(entry().session, uid=str(n), start=start, zone=zone), 0, NOW)
            for n, start in enumerate(starts)
        ]
        assert moments(feed(*made)) == starts


def test_what_programs_need(tmp_path: Path) -> None:
    """UID, SEQUENCE, DTSTAMP of the change, LAST-MODIFIED, URL, alarms; a cancelled session stays in the feed."""
    one = entry(sequence=2, presenter="Russell", exercise="selinux", seats=30, slides="https://example.org/s")
    (read,) = events(feed(one))
    assert (read.sequence.value, read.status.value, read.summary.value) == ("2", "CONFIRMED", "SE Linux")
    assert read.dtstamp.value == read.last_modified.value == NOW
    assert re.fullmatch(r"https://class\.example\.org/pub/sessions\.html#s-[0-9a-f-]{13}", read.url.value)
    assert read.conference.value == "ircs://irc.libera.chat:6697/%23class"
    assert "slides: https://example.org/s" in read.description.value
    assert [alarm.trigger.value for alarm in read.valarm_list] == [timedelta(hours=-1), timedelta(minutes=-10)]
    moved, off = entry("2027-01-05T19:00", sequence=3), PublishedSession(one.session.as_cancelled(), 4, NOW)
    assert {events(feed(e))[0].uid.value for e in (moved, off)} == {read.uid.value}
    (gone,) = events(feed(off))
    assert gone.status.value == "CANCELLED" and "valarm" not in gone.contents
    other = Feed(replace(WHERE, owner="another"), OFFSETS).text([one]).decode()
    assert events(other)[0].uid.value != read.uid.value
    without = Feed(replace(WHERE, public_url=""), OFFSETS).text([one]).decode()
    assert events(without)[0].url.value == "ircs://irc.libera.chat:6697/%23class"


@given(st.permutations([entry(uid=f"c/{n}", local=f"2026-12-{n + 10}T19:00", zone=PLACES[n]) for n in range(5)]))
@settings(max_examples=20, deadline=None)
def test_the_same_rows_give_the_same_bytes(entries: list[PublishedSession]) -> None:
    """In whatever order they come, written anew or after others."""
    kept = Feed(WHERE, OFFSETS)
    kept.text(entries[:2])
    assert kept.text(entries) == Feed(WHERE, OFFSETS).text(sorted(entries, key=lambda e: e.session.uid))
    later = NOW + timedelta(days=3)
    assert page(entries, WHERE, ZONES, NOW) == page(entries[::-1], WHERE, ZONES, later)


def test_lines_are_as_the_standard_has_them() -> None:
    """CR LF, 75 octets, and nothing in a title ends its line (RFC 5545 3.1, 3.3.11)."""
    text = feed(entry(title=HOSTILE * 2, presenter="a\nEND:VEVENT"))
    assert all(len(line.encode()) <= 75 and "\n" not in line for line in text.split("\r\n"))
    (read,) = events(text)
    assert read.summary.value == HOSTILE * 2


KHAL = """\
[calendars]
[[class]]
path = {folder}/class
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin
[sqlite]
path = {folder}/khal.db
"""


def test_a_calendar_program_shows_it(tmp_path: Path) -> None:
    """khal takes the feed in, and after a move has one event at the new time, in the clock of whoever looks."""
    (tmp_path / "khal").write_text(KHAL.format(folder=tmp_path))
    (tmp_path / "class").mkdir()

    def khal(*words: str) -> str:
        done = subprocess.run(
            ["khal", "-c", str(tmp_path / "khal"), *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shown(*entries: PublishedSession) -> list[str]:
        (tmp_path / "feed.ics").write_text(feed(*entries), newline="")
        khal("import", "--batch", str(tmp_path / "feed.ics"))
        lines = khal("list", "--format", "{start} {title} {status}", "2026-12-01", "200d").splitlines()
        return [line.strip() for line in lines if "SE Linux" in line]

    other = entry("2027-04-04T19:00", uid="course/two", zone="Australia/Lord_Howe")
    assert shown(entry(), other) == ["2026-12-05 09:00 SE Linux CONFIRMED", "2027-04-04 10:30 SE Linux CONFIRMED"]
    assert shown(entry("2026-12-06T20:00", sequence=1), other)[0] == "2026-12-06 10:00 SE Linux CONFIRMED"
    assert (
        shown(PublishedSession(entry().session.as_cancelled(), 2, NOW), other)[0]
        == "2026-12-05 09:00 SE Linux CANCELLED"
    )


class Read(HTMLParser):
    """Elements and text of a page, and whether all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words += data + "\n"


def test_the_page_says_all_without_a_script() -> None:
    """UTC, the session's zone and the configured ones, presenter, seats, slides; machines read the start."""
    read = Read(
        page([entry(presenter="Russell", seats=30, slides="https://example.org/s?a=b&c")], WHERE, ZONES, NOW).decode()
    )
    assert read.open == []
    for words in (
        "Sat 5 Dec 2026 08:00 UTC",
        "Sat 5 Dec 2026 19:00 +1100 Melbourne",
        "Sat 5 Dec 2026 09:00 +0100 Berlin",
        "Russell",
        "30 seats",
        "SE Linux",
        "#class on irc.libera.chat",
    ):
        assert words in read.words
    assert [a["datetime"] for tag, a in read.seen if tag == "time"] == ["2026-12-05T08:00:00Z"]
    assert {a["href"] for tag, a in read.seen if tag == "a"} == {
        "#main",
        "sessions.ics",
        "https://example.org/s?a=b&c",
        "ircs://irc.libera.chat:6697/%23class",
    }
    assert [a.get("lang") for tag, a in read.seen if tag == "html"] == ["en"]


def test_nothing_in_a_schedule_becomes_markup() -> None:
    """Title and presenter are shown as they are; the page's policy lets in its own script alone."""
    read = Read(page([entry(title=HOSTILE, presenter=HOSTILE)], WHERE, ZONES, NOW).decode())
    assert read.words.count('<script>alert("1")</script>') == 2
    assert [tag for tag, _ in read.seen].count("script") == 1
    policy = next(a["content"] for tag, a in read.seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy


def test_a_page_that_shows_the_same_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is rendered for it."""
    made = page([entry()], WHERE, ZONES, NOW)
    monkeypatch.delattr(sessions_page, "render")
    assert page([entry()], WHERE, ZONES, NOW + timedelta(days=1), made) == made


@pytest.mark.parametrize(
    "damaged",
    [
        lambda made: made.replace(b"SE Linux", b"SE linux"),
        lambda made: made[:-1],
        lambda made: made + b"x",
        lambda made: made.rpartition(b"<!-- ")[0],
        lambda made: page([entry(title="Another")], WHERE, ZONES, NOW),
        lambda made: page([entry()], replace(WHERE, server="irc.example.org"), ZONES, NOW),
        lambda made: page([entry()], WHERE, ZONES[:1], NOW),
    ],
)
def test_any_other_page_is_replaced(damaged: Callable[[bytes], bytes]) -> None:
    """One that somebody changed, that was cut, or that was made from something else."""
    made = page([entry()], WHERE, ZONES, NOW)
    before = damaged(made)
    assert before != made and page([entry()], WHERE, ZONES, NOW, before) == made


def test_what_is_over_leaves_the_page() -> None:
    """A session that ended is gone, one that goes on is not; without any it says so."""
    one = entry()
    assert b"SE Linux" in page([one], WHERE, ZONES, one.session.end - timedelta(minutes=1))
    assert b"No sessions are planned" in page([one], WHERE, ZONES, one.session.end)
