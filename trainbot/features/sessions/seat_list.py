"""``!signups``: shows organisers who has a seat in a session, who of them is here, and who waits."""

from __future__ import annotations

import re

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.times import MAX_BYTES, describe, until
from trainbot.core.wording import in_lines
from trainbot.features.sessions.session_choice import find
from trainbot.features.sessions.signups import SignUps
from trainbot.model.ports import Audience
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp

MOST_LINES = 4  # with names, at a time
ROOM = MAX_BYTES - len(" (and 99999 more: !signups 99 from 99999)")
_FROM = re.compile(r"(.*?)\s*\bfrom ([0-9]{1,6})", re.IGNORECASE)


class SeatList:
    """``audience``: who is in the channels now."""

    def __init__(self, signups: SignUps, audience: Audience) -> None:
        self.signups, self.audience = signups, audience
        self.session_store, self.people = signups.session_store, signups.people

    def show(self, ask: Request, words: str = "") -> list[Effect]:
        """The sign-ups of one session, privately: a line that counts them, and at most MOST_LINES lines of names."""
        match = _FROM.fullmatch(words)
        words, first = (match[1], max(1, int(match[2]))) if match else (words, 1)
        sessions = self.session_store.upcoming(ask.at)
        if not sessions:
            raise UserError("no sessions are planned")
        number, session, rest = find(words, sessions) if words else (1, sessions[0], "")
        if rest:
            raise UserError(f'unexpected word "{rest[:30]}". Usage: !signups {number}')
        groups = self._groups(session)
        total = sum(len(names) for names in groups.values())
        if total and first > total:
            raise UserError(f"only {total} signed up for {session.title}: !signups {number} lists them")
        head = self._head(ask, session, {label: len(names) for label, names in groups.items()})
        shown = self._lines(groups, number, first)
        return [
            Reply(line, private=True, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate([head, *shown])
        ]

    def _groups(self, session: Session) -> dict[str, list[str]]:
        """The names of those who are here, those who are not, and those who wait, each in the order of sign-up; with their
        image if there are several."""
        groups: dict[str, list[str]] = {"here": [], "not here": [], "waiting": []}
        several = len(self.signups.images_of(session)) > 1

        def name(row: SignUp) -> str:
            return f"{self.people.get(row.person_id).nick}{f' ({row.image})' if several and row.image else ''}"

        for row in self.signups.of(session):
            here = self.audience.where(self.people.get(row.person_id)) is not None
            groups["here" if here else "not here"].append(name(row))
        groups["waiting"] = [name(row) for row in self.signups.waiting(session)]
        return groups

    def _head(self, ask: Request, session: Session, counts: dict[str, int]) -> str:
        seats = counts["here"] + counts["not here"]
        begun = self.session_store.begun(session, ask.at)
        at = describe(session.start, ask.person.zone or session.zone, ask.at)
        said = f"{session.name}, {at} ({'begun' if begun else until(session.start - ask.at)}): "
        if session.seats is not None:
            said += f"{seats} of {session.seats} seats taken"
        else:
            said += f"{seats} {'person' if seats == 1 else 'people'} signed up" if seats else "nobody has signed up yet"
        said += f", {counts['here']} of them here" if seats else ""
        return said + (f"; {counts['waiting']} on the waiting list" if counts["waiting"] else "")

    def _lines(self, groups: dict[str, list[str]], number: int, first: int) -> list[str]:
        lines: list[str] = []
        skip, shown, total = first - 1, first - 1, sum(map(len, groups.values()))
        for label, names in groups.items():
            left, skip = names[skip:], max(0, skip - len(names))
            if not left:
                continue
            for line in in_lines([f"{label}: {left[0]}", *left[1:]], ROOM, ", "):
                if len(lines) < MOST_LINES:
                    lines.append(line)
                    shown += line.count(", ") + 1
        if shown < total:
            lines[-1] += f" (and {total - shown} more: !signups {number} from {shown + 1})"
        return lines

    def commands(self) -> list[Command]:
        return [
            Command(
                "signups",
                self.show,
                "show who signed up for session N of !sessions, and who of them is here; without N: for the next one",
                (Argument("N", "words", optional=True, rest=True),),
                role=Role.ORGANISER,
                example="signups 1",
                group="sessions",
            )
        ]
