"""Who may come to whose terminal: ``!come``, ``!pair``, ``!alone``.

The rows are the consent: the gateway is told of those that are open, and lets nobody in without one.  Only whoever has the lab
agrees to a visit, by the command for it: ``!yes`` never does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.hooks import Turn
from trainbot.core.messages import Effect, Reply, Sender
from trainbot.core.wording import span
from trainbot.features.classes.classroom import Classroom
from trainbot.model.class_run import Attendance, ClassRun
from trainbot.model.lab import LabState, Lease
from trainbot.model.shell_commands import ssh_command
from trainbot.model.visit import Visit, VisitKind, VisitLogin

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

LONGEST = timedelta(hours=2)  # a visit; !come and !pair again begin another
OFFERED = timedelta(minutes=10)  # for so long the other learner may agree
AWAY = timedelta(minutes=5)  # for so long whoever agreed may be gone from IRC
NEWS = timedelta(minutes=10)
TABLES = frozenset({"visit", "lab", "lease", "class", "attendance"})
ROOT = "anyone who comes is root in your lab; !alone ends it"


class Visits:
    """The consents, and who was there (trainbot.model.visit)."""

    def __init__(self, room: Classroom, store: Store) -> None:
        self.room, self.visits, self.people = room, store.visits, store.people
        self.leases, self.labs, self.notices = store.leases, store.labs, store.notices

    # -- a helper --------------------------------------------------------------------------------------

    def come(self, ask: Request, nick: str = "") -> list[Effect]:
        run = self.room.run(ask)
        row = self.room.classes.attendance.first(class_id=run.id, person_id=ask.person.id)
        if row is None or row.stuck_at is None:
            raise UserError(
                "call for help first: !stuck and what is wrong; then !come lets a helper work at your terminal"
            )
        lease = self._lease(ask.person.id, self._image(run))
        if lease is None:
            raise UserError("you have no lab here that a helper could come to; !lab IMAGE gives you one")
        guest = self._helper(nick, ask) if nick else self._helping(row, ask)
        same = self.visits.open(owner_id=ask.person.id, kind=VisitKind.HELP, lease_id=lease.id)
        who = guest.id if guest is not None else None
        found = next((visit for visit in same if visit.guest_id == who), None)
        if found is None:
            found = self._add(ask, VisitKind.HELP, lease, run.id, who, agreed=True)
        else:
            self.visits.change({"id": found.id}, ends_at=ask.at + LONGEST)
        if guest is None:
            return [Reply(f"the helper who takes you may work at your terminal: {ROOT}", private=True)]
        self._tell_guest(found, guest, ask.person, ask.at)
        return [Reply(f"{guest.nick} may work at your terminal: {ROOT}", private=True)]

    def _helper(self, nick: str, ask: Request) -> Person:
        there = self.room.audience.find(nick)
        if there is None:
            raise UserError(f"{nick[:30]} is not here; !come alone lets the helper come who takes you")
        if self.room.people.role_of(there) < Role.HELPER:
            raise UserError(f"{there.nick} is not a helper; !pair {there.nick} asks another learner to work with you")
        found = self.room.people.person_of(there, ask.at)
        if found.id == ask.person.id:
            raise UserError("you are at your terminal already")
        return found

    def _helping(self, row: Attendance, ask: Request) -> Person | None:
        """Who helps them already, if that is still a helper."""
        try:
            return self._helper(row.helper, ask) if row.helper else None
        except UserError:
            return None

    def helped(self, ask: Request, run: ClassRun, row: Attendance) -> Reply | None:
        """The way to the terminal of somebody whom ``ask`` has taken, if they agreed to that."""
        if ask.person.id == row.person_id:
            return None
        agreed = self.visits.open(owner_id=row.person_id, kind=VisitKind.HELP, class_id=run.id)
        visit = next((each for each in agreed if each.guest_id in (None, ask.person.id)), None)
        if visit is None:
            return None
        if visit.guest_id is None:
            self.visits.change({"id": visit.id}, guest_id=ask.person.id)
        return self._way(visit, ask.person, row.nick)

    def can_agree(self, run: ClassRun, person: int) -> bool:
        """Whether ``!come`` is of use to somebody in this class."""
        return self._lease(person, self._image(run)) is not None

    # -- another learner -------------------------------------------------------------------------------

    def pair(self, ask: Request, nick: str) -> list[Effect]:
        named = self.room.people.named(nick, ask)
        if named is None:
            raise UserError(f"{nick[:30]} is not here")
        other, _ = named
        if other.id == ask.person.id:
            raise UserError("it takes two: !pair NICK asks somebody else to work with you")
        if other.bridge:
            raise UserError(f"{other.nick} is not on IRC, where I could send them the ssh command")
        offer = self.visits.open(owner_id=other.id, guest_id=ask.person.id, kind=VisitKind.PAIR)
        if offer:
            return self._agree(offer[0], ask, other)
        lease = self._lease(ask.person.id, "")
        if lease is None:
            raise UserError(f"you have no lab that {other.nick} could come to; !lab IMAGE gives you one")
        mine = self.visits.open(owner_id=ask.person.id, kind=VisitKind.PAIR)
        for visit in mine:
            if visit.guest_id == other.id:
                raise UserError(
                    f"you work with {other.nick} already; !alone ends it"
                    if visit.agreed_at is not None
                    else f"{other.nick} has not agreed yet; !alone takes it back"
                )
            if visit.agreed_at is None:
                self._end(visit, "somebody else was asked", ask.at)
        self._add(ask, VisitKind.PAIR, lease, None, other.id, agreed=False)
        self.notices.tell(
            ask.at,
            f"{ask.nick} asks you to work together at the terminal of their {lease.image} lab: !pair {ask.nick} agrees",
            person_id=other.id,
            not_after=ask.at + OFFERED,
        )
        return [
            Reply(
                f"{other.nick} is asked. Once they type !pair {ask.nick}, they may work at your terminal: {ROOT}",
                private=True,
            )
        ]

    def _agree(self, offer: Visit, ask: Request, owner: Person) -> list[Effect]:
        if offer.agreed_at is None:
            self.visits.change({"id": offer.id}, agreed_at=ask.at, ends_at=ask.at + LONGEST)
            self.notices.tell(
                ask.at,
                f"{ask.nick} has agreed and may work at your terminal: {ROOT}",
                person_id=owner.id,
                not_after=ask.at + NEWS,
            )
        return [self._way(offer, ask.person, owner.nick)]

    # -- the end ---------------------------------------------------------------------------------------

    def alone(self, ask: Request) -> list[Effect]:
        mine = [visit for visit in self.visits.open() if ask.person.id in (visit.owner_id, visit.guest_id)]
        if not mine:
            raise UserError("nobody may come to your terminal, and you may not come to anybody's")
        for visit in mine:
            self._end(visit, f"{ask.nick} has ended it", ask.at)
            if visit.guest_id == ask.person.id and visit.agreed_at is not None:
                text = f"{ask.nick} has ended the visit to your terminal"
                self.notices.tell(ask.at, text, person_id=visit.owner_id, not_after=ask.at + NEWS)
        return [Reply("the visit is over" if len(mine) == 1 else "the visits are over", private=True)]

    def settle(self, turn: Turn) -> None:
        """Ends what is over, by the rows as they are now."""
        for visit in self.visits.open():
            if why := self._over(visit, turn.now):
                self._end(visit, why, turn.now)
            elif turn.tick:
                self._note_away(visit, turn.now)

    def _over(self, visit: Visit, now: datetime) -> str:
        """Why it is over; '' if it is not."""
        lease = self.leases.first(id=visit.lease_id)
        lab = self.labs.get(lease.lab_id) if lease is not None and lease.lab_id is not None else None
        if lease is None or lease.ended_at is not None or lease.person_id != visit.owner_id:
            return "the lease of that lab has ended"
        if lab is not None and lab.state is LabState.RESETTING:
            return "the lab was reset"
        if visit.ends_at <= now:
            return "its time is over"
        if visit.away_at is not None and now - visit.away_at >= AWAY:
            return f"{self.people.get(visit.owner_id).nick} has left IRC"
        return self._help_over(visit) if visit.kind is VisitKind.HELP else ""

    def _help_over(self, visit: Visit) -> str:
        run = self.room.classes.first(id=visit.class_id)
        row = self.room.classes.attendance.first(class_id=visit.class_id, person_id=visit.owner_id)
        if run is None or run.ended_at is not None:
            return "the class is over"
        if row is None or row.stuck_at is None:
            return f"{self.people.get(visit.owner_id).nick} needs no help any more"
        if visit.guest_id is not None and self.role(self.people.get(visit.guest_id)) < Role.HELPER:
            return "only helpers may come, and you are none now"
        return ""

    def _note_away(self, visit: Visit, now: datetime) -> None:
        audience, owner = self.room.audience, self.people.get(visit.owner_id)
        here = audience.where(owner) is not None or bool(audience.reached_in(owner)) or not audience.seeing()
        if here != (visit.away_at is None):
            self.visits.change({"id": visit.id}, away_at=None if here else now)

    def role(self, person: Person) -> Role:
        """Of somebody who need not be on IRC: then only an account proves a role."""
        there = self.room.audience.where(person)
        if there is None and person.account is None:
            return Role.LEARNER
        return self.room.people.role_of(there or Sender(person.nick, account=person.account))

    def _end(self, visit: Visit, why: str, now: datetime) -> None:
        self.visits.change({"id": visit.id}, ended_at=now, ended_why=why)
        self.visits.logins.change({"visit_id": visit.id, "ended_at": None}, ended_at=now)

    # -- at the gateway --------------------------------------------------------------------------------

    def enters(self, guest: Person, word: str, address: str, now: datetime) -> tuple[VisitLogin, Visit]:
        """Records a login of ``guest`` before it reaches the lab, and tells whoever has the lab.  UserError if nobody has
        agreed to it."""
        visit = self.visits.first(id=int(word)) if word.isascii() and word.isdigit() and len(word) < 10 else None
        if visit is None or visit.guest_id != guest.id or not visit.open_to_somebody:
            raise UserError("nobody expects you at that terminal")
        if why := self._over(visit, now):
            raise UserError(f"the visit is over: {why}")
        lease = self.leases.first(id=visit.lease_id)
        lab = self.labs.get(lease.lab_id) if lease is not None and lease.lab_id is not None else None
        id = self.visits.logins.add(
            visit_id=visit.id,
            guest_id=guest.id,
            owner_id=visit.owner_id,
            at=now,
            ended_at=None,
            lab=lab.name if lab is not None else "",
            address=address,
        )
        self.notices.tell(
            now,
            f"{self.named(guest)} is at the terminal of your lab now; !alone ends it",
            person_id=visit.owner_id,
            not_after=now + NEWS,
        )
        login = self.visits.logins.first(id=id)
        assert login is not None
        return login, visit

    def left(self, guest: Person, login: int, at: datetime) -> None:
        self.visits.logins.change({"id": login, "guest_id": guest.id, "ended_at": None}, ended_at=at)

    def named(self, guest: Person) -> str:
        """As whoever has the lab is told of them."""
        role = self.role(guest)
        return f"{guest.nick} ({role.word})" if role > Role.LEARNER else guest.nick

    # -- rows ------------------------------------------------------------------------------------------

    def _image(self, run: ClassRun) -> str:
        exercise = self.room.readable(run)
        return exercise.image if exercise is not None else ""

    def _lease(self, person: int, image: str) -> Lease | None:
        """Of their labs the one of that image, else the newest."""
        with_lab = [lease for lease in self.leases.open(person_id=person) if lease.lab_id is not None]
        return next((lease for lease in with_lab if lease.image == image), with_lab[-1] if with_lab else None)

    def _add(
        self, ask: Request, kind: VisitKind, lease: Lease, run: int | None, guest: int | None, *, agreed: bool
    ) -> Visit:
        id = self.visits.add(
            kind=kind,
            owner_id=ask.person.id,
            lease_id=lease.id,
            class_id=run,
            guest_id=guest,
            asked_at=ask.at,
            agreed_at=ask.at if agreed else None,
            ends_at=ask.at + (LONGEST if agreed else OFFERED),
            ended_why="",
        )
        found = self.visits.first(id=id)
        assert found is not None
        return found

    def _way(self, visit: Visit, guest: Person, owner: str) -> Reply:
        return Reply(self._words(guest, owner), command=self._command(visit), private=True)

    def _tell_guest(self, visit: Visit, guest: Person, owner: Person, now: datetime) -> None:
        self.notices.tell(
            now,
            self._words(guest, owner.nick),
            command=self._command(visit),
            person_id=guest.id,
            not_after=visit.ends_at,
        )

    def _words(self, guest: Person, owner: str) -> str:
        known = self.leases.open(person_id=guest.id) or self.people.keys.count(person_id=guest.id, proven=True)
        how = "your own key or lab password" if known else "a key (!key) or the password of a lab of yours (!lab)"
        return f"{owner}'s terminal, for {span(LONGEST)} at most, is open to you, with {how}:"

    def _command(self, visit: Visit) -> str:
        access = self.room.access
        return ssh_command(access.port, access.public_address, f"desk+{visit.id}")

    def commands(self) -> list[Command]:
        return [
            Command(
                "come",
                self.come,
                "let a helper work at your terminal while you are stuck: the one who takes you, or NICK; they are root in your lab then",
                (Argument("NICK", "nick", optional=True),),
                example="come hannah",
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "pair",
                self.pair,
                "ask NICK to work with you at the terminal of your lab, or agree to that; both are root in it then",
                (Argument("NICK", "nick"),),
                example="pair bob",
                group="class",
            ),
            Command("alone", self.alone, "end at once all visits to your terminal, and yours to others", group="class"),
        ]
