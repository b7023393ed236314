"""Labs and leases, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from trainbot.model.host import Mode, machine_name

#: The ssh user name, and "image", of a lab that its person left when its host was lost.
OLD = "old"


class LabState(enum.StrEnum):
    """The state of a lab.  What to do next follows from it alone (``labs.reconciler``)."""

    MAKING = "making"  # stored; the host has to make it
    BOOTING = "booting"  # it runs; its ssh does not answer yet
    READY = "ready"
    REBOOTING = "rebooting"  # requested: off and on
    SAVING = "being saved"  # requested: keep its disk as it is now
    ROLLING_BACK = "rolling back"  # requested: its disk as it was kept
    RESETTING = "resetting"  # requested: a fresh disk
    PAUSING = "being paused"  # requested: its host's disk is nearly full, and it writes the most
    PAUSED = "paused"
    RESUMING = "being resumed"  # requested: to go on as it was
    ENDING = "ending"  # to be destroyed
    GONE = "gone"  # destroyed
    LEFT = "left"  # its host was lost and its person has another lab; kept for them until the lease ends


ALIVE = frozenset(LabState) - {LabState.ENDING, LabState.GONE, LabState.LEFT}

#: A free lab nearer to its login prompt is handed out first.
NEARNESS = (LabState.READY, LabState.BOOTING, LabState.MAKING)

#: States in which a host may have the lab.
PRESENT = frozenset(LabState) - {LabState.GONE}


@dataclass(frozen=True, slots=True)
class SelfHosted:
    """Somebody who has run the image on a machine of their own since then."""

    person_id: int
    image: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab.  ``id``: its UUID; ``port``: where its ssh is reached on the bot's loopback (embedded hosts);
    ``address``, ``ssh_port``: its endpoint as the host reports it; ``tries``: failed attempts at the action under way.

    ``slot``: its number on its host (model.slots), 0 if the host has none.  ``run``: the last known Domain.run;
    ``boots``: increases with each boot.  ``stops``: how often it went off by itself in quick succession.
    ``checked_at``: when a login was last tried successfully.  ``saved_at``: when its last snapshot was taken.
    ``node``: of its host, where that has several; '' elsewhere.
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
    node: str = ""

    @property
    def machine(self) -> str:
        """The machine that it runs on: HOST, or HOST/NODE."""
        return machine_name(self.host, self.node)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.address, self.ssh_port) if self.address else None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one person to a lab.  ``lab_id``: None while they wait for one; ``left_id``: their old lab on a host
    that was lost; ``digest``: of the password (labs.passwords), '' if none was given out yet; ``session``: the uid of
    the session that they signed up for, '' if they asked for the lab.  ``offered``: the public key that their ssh
    client offered when they logged in with the password.  ``rehearsal``: the token of the rehearsal that holds it, ''
    for a person's; a rehearsal's lease belongs to nobody and gives way to people.  ``worked_in``: something was changed
    in its lab since."""

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
        """Whether a rehearsal holds the lab and has changed nothing in it: the lab is as good as free."""
        return bool(self.rehearsal) and not self.worked_in
