"""The report of a rehearsal, with its verdict: go or no-go.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from trainbot.core.wording import span
from trainbot.ops.rehearsal.result import (
    IN,
    NO_ROOM,
    NOT_MADE,
    NOT_TRIED,
    SHUT_OUT,
    ExerciseResult,
    RehearsalResult,
    Seat,
)

NAMED = 5  # labs or hosts with one kind of problem that are named; the rest are counted
SLOW, SLOWER_BY = 1.5, 3.0  # a slow host takes this many times as long as the others, and this many seconds longer


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reasons``: why it is no-go, the most serious first; ``notes``: other useful facts."""

    go: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def judge(found: RehearsalResult) -> Verdict:
    reasons = [
        *_over(found),
        *_shut_out(found),
        *_not_made(found),
        *_no_room(found),
        *_lost(found),
        *_faulty(found.played),
        *_unplayed(found),
        *([found.unchecked] if found.unchecked else []),
    ]
    return Verdict(not reasons, tuple(reasons), (*_hosts(found), *_loss(found), *_notes(found)))


def lines(found: RehearsalResult) -> list[str]:
    """The report for people: verdict, reasons, figures."""
    verdict, total = judge(found), len(found.seats)
    entered = [seat for seat in found.seats if seat.state == IN]
    head = f"{'go' if verdict.go else 'no-go'}: {found.title}, login worked for {len(entered)} of {total} seats"
    wait = waits(found.seats)
    said = [head, *(f"  ! {reason}" for reason in verdict.reasons)]
    if len(entered) == 1:
        said.append(f"  a learner would wait {_s(wait['max'])} from !lab to the first login")
    elif wait:
        said.append(
            f"  from !lab to the first login, half of the learners would wait up to {_s(wait['p50'])}, and the last "
            f"{_s(wait['max'])}, if all ask at once"
        )
    for played in found.played:
        if not played.fault:
            said.append(f"  {_worked(found.exercise, played)}")
    unseen = dict.fromkeys(words for played in found.played for words in played.unseen)
    said += [f"  not seen: {words}" for words in unseen]
    return said + [f"  {note}" for note in verdict.notes]


def _worked(exercise: str, played: ExerciseResult) -> str:
    where = f"in {played.image} on {played.host}"
    if played.seen >= played.steps:
        return f"{exercise} works from the first to the last step {where} ({played.steps} steps, {_s(played.seconds)})"
    if not played.seen:
        return f"the scripts of {exercise} ran {where} ({_s(played.seconds)}), but none of its steps was seen to work"
    return f"{played.seen} of {played.steps} steps of {exercise} work {where} ({_s(played.seconds)})"


def to_json(found: RehearsalResult) -> dict[str, Any]:
    """The report for programs: the verdict, the figures in seconds, and every seat."""
    verdict = judge(found)
    value = asdict(found)
    del value["uris"]
    return {
        "go": verdict.go,
        "reasons": list(verdict.reasons),
        "notes": list(verdict.notes),
        "waits": waits(found.seats),
        "queue": sum(seat.state == NO_ROOM for seat in found.seats),
        **value,
    }


