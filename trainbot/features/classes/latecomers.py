"""Tells those who join a running class, privately and once, where it is and what to type."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from trainbot.core.access import Role, fold_account
from trainbot.core.commands import Request
from trainbot.core.messages import Arrived, Left, Line, Priority, Renamed, Sender
from trainbot.features.classes.classroom import Classroom, position
from trainbot.model.class_run import ClassRun

AWAY = timedelta(minutes=15)  # whoever is back sooner knows where the class is
AT_ONCE, PAUSE = 8, timedelta(minutes=1)  # people greeted privately within PAUSE; networks let us write to about ten
NAMED = 6
MOST = 5000  # people remembered
NEWS = timedelta(minutes=10)


class Latecomers:
    """What it remembers is lost with the process: then somebody may be told twice."""

    def __init__(self, room: Classroom) -> None:
        self.room, self.classes = room, room.classes
        self._came: dict[str, list[Sender]] = {}  # channel -> who came and was not told anything yet
        self._left: dict[tuple[str, str], datetime] = {}  # (channel, name) -> when they left it, during a class
        self._told: dict[tuple[int, str], None] = {}  # (class, name) of who was told, while that class runs
        self._greeted: dict[str, list[datetime]] = {}  # channel -> when people were greeted privately
        self._named: dict[str, datetime] = {}  # channel -> when people were greeted there

    def arrived(self, event: Arrived, now: datetime) -> None:
        run, left = self.classes.in_channel(event.channel), None
        for name in self._names(event.sender):
            left = self._left.pop((event.channel, name), left)
        if run is None or event.sender not in self.room.people.learners(run.channel):
            return
        if left is None or now - left >= AWAY:
            self._came.setdefault(run.channel, []).append(event.sender)

    def renamed(self, event: Renamed, _now: datetime) -> None:
        """Who joins and then logs in has another account, host or nick a moment later."""
        for came in self._came.values():
            came[:] = [event.after if sender.nick == event.before.nick else sender for sender in came]

    def gone(self, event: Left, now: datetime) -> None:
        """Notes who was in a running class: who is back after a netsplit or a lost connection has not arrived."""
        for run in self.classes.running():
            if event.channel not in (None, run.channel):
                continue
            came = self._came.get(run.channel, [])
            if event.sender in came:  # they have not been told anything yet
                came.remove(event.sender)
                continue
            self._left |= {(run.channel, name): now for name in self._names(event.sender)}
        _shorten(self._left)

    def _names(self, sender: Sender) -> list[str]:
        """What somebody who comes back is known by.  A nick proves nothing, but nothing here needs proof."""
        names = [self.room.audience.fold(sender.nick)]
        return [*names, f"account {fold_account(sender.account)}"] if sender.account else names

    def clock_stepped(self, by: timedelta) -> None:
        self._left = {key: at + by for key, at in self._left.items()}
        self._greeted = {channel: [at + by for at in times] for channel, times in self._greeted.items()}
        self._named = {channel: at + by for channel, at in self._named.items()}

    def tick(self, now: datetime) -> list[Line]:
        self._forget(now)
        lines: list[Line] = []
        for channel, came in list(self._came.items()):
            run = self.classes.in_channel(channel)
            here = set(self.room.people.learners(channel)) if run is not None else set()
            still = [sender for sender in dict.fromkeys(came) if sender in here]
            greeted = [at for at in self._greeted.get(channel, []) if now - at < PAUSE]
            alone, together = still[: AT_ONCE - len(greeted)], still[AT_ONCE - len(greeted) :]
            self._greeted[channel] = [*greeted, *[now] * len(alone)]
            if run is not None:
                lines += [Line(each.nick, self._greeting(run, each), Priority.ANNOUNCE) for each in alone]
            if run is not None and together and now - self._named.get(channel, now - PAUSE) >= PAUSE:
                lines.append(Line(channel, f"{_named(together)}: {self._where(run, None)}", Priority.ANNOUNCE))
                self._named[channel], together = now, []
            if run is not None:
                told = [each for each in still if each not in together]
                self._told |= {(run.id, name): None for each in told for name in self._names(each)}
            if together:
                self._came[channel] = together
            else:
                del self._came[channel]
        return lines

    def _forget(self, now: datetime) -> None:
        """Drops what no longer makes a difference: classes that are over, and who left long ago."""
        if self._told:
            running = {run.id for run in self.classes.running()}
            self._told = {told: None for told in self._told if told[0] in running}
            _shorten(self._told)
        self._left = {key: at for key, at in self._left.items() if now - at < AWAY}

    def _greeting(self, run: ClassRun, sender: Sender) -> str:
        known = self.room.people.known(sender)
        exercise = self.room.readable(run)
        text = self._where(run, known.id if known is not None else None)
        if (
            self.room.access.accounts_only
            and sender.account is None
            and exercise is not None
            and not run.lecture
            and self.room.stock.has_labs(exercise.image)
            and (how := self.room.audience.login_help())
        ):
            return f"{text}. For a lab you need an account: {how}"
        return text

    def _where(self, run: ClassRun, person: int | None) -> str:
        """Where the class is, and what somebody who joins types first.  ``person``: None if they are new here."""
        at = f"{run.title} is at {position(run)}"
        exercise = self.room.readable(run)
        catch_up = ", !catchup does the steps before it in your lab" if self.room.solves(run) else ""
        if exercise is None or run.lecture or not self.room.stock.has_labs(exercise.image):
            return f"{at}: !step shows it"
        if person is not None and self.room.homes.first(person_id=person, image=exercise.image) is not None:
            return f"{at}: !step shows yours"
        if person is not None and self.room.stock.lab_of(person, exercise.image) is not None:
            return f"{at}: !step shows yours{catch_up}"
        lab = f"!lab {exercise.image} gives you a machine{self.room.second_lab(exercise)}"
        return f"{at}: {lab}{catch_up}, !step shows the step"

    def attend(self, ask: Request, *, lab: bool = True) -> None:
        """Counts somebody who asks for a lab (or needs none: ``lab``) as taking part, and tells a latecomer how to catch
        up."""
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is None or ask.role >= Role.HELPER:
            return
        late = self.classes.attendance.first(class_id=run.id, person_id=ask.person.id) is None and run.step > 1
        self.classes.attend(run, ask.person, ask.nick, ask.at)
        if late and self.room.solves(run) and not any((run.id, name) in self._told for name in self._names(ask.sender)):
            how = "!catchup does the earlier steps in your lab" if lab else "!step 1 shows the first step again"
            self.room.notices.tell(
                ask.at,
                f"the class is at {position(run)}; !step shows it, {how}",
                person_id=ask.person.id,
                not_after=ask.at + NEWS,
            )


def _shorten(remembered: dict[Any, Any]) -> None:
    """Drops the oldest of what is too much to remember."""
    for key in list(remembered)[: max(0, len(remembered) - MOST)]:
        del remembered[key]


def _named(people: Sequence[Sender]) -> str:
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    return ", ".join(each.nick for each in people[:NAMED]) + more
