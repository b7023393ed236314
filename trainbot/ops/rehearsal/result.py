"""The results of a rehearsal, as values for the report and --json."""

from __future__ import annotations

from dataclasses import dataclass, field

IN, SHUT_OUT, NO_ROOM, NOT_MADE, NOT_TRIED = "in", "shut out", "no room", "not made", "not tried"


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat.  ``state``: IN; SHUT_OUT (a lab, but the login failed); NO_ROOM (it would wait in the queue); NOT_MADE
    (its lab was not ready in time); NOT_TRIED (the rehearsal ended before).  Seconds: ``waited`` from the request to the
    login, ``login`` of that for the login itself, ``boot`` from the lab's creation to its ssh if it was created now.
    ``why``: one sentence if it is not IN."""

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
    """The exercise in one lab.  ``fault``: the first fault, or ''; ``seconds``: how long it took.  ``seen``: of its
    ``steps``, how many were seen to work; ``unseen``: what was not, in words."""

    image: str
    host: str
    lab: str
    steps: int
    seconds: float
    fault: str = ""
    seen: int = 0
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """``whole``: seconds for everything; ``lease``: seconds of a lease; ``yielded``: labs that went to learners
    meanwhile; ``lost``: hosts that stopped answering meanwhile, with their problem; ``away``: hosts that never answered;
    ``left``: host -> seats that still have a lab if it fails; ``faults``: why there is no room; ``idle``: free labs of
    other images, which make room for learners; ``uris``: of hosts; ``over``: why it was cut short, or ''; ``beside``: the
    second image, in whose labs no exercise is played; ``about``: a note on the exercise's image, or '';
    ``unchecked``: why its scripts don't run in a class, or ''."""

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
    about: str = ""
    unchecked: str = ""
