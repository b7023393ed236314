"""People are told what changed, once, and never by mistake."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trainbot.features.sessions.changes import Change, changes, render, render_all
from trainbot.features.sessions.reminders import reminder_line
from trainbot.model.session import Schedule, ScheduleProblem, Session

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ZONES = ["Australia/Melbourne"]


def session(day=5, uid="course/one", **fields):
    start = datetime(2026, 12, 1, 8, tzinfo=UTC) + timedelta(days=day - 1)
    local = start.replace(tzinfo=None) + timedelta(hours=11)
    fields = {"title": "SE Linux", "minutes": 120, "origin": "course.toml"} | fields
    return Session.of(uid=uid, start=start, local=local, zone="Australia/Melbourne", **fields)


def kinds(before, after, **schedule):
    return [change.kind for change in changes(before, Schedule(tuple(after), **schedule), NOW)]


def test_new_moved_cancelled_and_back_are_told():
    """Each kind of change is seen; what stays is not spoken of, nor is a new title."""
    assert kinds([], [session()]) == ["new"]
    assert kinds([session()], [session(6)]) == ["moved"]
    assert kinds([session()], [session(cancelled=True)]) == ["cancelled"]
    assert kinds([session(cancelled=True)], [session(7)]) == ["back"]
    assert kinds([session()], []) == ["cancelled"]
    assert kinds([session()], [session(title="other")]) == []
    assert kinds([session(cancelled=True)], []) == []
    assert kinds([], [session(cancelled=True)]) == []


def test_a_broken_file_calls_nothing_off():
    """Sessions of a file with faults, or of a folder that cannot be read, stand as they were."""
    fault = ScheduleProblem("course.toml", 3, "this is not TOML")
    assert kinds([session()], [], problems=(fault,)) == []
    assert kinds([session()], [], readable=False) == []
    assert kinds([session()], [], problems=(replace(fault, file="other.toml"),)) == ["cancelled"]


def test_what_has_begun_is_left_alone():
    """A class that runs is neither new nor called off by an edit."""
    assert kinds([session(1 - 1)], []) == []
    assert kinds([], [session(0)]) == []


def test_a_weekly_class_is_not_new_every_week():
    """Occurrences that come into view at the far end are not announced; one in between is."""
    first, second, third = (session(n, uid=f"weekly@x#202612{n:02d}T080000Z") for n in (5, 12, 19))
    assert kinds([first, second], [first, second, third]) == []
    assert kinds([first, third], [first, second, third]) == ["new"]
    assert kinds([], [first, second]) == ["new", "new"]


def test_a_change_of_clock_rules_is_told_as_such():
    """When tzdata moves a session, nobody thinks that the organiser did."""
    before = replace(session(), tzdata="2020a")
    after = replace(session(), start=session().start + timedelta(hours=1))
    (change,) = changes([before], Schedule((after,)), NOW)
    assert change.by_clock_rules
    assert render(change, ZONES, NOW).startswith(
        "moved (the clock rules of Australia/Melbourne changed): SE Linux, from "
    )


def test_each_change_is_one_line():
    """The line holds the old and the new time, in UTC and the zones."""
    one = session()
    assert render(Change("new", one), ZONES, NOW) == (
        "new session: SE Linux, Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | in 4 d 8 h"
    )
    assert render(Change("moved", session(6), one), ZONES, NOW) == (
        "moved: SE Linux, from Sat 5 Dec 08:00 UTC to Sun 6 Dec 08:00 UTC | Sun 6 Dec 19:00 +1100 Melbourne | in 5 d 8 h"
    )
    assert render(Change("cancelled", one.as_cancelled(), one), ZONES, NOW) == (
        "cancelled: SE Linux, Sat 5 Dec 08:00 UTC (Sat 5 Dec 19:00 +1100 Melbourne)"
    )
    assert render(Change("back", one, one.as_cancelled()), ZONES, NOW).startswith("on again: SE Linux, Sat 5 Dec")


def test_many_changes_are_told_as_a_sum():
    """A calendar with fifty classes does not fill the channel."""
    many = [Change("new", session(uid=f"course/{n}")) for n in range(50)]
    (line,) = render_all(many, ZONES, NOW)
    assert line.text.startswith("50 new sessions, the first: new session: SE Linux, Sat 5 Dec")
    assert len(line.text.encode()) < 450 and line.session is None
    assert len(render_all(many[:3], ZONES, NOW)) == 3


def test_the_revision_follows_what_people_see():
    """Another title is another revision, another tzdata version is not."""
    assert session().revision == session().revision
    assert session().revision != session(title="other").revision
    assert session().as_cancelled().revision == session(cancelled=True).revision


def test_a_line_stays_one_line():
    """Five zones and the longest title that a file may hold fit an IRC line, whatever is said of the session."""
    zones = [
        "Australia/Melbourne",
        "Europe/Berlin",
        "America/New_York",
        "America/Argentina/Buenos_Aires",
        "Asia/Kathmandu",
    ]
    one = session(200, title="\u65e5\u672c\u8a9e" * 66, channel="#selinux-class")
    lines = [render(Change(kind, one, one), zones, NOW) for kind in ("new", "moved", "cancelled", "back")]
    lines.append(reminder_line(one, one.start - timedelta(minutes=10), zones))
    assert max(len(line.encode()) for line in lines) < 400
    assert all("more zones" not in line and "Kathmandu" in line for line in lines if not line.startswith("cancelled"))
