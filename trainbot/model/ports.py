"""What features need from the bot around them, as Protocols: each is one object, made in trainbot.bot.wiring.

A feature never calls another feature by name: what one knows and another needs goes through one of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from trainbot.core.access import Person, Role
from trainbot.core.commands import Request
from trainbot.core.messages import Effect, Sender
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
        """The bot's own nick."""

    def fold(self, name: str) -> str:
        """``name`` folded by the server's case rules (ISUPPORT CASEMAPPING): compare folded names only."""

    def members(self, channel: str) -> Sequence[Sender]: ...

    def holds(self, channel: str, nick: str) -> bool: ...

    def find(self, nick: str) -> Sender | None:
        """The person with that nick in one of our channels; never the bot itself."""

    def sees(self, sender: Sender) -> bool:
        """Whether exactly this nick!user@host is in view."""

    def mask(self, sender: Sender) -> str:
        """nick!user@host, with the nick folded."""

    def where(self, person: Person) -> Sender | None:
        """The connection that this person uses now: the nick alone proves nothing."""

    def present(self, person: Person, channel: str) -> bool:
        """Whether they can see what is said in ``channel``."""

    def relays(self, sender: Sender) -> bool:
        """Whether that is a bot that repeats here what is said elsewhere ([irc] relays)."""

    def reached_in(self, person: Person) -> str:
        """The channel in which somebody behind a relay is heard and answered; '' if the relay is not there, or for people on
        IRC."""

    def seeing(self) -> bool:
        """Whether we can see anybody at all."""

    def channels_of(self, sender: Sender) -> list[str]:
        """The class channels that this sender is in; all of ours if they are in none."""

    def login_help(self) -> str:
        """What somebody without an account types to get one and to log in on this network; '' if it has no accounts."""


class People(Protocol):
    """Who somebody is and what they may do."""

    def person_of(self, sender: Sender, now: datetime) -> Person:
        """Their row, created if missing; UserError for somebody without an account whom we can't see."""

    def known(self, sender: Sender) -> Person | None:
        """Their row if there is one; creates nothing."""

    def seen(self, sender: Sender, now: datetime) -> Person | None:
        """Their row, created if possible; None if they can't have one."""

    def role_of(self, sender: Sender) -> Role: ...

    def named(self, nick: str, ask: Request) -> tuple[Person, bool] | None:
        """The person with that nick (present, with an open question, or ignored), and whether they are staff."""

    def learners(self, channel: str) -> list[Sender]:
        """Everybody in the channel except staff, the bot and relays."""

    def staff(self, channel: str | None, now: datetime) -> list[Person]:
        """The presenters and organisers in that channel; in all of ours if the bot is not in it."""


class Access(Protocol):
    """How people log in: the gateway's address and key, and the passwords of leases.  ``accounts_only``: labs and seats
    require a services account."""

    @property
    def port(self) -> int: ...
    @property
    def public_address(self) -> str: ...
    @property
    def accounts_only(self) -> bool: ...

    def fingerprint(self) -> str:
        """The fingerprint of the gateway's host key (SHA256:…); '' until there is one."""

    def new_password(self) -> str: ...

    def key_code(self, person: int, key: str) -> str:
        """The user name with which that person confirms a key."""

    def digest(self, password: str) -> str:
        """The digest of the password, which is what is stored."""


class Exercises(Protocol):
    """The exercises as they are now."""

    @property
    def library(self) -> ExerciseLibrary: ...

    def get(self, slug: str | None) -> Exercise | None: ...


class LabRoom(Protocol):
    """Whether there is room for labs, how much, and who has one."""

    def has_labs(self, image: str) -> bool:
        """Whether labs of that image can be made."""

    def holds(self, now: datetime) -> tuple[int, int]:
        """(how many labs fit on the hosts, how many of them survive the loss of one host)."""

    def lab_of(self, person_id: int, image: str) -> Lab | None:
        """That person's lab of that image, unless they run it on a machine of their own."""


class LabStock(LabRoom, Protocol):
    """The existing labs, for parts that only look at them."""

    def labs_of(self, image: str) -> dict[int, Lab]:
        """The running labs of that image, by person; without people who run it on machines of their own."""

    def alive(self) -> dict[str, Lab]:
        """The labs that are alive, by id."""

    def way_in(self, lab: Lab) -> LabRoute | None:
        """How to log in to the lab now; None if that is not possible."""

    def in_words(self, person_id: int) -> str:
        """That person's labs and how they are, in a few words for staff."""


