"""The rows of sessions, sign-ups, channels and polls in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """``value`` is the whole Session as JSON (sessions.book writes and reads it).  ``sequence`` counts the changes since
    it was published; ``draft``: it was not yet."""

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


@dataclass(frozen=True, slots=True)
class SignUp:
    """Somebody's seat in a session; ``image``: of the lab that they will have, '' where it has no labs; ``waiting``:
    for a seat that somebody gives up."""

    session_uid: str
    person_id: int
    image: str
    at: datetime
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What we set in a channel, to be put back: ``topic`` as we set it last, ``base`` what it said besides our words;
    ``quiet``: ``on`` or ``off`` from when we moderated it until that is seen to be gone; ``voiced``: the nicks that we
    voiced, folded, with blanks between."""

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
    """One line that somebody answered with, and the zone whose clocks it means: '' while that is not known."""

    id: int
    poll_id: int
    person_id: int
    zone: str
    words: str
    at: datetime
