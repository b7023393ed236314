"""Answers the requests of a rehearsal to the running bot: which session, how many seats, and the state of its labs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from trainbot.bot.control_requests import RehearsalAsked, Response
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature, Hook, On
from trainbot.features.labs.rehearsal_leases import RehearsalLeases, RehearsalRequest
from trainbot.features.sessions.timetable import SessionTimetable
from trainbot.model.exercise import Exercise
from trainbot.model.host import Mode
from trainbot.model.ports import Exercises
from trainbot.model.session import Session

MOST = 1000  # seats


class RehearsalRequests(Feature):
    """``share``: percentage of sign-ups that labs are prepared for."""

    def __init__(
        self, rehearsals: RehearsalLeases, timetable: SessionTimetable, exercises: Exercises, share: int
    ) -> None:
        self.rehearsals, self.timetable, self.exercises, self.share = rehearsals, timetable, exercises, share

    def hooks(self) -> Sequence[Hook]:
        return (On(RehearsalAsked, self._asked),)

    def _asked(self, event: RehearsalAsked, now: datetime) -> list[Response]:
        return [Response(event, self.answer(event.request, now))]

    def answer(self, request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """The answer; {"error"} if the request is refused, and nothing is written then."""
        try:
            return self._answer(request, now)
        except UserError as error:
            return {"error": str(error)}

    def _answer(self, request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        token = request.get("rehearsal")
        match request.get("do"):
            case "begin":
                return self._begin(request, now)
            case "look" if isinstance(token, str):
                return self.rehearsals.how_is(token, now)
            case "loss" if isinstance(token, str):
                return self.rehearsals.loss(token, now)
            case "work" if isinstance(token, str) and isinstance(request.get("seats"), list):
                return self.rehearsals.work_in(token, [id for id in request["seats"] if isinstance(id, int)], now)
            case "end" if isinstance(token, str):
                return self.rehearsals.end(token, now)
        raise UserError("a rehearsal is asked to begin, look, loss, work or end")

    def _begin(self, request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        number, words, name = request.get("seats"), request.get("session"), request.get("exercise")
        if number is not None and not (isinstance(number, int) and 0 < number <= MOST):
            raise UserError(f"seats must be from 1 to {MOST}")
        if isinstance(words, str) and words:
            session = choose(words, self.timetable.upcoming(now))
            exercise = self._exercise(session)
            images = self._seats(session, number)
            title = session.title
        elif isinstance(name, str) and name:
            exercise = self.exercises.library.find(name)
            if number is None:
                raise UserError("add --seats N: an exercise alone has no sign-ups")
            images, title = shared_out({exercise.image or self._only_image(): 1}, number), exercise.title
        else:
            raise UserError("name a session, or use --exercise NAME --seats N")
        on_image = self._on_image(exercise, images)
        mode = Mode.PERMISSIVE if exercise is not None and exercise.permissive else Mode.ENFORCING
        begun = self.rehearsals.begin(
            RehearsalRequest(title, mode, images), now, during_class=request.get("during_class") is True
        )
        return {**begun, "exercise": exercise.slug if exercise is not None else "", **on_image}

    def _on_image(self, exercise: Exercise | None, images: Sequence[str]) -> dict[str, str]:
        """What the report says about the exercise's image: ``unchecked`` (no-go) or ``about`` (a note).  UserError if labs of
        it can't be made."""
        found = {"unchecked": "", "about": ""}
        if exercise is None:
            return found
        here = self.rehearsals.scheduler.images
        if exercise.image and exercise.image not in here and exercise.image in images:
            raise UserError(
                f"there is no {exercise.image} image here, so nothing of {exercise.slug} is prepared or checked, and there "
                "is nothing to rehearse: trainbot image list says which images there are"
            )
        why = exercise.unchecked(exercise.image in here)
        if not why and exercise.unchecked(has_labs=False) and exercise.image not in images:
            why = f"its scripts only run in {exercise.image} labs"
        if why:
            found["unchecked"] = f"nothing of {exercise.slug} is prepared or checked in a class: {why}"
        elif exercise.written_for:
            found["about"] = (
                f"{exercise.slug} was written for {exercise.written_for}, and {exercise.image} labs are used"
            )
        return found

    def _exercise(self, session: Session) -> Exercise | None:
        if not session.exercise:
            return None
        found = self.exercises.get(session.exercise)
        if found is None:
            raise UserError(
                f"the exercise {session.exercise} of {session.title} is not there, or has a fault that "
                "trainbot exercise check names"
            )
        return found

    def _seats(self, session: Session, number: int | None) -> tuple[str, ...]:
        """An image for each seat.  The number of seats is ``number``, or else follows from the sign-ups, or from the
        session's ``seats`` if nobody has signed up."""
        images = self.timetable.images_of(session)
        if not images:
            raise UserError(f"{session.title} has no labs: its exercise names no image")
        signed = Counter(row.image for row in self.timetable.seats_of(session) if row.image)
        if number is None and signed:
            return tuple(image for image, count in signed.items() for _ in range(-(-count * self.share // 100)))
        if number is None and not session.seats:
            raise UserError(f"nobody has signed up for {session.title} and it has no seats of its own: add --seats N")
        if number is None and session.seats:
            number = -(-session.seats * self.share // 100)
        return shared_out(signed or dict.fromkeys(images, 1), min(number or 0, MOST))

    def _only_image(self) -> str:
        there = list(self.rehearsals.scheduler.images)
        if len(there) != 1:
            raise UserError("the exercise names no image: rehearse a session that does")
        return there[0]


def choose(words: str, sessions: Sequence[Session]) -> Session:
    """The session with that number or uid, or the only one that matches all the words.  UserError if there is none."""
    if words.isascii() and words.isdigit():
        if not 1 <= int(words[:9]) <= len(sessions):
            raise UserError(f"no session {words[:9]}: trainbot schedule list shows the planned sessions")
        return sessions[int(words[:9]) - 1]
    said = words.casefold().split()
    exact = [session for session in sessions if session.uid == words]
    found = exact or [
        session
        for session in sessions
        if said and all(word in f"{session.title} {session.uid} {session.presenter or ''}".casefold() for word in said)
    ]
    if len(found) > 1:
        raise UserError("which one: " + ", ".join(session.uid for session in found[:8]) + "?")
    if not found:
        raise UserError(f'no session called "{words[:40]}": trainbot schedule list shows the planned sessions')
    return found[0]


def shared_out(weights: Mapping[str, int], number: int) -> tuple[str, ...]:
    """Divides ``number`` seats among images by their weights; the largest remainders get the rest."""
    total = sum(weights.values())
    counts = {image: number * weight // total for image, weight in weights.items()}
    by_rest = sorted(weights, key=lambda image: (-(number * weights[image] % total), image))
    for image in by_rest[: number - sum(counts.values())]:
        counts[image] += 1
    return tuple(image for image, count in counts.items() for _ in range(count))