def waits(seats: Iterable[Seat]) -> dict[str, float]:
    """{"p50", "max"} of the waiting times in seconds; {} if no login worked."""
    waited = sorted(seat.waited for seat in seats if seat.state == IN and seat.waited is not None)
    return {"p50": round(waited[(len(waited) - 1) // 2], 1), "max": round(waited[-1], 1)} if waited else {}


# -- why not ---------------------------------------------------------------------------------------


def _over(found: RehearsalResult) -> list[str]:
    if not found.over:
        return []
    untried = sum(seat.state == NOT_TRIED for seat in found.seats)
    return [f"the rehearsal was cut short: {found.over}" + (f"; {_many(untried, 'seat')} not tried" if untried else "")]


def _shut_out(found: RehearsalResult) -> list[str]:
    """Each lab that cannot be logged in to, with its host and console command."""
    shut = [seat for seat in found.seats if seat.state == SHUT_OUT]
    said = [
        f"cannot log in to {seat.lab} on {seat.host}: {seat.why}{console(found.uris.get(seat.host, ''), seat.lab)}"
        for seat in shut[:NAMED]
    ]
    return said + ([f"cannot log in to {len(shut) - NAMED} more labs either"] if len(shut) > NAMED else [])


def console(uri: str, lab: str) -> str:
    """The command that shows a lab's console, or '' if there is none outside the bot."""
    if not uri or uri.startswith("test") or "///embed" in uri:
        return ""
    return f" (use --keep to keep it, then see its console: virsh -c {uri} console {lab})"


def _not_made(found: RehearsalResult) -> list[str]:
    missing = Counter(
        (f" on {seat.host}" if seat.host else "", seat.why) for seat in found.seats if seat.state == NOT_MADE
    )
    return [
        f"{_many(number, 'seat')} had no lab in time{where}: {why}"
        for (where, why), number in missing.most_common(NAMED)
    ]


def _no_room(found: RehearsalResult) -> list[str]:
    """Free labs of other images make room for learners, so they count as room."""
    waiting = Counter(seat.image for seat in found.seats if seat.state == NO_ROOM)
    if sum(waiting.values()) <= found.idle:
        return []
    total = sum(waiting.values()) - found.idle
    why = f" ({'; '.join(found.faults[:NAMED])})" if found.faults else ""
    return [
        f"{total} of {len(found.seats)} learners would wait in the queue until somebody returns a lab or the first "
        f"leases end after {span(timedelta(seconds=found.lease))}: there is no room for more{why}"
    ]


def _lost(found: RehearsalResult) -> list[str]:
    return [f"{host} stopped answering meanwhile: {trouble}" for host, trouble in found.lost.items()]


def _faulty(played: Iterable[ExerciseResult]) -> list[str]:
    return [f"{each.lab} on {each.host}, {each.image}: {each.fault}" for each in played if each.fault]


def _unplayed(found: RehearsalResult) -> list[str]:
    """Combinations of image and host on which a login worked but the exercise was not tried."""
    if not found.exercise or found.over:
        return []
    there = {
        (seat.image, seat.host)
        for seat in found.seats
        if seat.state == IN and seat.host not in found.lost and seat.image != found.beside
    }
    rest = sorted(there - {(each.image, each.host) for each in found.played})
    return [f"{found.exercise} was not tried in {image} on {host}" for image, host in rest]


# -- notes ---------------------------------------------------------------------------------------


def _hosts(found: RehearsalResult) -> list[str]:
    """A line for each host, with the slow ones marked."""
    said = []
    slow = slow_hosts(found.seats)
    for host in sorted({seat.host for seat in found.seats if seat.state == IN and seat.host}):
        there = [seat for seat in found.seats if seat.host == host and seat.state == IN]
        boots = [seat.boot for seat in there if seat.boot is not None]
        logins = [seat.login for seat in there if seat.login is not None]
        took = [f"created in {_s(median(boots))}"] if boots else []
        took += [f"login in {_s(median(logins))}"] if logins else []
        took += ["slower than the others"] * (host in slow)
        said.append(f"{host}: {', '.join([_many(len(there), 'seat'), *took])}")
    return said


def slow_hosts(seats: Iterable[Seat]) -> set[str]:
    """Hosts whose labs take much longer than others to create or to log in to."""
    found: set[str] = set()
    entered = [seat for seat in seats if seat.state == IN]
    for what in ("boot", "login"):
        took = [(seat.host, getattr(seat, what)) for seat in entered if getattr(seat, what) is not None]
        for host in {host for host, _ in took}:
            here = [seconds for where, seconds in took if where == host]
            others = [seconds for where, seconds in took if where != host]
            if others and median(here) > max(SLOW * median(others), SLOWER_BY + median(others)):
                found.add(host)
    return found


def _loss(found: RehearsalResult) -> list[str]:
    if not found.left or not found.seats:
        return []
    worst = min(found.left, key=lambda host: (found.left[host], host))
    seated = sum(seat.state == IN for seat in found.seats)
    left = min(found.left[worst], seated)
    if left >= seated:
        return ["if any one host fails, everybody still has a lab"]
    return [f"if {worst} fails, {left or 'none'} of {seated} people still have a lab"]


def _notes(found: RehearsalResult) -> list[str]:
    said = [f"{host} does not answer: {trouble}" for host, trouble in found.away.items()]
    said += [f"{host} is drained" for host in found.drained]
    if found.yielded:
        said.append(f"{_many(found.yielded, 'lab')} of the rehearsal went to learners meanwhile")
    homeless = sum(seat.state == NO_ROOM for seat in found.seats)
    if 0 < homeless <= found.idle:
        said.append(
            f"{_many(homeless, 'seat')} had no room because of free labs of other images, which make room for learners"
        )
    if not found.exercise:
        said.append("no exercise was tried")
    if found.about:
        said.append(found.about)
    return [*said, f"the rehearsal took {_s(found.whole)}"]


def _many(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def _s(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{round(seconds)} s" if seconds < 300 else span(timedelta(seconds=seconds))
