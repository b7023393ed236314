"""Who is where in a class, by name: for its presenter and helpers, in private and in few lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainbot.core.commands import Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.text import one_line
from trainbot.core.wording import span
from trainbot.features.classes.classroom import Classroom, position
from trainbot.model.class_run import Attendance, ClassRun, own_step

GROUPS = ("done", "working", "stuck", "silent")
ROOM = 380  # bytes of names in one line
LINES = 3  # of names: hundreds of people are not listed one by one
WORDS = 80  # characters of what somebody who is stuck said


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody in a class.  ``step``: their own; ``done``: the steps that they have done; ``row``: None for somebody in
    the channel who has not used the class yet."""

    nick: str
    step: int
    done: frozenset[int]
    row: Attendance | None
    here: bool

    def group(self, class_step: int) -> str:
        """One of ``GROUPS``, for that step of the class."""
        if self.row is None:
            return "silent"
        if class_step in self.done:
            return "done"
        return "working" if self.row.stuck_at is None else "stuck"

    @property
    def named(self) -> str:
        notes = [] if self.here else ["not here"]
        if self.row is not None and self.row.stuck_at is not None:
            notes.insert(0, f"stuck: {one_line(self.row.stuck_words, WORDS)}" if self.row.stuck_words else "stuck")
        return self.nick + (f" ({'; '.join(notes)})" if notes else "")


class Roster:
    def __init__(self, room: Classroom) -> None:
        self.room, self.classes = room, room.classes

    def of(self, ask: Request, run: ClassRun, whom: str) -> list[Effect]:
        """The answer to ``!progress whom``: a step's number, one of ``GROUPS``, or a nick."""
        if whom.isascii() and whom.isdigit():
            lines = self._at_step(run, int(whom[:6]))
        elif whom.lower() in GROUPS:
            lines = self._group(run, whom.lower())
        else:
            lines = [self._person(ask, run, whom)]
        return [
            Reply(line, private=True, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate(lines)
        ]

    def learners(self, run: ClassRun) -> list[Learner]:
        """Everybody who takes part, or could, by nick."""
        done: dict[int, set[int]] = {}
        for one in self.classes.done.all(class_id=run.id):
            done.setdefault(one.person_id, set()).add(one.step)
        here = {member.nick.lower(): member.nick for member in self.room.people.learners(run.channel)}
        found = []
        for row in self.classes.attendance.all(class_id=run.id):
            theirs = frozenset(done.get(row.person_id, ()))
            present = here.pop(row.nick.lower(), None) is not None
            found.append(Learner(row.nick, own_step(run, row, theirs), theirs, row, present))
        found += [Learner(nick, min(run.step, run.steps), frozenset(), None, True) for nick in here.values()]
        return sorted(found, key=lambda learner: learner.nick.lower())

    def _at_step(self, run: ClassRun, number: int) -> list[str]:
        last = min(run.step, run.steps)
        if not 1 <= number <= last:
            raise UserError(
                f"the class is at {position(run)}"
                + (f"; !progress 1 to !progress {last} show who is at a step" if last else "; nobody is at a step yet")
            )
        people = [learner for learner in self.learners(run) if learner.row is not None]
        there = [learner for learner in people if number not in learner.done and learner.step == number]
        done = sum(number in learner.done for learner in people)
        behind = sum(number not in learner.done and learner.step < number for learner in people)
        head = f"step {number} of {run.steps}: {done} done, {behind} not there yet, {len(there)} at it"
        return _listed(head, (learner.named for learner in there))

    def _group(self, run: ClassRun, group: str) -> list[str]:
        step = min(max(run.step, 1), max(run.steps, 1))
        there = [learner for learner in self.learners(run) if learner.group(step) == group]
        return _listed(f"{position(run)}: {len(there)} {group}", (learner.named for learner in there))

    def _person(self, ask: Request, run: ClassRun, nick: str) -> str:
        learners = self.learners(run)
        learner = next((one for one in learners if one.nick.lower() == nick.lower()), None)
        if learner is None:
            raise UserError(
                f"{nick[:30]} is not in this class; !progress 1 shows who is at step 1, !progress silent the rest"
            )
        row = learner.row
        if row is None:
            known = next((one for one in self.room.people.learners(run.channel) if one.nick == learner.nick), None)
            person = self.room.people.known(known) if known is not None else None
            said, lab = ["in the channel, has not used the class yet"], person.id if person is not None else None
        else:
            lab, steps = row.person_id, len(learner.done)
            said = [f"step {learner.step} of {run.steps}" if run.step else "the introduction"]
            said[0] += f" (the class is at {position(run)})" if run.step and learner.step != run.step else ""
            said.append(f"{steps} step{'' if steps == 1 else 's'} done")
            if row.stuck_at is not None:
                words = f": {one_line(row.stuck_words, WORDS)}" if row.stuck_words else ""
                helped = f" ({row.helper} is helping)" if row.helper else ""
                said.append(f"stuck for {span(ask.at - row.stuck_at)}{words}{helped}")
            said += [] if learner.here else ["not in the channel now"]
        said.append(self.room.stock.in_words(lab) if lab is not None else "no lab")
        return f"{learner.nick}: {'; '.join(said)}"


def _listed(head: str, names: Iterable[str]) -> list[str]:
    """``head`` and the names, in a few lines; how many are left out is said."""
    items = list(names)
    lines = [f"{head}: {items[0]}" if items else head]
    for number, item in enumerate(items[1:], 1):
        if len(f"{lines[-1]}, {item}".encode()) <= ROOM:
            lines[-1] += f", {item}"
        elif len(lines) == LINES:
            lines[-1] += f", and {len(items) - number} more"
            break
        else:
            lines.append(item)
    return lines
