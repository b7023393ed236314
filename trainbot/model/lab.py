"""Labs and leases, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from trainbot.model.host import Mode

#: The ssh user name, and "image", of a lab that its person left when its host was lost.
OLD = "old"


class LabState(enum.StrEnum):
    """Where a lab stands.  What is to be done next follows from this alone (``labs.control``)."""

    MAKING = "making"  # committed; the host is to make it
    BOOTING = "booting"  # it runs; its ssh does not answer yet
    READY = "ready"
    REBOOTING = "rebooting"  # asked: off and on
    SAVING = "being saved"  # asked: its disk is to be kept as it is now
    ROLLING_BACK = "rolling back"  # asked: its disk as it was kept
    RESETTING = "resetting"  # asked: a fresh disk
    ENDING = "ending"  # to be destroyed
    GONE = "gone"  # destroyed
    LEFT = "left"  # its host was lost and its person has another; kept for them until the lease ends


ALIVE = frozenset(LabState) - {LabState.ENDING, LabState.GONE, LabState.LEFT}

#: A free lab nearer to its login prompt is handed out first.
NEARNESS = (LabState.READY, LabState.BOOTING, LabState.MAKING)

#: A host may have it.
PRESENT = frozenset(LabState) - {LabState.GONE}


@dataclass(frozen=True, slots=True)
class SelfHosted:
    """Somebody who runs the image on a machine of their own, since then."""

    person_id: int
    image: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Lab:
    """One DomU.  ``id`` is its UUID; ``port``: where its ssh is reached on the bot's loopback (embedded hosts);
    ``address``/``ssh_port``: its endpoint as the host tells it; ``tries``: failed attempts at what is to be done.

    ``slot``: its number on its host (model.slots), 0 where hosts have none.  ``run``: Domain.run as last heard;
    ``boots``: goes up with each boot.  ``stops``: how often it went off by itself, one soon after the other.
    ``checked_at``: when somebody last logged in to see that it works.  ``saved_at``: of its last snapshot.
    """

    id: str
    name: str
    image: str
    mode: Mode
    host: str
    state: LabState
    port: int
    address: str
    ssh_port: int
    tries: int
    fault: str
    made_at: datetime
    state_at: datetime
    slot: int = 0
    run: str = ""
    boots: int = 0
    stops: int = 0
    checked_at: datetime | None = None
    saved_at: datetime | None = None

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.address, self.ssh_port) if self.address else None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one person to a lab.  ``lab_id`` is None while they wait for one; ``left_id``: their old
    lab on a host that was lost; ``digest``: of the password (labs.passwords), '' where none was given out yet;
    ``session``: the uid of the session whose sign-up it is, '' where it was asked for.
    ``offered``: the public key that their ssh client had when they came with the password.  ``rehearsal``: the token of
    the rehearsal that holds it, '' for people's; it is nobody's, and gives way to people.  ``worked_in``: something was
    changed in its lab since."""

    id: int
    person_id: int
    image: str
    mode: Mode
    lab_id: str | None
    left_id: str | None
    digest: str
    asked_at: datetime
    expires_at: datetime
    warned_at: datetime | None
    ended_at: datetime | None
    ended_why: str
    session: str = ""
    offered: str = ""
    rehearsal: str = ""
    worked_in: bool = False

    @property
    def lent(self) -> bool:
        """A rehearsal holds the lab and has changed nothing in it: it is as good as free."""
        return bool(self.rehearsal) and not self.worked_in
