"""The answers to a poll, as they are stored, and what they mean."""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.errors import UserError
from trainbot.core.zones import zone as rules
from trainbot.features.sessions.polls import answer_parser as answers
from trainbot.features.sessions.polls.answer_parser import Availability
from trainbot.features.sessions.polls.poll import PollPlan, local_days
from trainbot.model.session_rows import PollLine, PollRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)

Count = tuple[list[Person], list[Availability], list[Person]]
"""Who answered, when they are free, and whose time zone is unknown."""


class PollAnswers:
    def __init__(self, store: Store) -> None:
        self.lines, self.people = store.polls.lines, store.people

    def of(self, poll: PollRow, person: Person) -> list[PollLine]:
        return self.lines.all(poll_id=poll.id, person_id=person.id)

    def free(self, plan: PollPlan, lines: list[PollLine]) -> Availability:
        """When somebody is free by these lines."""
        read = []
        for line in lines:
            try:
                said = answers.read(line.words, local_days(plan, line.zone), day_of(line.at, line.zone))
                read.append((line.zone, said.statements))
            except (UserError, KeyError) as error:  # it was readable when it was sent
                log.warning("line %d of a poll cannot be read any more: %s", line.id, error)
        return answers.free(plan, read)

    def count(self, poll: PollRow) -> Count:
        """Counts the answers.  People without an account get a new row after each reconnect, so the last answer per nick
        counts."""
        said: dict[int, list[PollLine]] = {}
        for line in self.lines.all(poll_id=poll.id):
            said.setdefault(line.person_id, []).append(line)
        voices: dict[str, Person] = {}
        for person in sorted(map(self.people.get, said), key=lambda person: said[person.id][-1].id):
            voices[f"account {person.account}" if person.account else f"nick {person.nick.lower()}"] = person
        people = sorted(voices.values(), key=lambda person: person.nick.lower())
        known = [person for person in people if all(line.zone for line in said[person.id])]
        plan = plan_of(poll)
        return known, [self.free(plan, said[person.id]) for person in known], [p for p in people if p not in known]


def day_of(at: datetime, zone: str) -> date:
    """The date there, or in UTC if the zone is not known yet."""
    return at.astimezone(rules(zone or "UTC")).date()


def plan_of(poll: PollRow) -> PollPlan:
    return PollPlan(
        poll.zone,
        date.fromisoformat(poll.first_day),
        date.fromisoformat(poll.last_day),
        (poll.window_from, poll.window_to),
        poll.minutes,
        poll.most,
        poll.step,
    )