class Timetable(Protocol):
    """Sessions as labs see them."""

    def near(self, now: datetime) -> list[Session]:
        """The sessions that may need labs now."""

    def seats_of(self, session: Session) -> list[SignUp]:
        """The session's sign-ups, one per lab."""

    def mode_of(self, session: Session) -> Mode: ...


class ClassContext(Protocol):
    """Classes as labs see them."""

    def windows(self, since: datetime) -> list[ClassWindow]:
        """The classes that are running, or ended after ``since``."""

    def image_of(self, ask: Request) -> str:
        """The image of the exercise of the class that runs where this was asked; '' if none does."""

    def channels(self) -> list[str]:
        """The channels for announcements to everybody: those of running classes; if no class runs, all class
        channels."""

    def handed_out(self, ask: Request, what: str) -> None:
        """Called when a lab was asked for: notes it on the class's timeline, and counts the person as taking part."""

    def went_home(self, ask: Request, image: str) -> None:
        """The same for somebody who runs that image on a machine of their own; nothing if the class there uses
        another."""

    def renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        """Called when a lab is about to be as its image was, or as it was at ``since``: returns what its person can
        type to redo their steps in it, '' if there is nothing to say."""

    def same_person(self, old: int, new: int) -> None:
        """Called when somebody who had no account turns out to be another row: they logged in to their account, or claimed
        their lab."""


class LabHandout(Protocol):
    """Gives people labs."""

    def request_lab(self, ask: Request, image: str | None = None, mode: Mode = Mode.ENFORCING) -> list[Effect]:
        """What ``!lab IMAGE`` does and answers."""


class Journal(Protocol):
    """The timeline of a class, and its minutes."""

    def noted(self, ask: Request, kind: str, text: str) -> None: ...

    def note(
        self, channel: str | None, nick: str, kind: str, text: str, at: datetime, person_id: int | None = None
    ) -> None:
        """The same for what nobody typed: adds an entry to the class that runs in ``channel``, if there is one."""

    def minutes_at(self, run: ClassRun) -> str:
        """The words that tell people where the minutes are."""

    @property
    def logged(self) -> bool:
        """Whether talk is logged."""

    @property
    def public_url(self) -> str:
        """Where minutes are served; '' if they are not."""


class Pages(Protocol):
    """What is written for people outside of IRC."""

    def step_lines(self, exercise: Exercise, title_line: str, markdown: str, limit: int, more: str) -> list[str]:
        """Markdown of that exercise as at most ``limit`` IRC lines (0: all of it).  If something is left out, the last
        line is ``more``, with ``{n}`` replaced by the number of lines, ``{lines}`` by "12 more lines"."""

    def handout_url(self, exercise: Exercise) -> str:
        """Where an exercise's handout is served; '' if there is none."""

    def write_handout(self, exercise: Exercise) -> str:
        """Writes the handout anew; returns where it is, in words."""

    def offer(self, image: str) -> ImageOffer | None:
        """What is published of an image; None if nothing is."""


class Loopback(Protocol):
    """TCP ports on our own machine."""

    def free_port(self, taken: Collection[int]) -> int:
        """A port that nobody uses now and that is not in ``taken``; BackendError if there is none."""


@dataclass(frozen=True)
class Installation:
    """What belongs to this installation besides its configuration.  ``owner``: its id on hosts; ``unready``: images
    that cannot be used, with the reason."""

    owner: str
    access: Access
    loopback: Loopback
    images: dict[str, LabImage]
    unready: Mapping[str, str]


@dataclass(frozen=True)
class Deliveries:
    """What is being told right now; lost with the process.  ``under_way``: the notices that are being sent.
    ``earlier``: by lease, the digest of the password that works until the newer one has been sent."""

    under_way: set[int] = field(default_factory=set)
    earlier: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ports:
    """The ports that exist before any feature does."""

    audience: Audience
    people: People
    access: Access
    exercises: Exercises
    stock: LabStock
    pages: Pages
    deliveries: Deliveries
