"""Labs for people: what they and organisers may say about them, joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.commands import Ask, Command
from trainbot.core.messages import Sender
from trainbot.features.labs.admin_commands import Organising
from trainbot.features.labs.lab_commands import Handling
from trainbot.features.labs.lab_requests import Leasing
from trainbot.features.labs.lab_wording import save_line
from trainbot.features.labs.lease_expiry import Lesson, Terms
from trainbot.features.labs.no_shows import Absent
from trainbot.features.labs.overview import Overview
from trainbot.features.labs.queue_position import Waiting
from trainbot.features.labs.scheduler import Fleet
from trainbot.features.labs.self_hosted import AtHome, Offer
from trainbot.model.config import LabsConfig
from trainbot.model.lab import Lab

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


@dataclass(frozen=True)
class Around:
    """What lending asks of others.  ``lessons(since)``: the classes that run, or ended after ``since``;
    ``handed_out``: told of each lab that was asked for; ``went_home``: of each who runs an image themselves; ``find``: who goes by a nick in our channels, we ourselves
    excepted; ``person_of``: their row, made where there is none; ``known``: their row, if there is one; ``fold``:
    the server's case rules; ``there``: whether that person can be told something now; ``seeing``: whether we see
    anybody at all; ``offer``: what is published of an image; ``wanted``: the image of the class that runs there;
    ``renewed``: that person's lab will be as its image was (as it was at that time): what they may say to have their work
    in it again, '' for nothing."""

    lessons: Callable[[datetime], Sequence[Lesson]]
    handed_out: Callable[[Ask, str], None]
    went_home: Callable[[Ask, str], None]
    find: Callable[[str], Sender | None]
    person_of: Callable[[Sender, datetime], Person]
    known: Callable[[Sender], Person | None]
    fold: Callable[[str], str]
    there: Callable[[Person], bool]
    seeing: Callable[[], bool]
    offer: Callable[[str], Offer | None]
    wanted: Callable[[Ask], str]
    renewed: Callable[[int, Lab, datetime | None], str]


class Lending:
    """``port``, ``fingerprint``, ``new_password``, ``digest``, ``unready``: as for Leasing."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        config: LabsConfig,
        require_account: bool,
        port: int,
        fingerprint: Callable[[], str],
        new_password: Callable[[], str],
        digest: Callable[[str], str],
        unready: Mapping[str, str],
        around: Around,
    ) -> None:
        labs, leases, people, notices = store.labs, store.leases, store.people, store.notices
        self.terms = Terms(
            labs,
            leases,
            notices,
            config,
            around.lessons,
            lambda image: save_line(
                port, config.public_address, image, fleet.images[image].user if image in fleet.images else "root"
            ),
        )
        self.waiting = Waiting(fleet, labs, leases, notices, self.terms)
        self.leasing = Leasing(
            fleet,
            labs,
            leases,
            store.homes,
            people,
            notices,
            self.waiting,
            config,
            require_account,
            port,
            fingerprint,
            new_password,
            digest,
            unready,
            around.handed_out,
        )
        self.handling = Handling(fleet, labs, leases, self.waiting, config, around.renewed, port)
        self.at_home = AtHome(
            store.homes, leases, self.terms, fleet.images, around.offer, around.wanted, around.went_home
        )
        self.organising = Organising(
            self.leasing, labs, leases, people, notices, around.find, around.person_of, around.known, around.fold
        )
        self.overview = Overview(fleet, labs, leases, people, self.waiting, around.fold)
        self.absent = Absent(fleet, labs, leases, people, notices, self.terms, config, around.there, around.seeing)

    def commands(self) -> list[Command]:
        return [
            command
            for part in (self.leasing, self.handling, self.at_home, self.organising, self.overview)
            for command in part.commands()
        ]
