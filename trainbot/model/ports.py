"""What features ask of the bot around them, as Protocols: each is one object, made in trainbot.bot.wiring.

A feature never asks another feature by name.  What one knows and another needs goes through one of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trainbot.core.access import Person, Role
from trainbot.core.commands import Request
from trainbot.core.messages import Sender
from trainbot.model.class_run import ClassRun, ClassWindow
from trainbot.model.exercise import Exercise, ExerciseLibrary
from trainbot.model.host import Mode
from trainbot.model.lab import Lab
from trainbot.model.lab_events import LabRoute
from trainbot.model.lab_image import ImageOffer, LabImage
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp


class Audience(Protocol):
    """Who is on IRC now, in our channels."""

    @property
    def nick(self) -> str:
        """Ours."""

    def fold(self, name: str) -> str:
        """``name`` by the server's case rules (ISUPPORT CASEMAPPING): compare folded names only."""

    def members(self, channel: str) -> Sequence[Sender]: ...

    def holds(self, channel: str, nick: str) -> bool: ...

    def find(self, nick: str) -> Sender | None:
        """Whoever goes by that nick in one of our channels, but not we."""

    def sees(self, sender: Sender) -> bool:
        """Whether exactly this nick!user@host is in view."""

    def mask(self, sender: Sender) -> str:
        """nick!user@host, the nick folded."""

    def where(self, person: Person) -> Sender | None:
        """The connection that this person speaks from now: the nick alone proves nothing."""

    def present(self, person: Person, channel: str) -> bool:
        """Whether they see what is said in ``channel``."""

    def seeing(self) -> bool:
        """Whether we see anybody at all."""

    def channels_of(self, sender: Sender) -> list[str]:
        """The channels of classes that this sender is in; all of ours for somebody who is in none."""


class People(Protocol):
    """Who somebody is, and what they may do."""

    def person_of(self, sender: Sender, now: datetime) -> Person:
        """Their row, made where there is none; UserError for somebody without an account whom we cannot see."""

    def known(self, sender: Sender) -> Person | None:
        """Their row if there is one; nothing is made."""

    def seen(self, sender: Sender, now: datetime) -> Person | None:
        """Their row, made where there may be one; None where there can be none."""

    def role_of(self, sender: Sender) -> Role: ...

    def named(self, nick: str, ask: Request) -> tuple[Person, bool] | None:
        """Whoever goes by that nick, or asked something by it that waits, or is ignored; and whether they are staff."""

    def learners(self, channel: str) -> list[Sender]:
        """Whoever is there and neither staff nor we."""

    def staff(self, channel: str | None, now: datetime) -> list[Person]:
        """The presenters and organisers in that channel; in all of ours where we are not there."""


class Access(Protocol):
    """How people come in: the gateway's address and key, and the passwords of leases.  ``accounts_only``: labs and
    seats are for people with a services account."""

    @property
    def port(self) -> int: ...
    @property
    def public_address(self) -> str: ...
    @property
    def accounts_only(self) -> bool: ...

    def fingerprint(self) -> str:
        """Of the gateway's host key (SHA256:…); '' until there is one."""

    def new_password(self) -> str: ...

    def digest(self, password: str) -> str:
        """What is stored of it."""


class Exercises(Protocol):
    """The exercises that there are now."""

    @property
    def library(self) -> ExerciseLibrary: ...

    def get(self, slug: str | None) -> Exercise | None: ...


class LabRoom(Protocol):
    """Whether there is room for labs, and how much."""

    def has_labs(self, image: str) -> bool:
        """Whether labs of that image can be had."""

    def holds(self, now: datetime) -> tuple[int, int]:
        """(labs that the hosts have room for, those that survive the loss of one host)."""


class LabStock(LabRoom, Protocol):
    """The labs that there are, for those who only look."""

    def lab_of(self, person_id: int, image: str) -> Lab | None:
        """That person's lab of that image, unless they work on a machine of their own."""

    def labs_of(self, image: str) -> dict[int, Lab]:
        """The labs of that image that run, by person; without those whose people work on machines of their own."""

    def alive(self) -> dict[str, Lab]:
        """By id."""

    def way_in(self, lab: Lab) -> LabRoute | None:
        """How one logs in to the lab now; None where one cannot."""


class Timetable(Protocol):
    """Sessions as labs see them."""

    def near(self, now: datetime) -> list[Session]:
        """Those that may concern labs now."""

    def seats_of(self, session: Session) -> list[SignUp]:
        """Its sign-ups, each a lab."""

    def mode_of(self, session: Session) -> Mode: ...


class ClassContext(Protocol):
    """Classes as labs see them."""

    def windows(self, since: datetime) -> list[ClassWindow]:
        """The classes that run, or ended after ``since``."""

    def image_of(self, ask: Request) -> str:
        """Of the exercise of the class that runs where this was asked; '' where none does."""

    def channels(self) -> list[str]:
        """Where people are told what concerns everybody: the channels of classes, or all."""

    def handed_out(self, ask: Request, what: str) -> None:
        """A lab was asked for: it is on the class's time line, and whoever asked takes part."""

    def went_home(self, ask: Request, image: str) -> None:
        """The same of somebody who runs that image on a machine of their own."""

    def renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        """The lab will be as its image was, or as it was at ``since``: what they may say to have their steps in it again,
        '' where there is nothing to be said."""


class Journal(Protocol):
    """The time line of a class, and its minutes."""

    def noted(self, ask: Request, kind: str, text: str) -> None: ...

    def minutes_at(self, run: ClassRun) -> str:
        """What people are told about where the minutes are."""

    @property
    def logged(self) -> bool:
        """Whether talk is kept."""

    @property
    def public_url(self) -> str:
        """Where minutes are served; '' where nowhere."""


class Pages(Protocol):
    """What is written for people outside of IRC lines."""

    def step_lines(self, title_line: str, markdown: str, limit: int, more: str) -> list[str]:
        """Markdown as at most ``limit`` lines for the chat."""

    def handout_url(self, exercise: Exercise) -> str:
        """Where an exercise's handout is served, '' where none is."""

    def write_handout(self, exercise: Exercise) -> str:
        """Writes it anew, and says where it is, in words."""

    def offer(self, image: str) -> ImageOffer | None:
        """What is published of an image; None where nothing is."""


class Loopback(Protocol):
    """TCP ports of our own machine."""

    def free_port(self, taken: Collection[int]) -> int:
        """One that nobody uses now and that is not in ``taken``; BackendError where there is none."""


@dataclass(frozen=True)
class Installation:
    """What this installation is besides its configuration.  ``owner``: its id on hosts; ``unready``: images that cannot
    be used, with the reason."""

    owner: str
    access: Access
    loopback: Loopback
    images: dict[str, LabImage]
    unready: Mapping[str, str]


@dataclass(frozen=True)
class Ports:
    """Those that are there before any feature is."""

    audience: Audience
    people: People
    access: Access
    exercises: Exercises
    stock: LabStock
    pages: Pages
