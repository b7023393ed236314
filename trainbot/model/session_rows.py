"""The rows of sessions, sign-ups, channels and polls in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """``value``: the whole Session as JSON (sessions.session_store writes and reads it).  ``sequence``: how often it
    changed since it was published; ``draft``: it is not published yet, or withheld; ``course``: '' if it belongs to none."""

    uid: str
    title: str
    start: datetime
    zone: str
    value: str
    revision: str
    cancelled: bool
    changed_at: datetime
    sequence: int = 0
    draft: bool = False
    course: str = ""


@dataclass(frozen=True, slots=True)
class SignUp:
    """Somebody's seat in a session.  ``image``: of the lab that they will have, '' if the session has no labs;
    ``waiting``: they are on the waiting list for a seat."""

    session_uid: str
    person_id: int
    image: str
    at: datetime
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What we set in a channel and have to restore.  ``topic``: as we last set it; ``base``: the part of it that is not
    ours; ``quiet``: ``on`` or ``off`` from when we moderated the channel until that is seen to have ended; ``voiced``:
    the nicks to which we gave a voice, folded, separated by blanks."""

    name: str
    topic: str = ""
    base: str = ""
    quiet: str = ""
    voiced: str = ""


@dataclass(frozen=True, slots=True)
class PollRow:
    """A poll as it was asked (sessions.polls.poll.PollPlan explains the middle fields; the ``day`` ones are ISO dates).
    ``result``: what came of it, '' while it is open."""

    id: int
    channel: str
    person_id: int
    title: str
    zone: str
    first_day: str
    last_day: str
    window_from: int
    window_to: int
    minutes: int
    most: int
    step: int
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    result: str


@dataclass(frozen=True, slots=True)
class PollLine:
    """One line of somebody's answer, and the zone whose clocks it means: '' while that is unknown."""

    id: int
    poll_id: int
    person_id: int
    zone: str
    words: str
    at: datetime
