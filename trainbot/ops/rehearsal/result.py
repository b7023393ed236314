"""What a rehearsal found, as values; the shell's report and --json are made from these."""

from __future__ import annotations

from dataclasses import dataclass, field

IN, SHUT_OUT, NO_ROOM, NOT_MADE, NOT_TRIED = "in", "shut out", "no room", "not made", "not tried"


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat.  ``state``: IN; SHUT_OUT (a lab, and no way in); NO_ROOM (it would wait in the queue); NOT_MADE (its
    lab did not come up in time); NOT_TRIED (the rehearsal was over before).  Seconds: ``waited`` from asking to being
    in, ``login`` of that from a lab that is ready, ``boot`` from its making to its ssh where it was made now.
    ``why``: one sentence where it is not IN."""

    image: str
    state: str
    host: str = ""
    lab: str = ""
    waited: float | None = None
    login: float | None = None
    boot: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """The exercise in one lab.  ``fault``: the first thing that was not as it should be, '' where all was;
    ``seconds``: how long it took."""

    image: str
    host: str
    lab: str
    steps: int
    seconds: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """``whole``: seconds that all of it took; ``lease``: seconds that a learner has a lab at least;
    ``yielded``: labs that went to learners meanwhile; ``lost``: hosts that stopped answering meanwhile, with their
    trouble; ``away``: hosts that never answered; ``left``: host -> seats that have a lab when it is lost; ``faults``:
    why there is no room; ``idle``: free labs of other kinds, which make room for learners; ``uris``: of hosts;
    ``over``: why it ended before its end, '' where it did not; ``beside``: the image of labs that nothing is played in."""

    title: str
    exercise: str
    seats: tuple[Seat, ...]
    played: tuple[ExerciseResult, ...] = ()
    whole: float = 0.0
    lease: float = 0.0
    yielded: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    drained: tuple[str, ...] = ()
    left: dict[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    idle: int = 0
    uris: dict[str, str] = field(default_factory=dict)
    over: str = ""
    beside: str = ""
