"""What people do with labs: ask, look, reboot, reset, extend, give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from trainbot.config.model import LabsConfig
from trainbot.errors import Denied, UserError
from trainbot.hosts.model import Mode
from trainbot.labs.fleet import Fleet
from trainbot.labs.images import WELL_KNOWN
from trainbot.labs.model import Lab, LabState, Lease
from trainbot.labs.words import lab_line
from trainbot.spine.access import Role
from trainbot.spine.commands import Argument, Ask, Command, Place
from trainbot.spine.messages import Effect, Reply
from trainbot.spine.words import span

if TYPE_CHECKING:
    from trainbot.notices import Notice
    from trainbot.store.repositories import Labs, Leases, Notices, People

VERBS = ("list", "reboot", "reset", "extend", "return", "destroy", "claim")  # what may follow !lab besides an image


class Leasing:
    """``ways_in``: (address, port) that learners' ssh goes to, and the gateway's key fingerprint.
    ``new_password`` and ``digest`` are ``labs.passwords`` with this installation's pepper.
    ``unready``: configured images that cannot be used, with the reason."""

    def __init__(self, fleet: Fleet, labs: Labs, leases: Leases, people: People, notices: Notices, config: LabsConfig,
                 require_account: bool, port: int, fingerprint: Callable[[], str], new_password: Callable[[], str],
                 digest: Callable[[str], str], unready: Mapping[str, str],
                 handed_out: Callable[[Ask, str], None]) -> None:
        self.fleet, self.labs, self.leases, self.people, self.notices = fleet, labs, leases, people, notices
        self.config, self.require_account, self.port, self.fingerprint = config, require_account, port, fingerprint
        self.new_password, self.digest, self.unready = new_password, digest, dict(unready)
        self.handed_out = handed_out

    # -- argument kinds --------------------------------------------------------------------------

    def image_kind(self, text: str, _ask: Ask) -> str:
        name = text.lower()
        if name in self.fleet.images:
            return name
        if name in self.unready:
            raise UserError(self.unready[name])
        there = ", ".join(sorted(self.fleet.images)) or "none yet"
        if name in WELL_KNOWN:
            raise UserError(f"there is no {name} image here yet (there is: {there}); an organiser adds it with an "
                            f"[image.{name}] section in bot.ini, see docs/operating.md")
        near = get_close_matches(name, VERBS, 1, 0.6)
        meant = f"; or did you mean !lab {near[0]}?" if near else ""
        raise UserError(f"I know no image {text[:30]!r}; there is: {there}{meant}")

    def mode_kind(self, text: str, _ask: Ask) -> Mode:
        try:
            return Mode(text.lower())
        except ValueError:
            raise UserError(f"{text[:30]!r}? after the image comes permissive, or nothing") from None

    # -- commands ----------------------------------------------------------------------------------

    def request_lab(self, ask: Ask, image: str | None = None, mode: Mode = Mode.ENFORCING) -> list[Effect]:
        if image is None:
            return self.list_labs(ask)
        if self.require_account and ask.sender.account is None:
            raise Denied("labs are for people with an account here; log in to NickServ (/msg NickServ help), "
                         "then ask again")
        if not self.fleet.hosts:
            raise UserError("no host runs labs here yet; an organiser adds a [host.NAME] section to bot.ini")
        held = self.leases.open(person_id=ask.person.id)
        same = next((lease for lease in held if lease.image == image), None)
        if same is not None:
            if same.mode is not mode:
                raise UserError(f"you have a {image} lab that is {same.mode}; !lab return gives it back, then ask again")
            return [self.answer(same, ask.at)]
        if len(held) >= self.config.per_person:
            raise UserError(f"you have a {held[0].image} lab already, and {self.config.per_person} is what everybody "
                            f"may have; !lab return gives it back")
        id = self.leases.add(person_id=ask.person.id, image=image, mode=mode, lab_id=None, left_id=None, digest="",
                             asked_at=ask.at, expires_at=ask.at + self.config.lease, warned_at=None, ended_at=None,
                             ended_why="")
        self.fleet.give(self._fresh(id), ask.at)
        self.handed_out(ask, f"{image} {mode}")
        return [self.answer(self._fresh(id), ask.at)]

    def _fresh(self, id: int) -> Lease:
        lease = self.leases.first(id=id)
        assert lease is not None, f"no lease {id}"
        return lease

    def answer(self, lease: Lease, now: datetime, before: str = "your") -> Reply:
        """The access line (with a new password, unless a key opens the lab), or the place in the queue.  What is good
        to know the first time stands behind what everybody waits for."""
        if lease.lab_id is None:
            return Reply(self._place(lease, now), private=True)
        lab = self.labs.get(lease.lab_id)
        assert lab is not None
        text = (f"{before} {lease.image} lab{'' if lease.mode is Mode.ENFORCING else ' (permissive)'}: "
                f"ssh -p {self.port} {lease.image}@{self.config.public_address}")
        if self.people.keys.count(person_id=lease.person_id):
            return Reply(text + _noted("your key opens it", self._when(lab, now)), private=True)
        password = self.new_password()
        self.leases.change({"id": lease.id}, digest=self.digest(password))
        hints = [] if lease.digest else self._first_time(lease)
        return Reply(f"{text} password {password}" + _noted(self._when(lab, now), *hints), private=True, secret=True)

    def _first_time(self, lease: Lease) -> list[str]:
        hints = [f"the server's key is {self.fingerprint()}"] if self.fingerprint() else []
        if self.people.get(lease.person_id).account is None:
            hints.append("keep the password: !lab claim PASSWORD, said to me alone, gives you the lab back after a "
                         "reconnect")
        return hints

    def _boots(self, lab: Lab) -> int:
        return max(5, round(self.fleet.boot_seconds(lab.image)))

    def _when(self, lab: Lab, now: datetime) -> str:
        """What there is to wait for; '' for a lab that is ready, or whose host was not asked yet since we came."""
        host = self.fleet.host_of(lab)
        if not host.up:
            return "" if host.unheard else f"its host {lab.host} does not answer just now, your work is safe there"
        if lab.state is LabState.READY:
            return ""
        left = self.fleet.boot_seconds(lab.image) - (now - lab.state_at).total_seconds()
        return f"it boots, about {max(5, round(left))} s: ssh waits for it"

    def _place(self, lease: Lease, now: datetime) -> str:
        waiting = [other for other in self.leases.open() if other.lab_id is None and other.image == lease.image]
        place = [other.id for other in waiting].index(lease.id) + 1
        if any(view.unheard for view in self.fleet.hosts.values()):
            return f"the hosts of labs are just being reached; you are number {place} in the queue, I tell you then"
        if not any(view.up for view in self.fleet.hosts.values()):
            return (f"no host answers just now; you are number {place} in the queue for a {lease.image} lab, "
                    "and I tell you when one does")
        ends = sorted(other.expires_at for other in self.leases.open() if other.lab_id is not None)
        hint = (f"at the latest in {span(ends[place - 1] - now)}, when a lease ends" if len(ends) >= place
                else "as soon as a host has room")
        return f"all {lease.image} labs are taken: you are number {place} in the queue, {hint}; I tell you then"

    def list_labs(self, ask: Ask) -> list[Effect]:
        leases = self.leases.open(person_id=ask.person.id)
        if not leases:
            there = " or ".join(f"!lab {name}" for name in sorted(self.fleet.images))
            return [Reply(f"you have no lab; {there} gives you one" if there else "there are no labs here yet",
                          private=True)]
        lines = []
        for lease in leases:
            lab = self.labs.get(lease.lab_id) if lease.lab_id else None
            if lab is None:
                lines.append(self._place(lease, ask.at))
            else:
                lines.append(lab_line(lease, lab, self.fleet.host_of(lab).up, ask.at))
        return [Reply("; ".join(lines), private=True)]

    def _mine(self, ask: Ask, image: str | None) -> tuple[Lease, Lab]:
        """The caller's only lab, or the one of that image; UserError where there is no such, or none yet."""
        leases = [lease for lease in self.leases.open(person_id=ask.person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"you have no {image or ''} lab".replace("  ", " ") + "; !lab IMAGE gives you one")
        if len(leases) > 1:
            raise UserError("which one? name the image: " + " or ".join(lease.image for lease in leases))
        lab = self.labs.get(leases[0].lab_id) if leases[0].lab_id else None
        if lab is None:
            raise UserError(self._place(leases[0], ask.at))
        return leases[0], lab

    def _ready(self, lab: Lab) -> None:
        if not self.fleet.host_of(lab).up:
            raise UserError(f"its host {lab.host} does not answer just now, your work is safe there; try again later")
        if lab.state not in (LabState.READY, LabState.BOOTING):
            raise UserError(f"your lab is {lab.state} already; !lab says where it stands")

    def reboot_lab(self, ask: Ask, image: str | None = None) -> list[Effect]:
        _lease, lab = self._mine(ask, image)
        self._ready(lab)
        self.labs.change({"id": lab.id}, state=LabState.REBOOTING, state_at=ask.at, tries=0)
        return [Reply(f"your {lab.image} lab is turned off and on; its disk stays, "
                      f"about {self._boots(lab)} s", private=True)]

    def ask_reset(self, ask: Ask, image: str | None = None) -> str:
        _lease, lab = self._mine(ask, image)
        self._ready(lab)
        return f"all that you changed in your {lab.image} lab will be gone."

    def reset_lab(self, ask: Ask, image: str | None = None) -> list[Effect]:
        _lease, lab = self._mine(ask, image)
        self._ready(lab)
        self.labs.change({"id": lab.id}, state=LabState.RESETTING, state_at=ask.at, tries=0)
        return [Reply(f"your {lab.image} lab starts again as the image was, about "
                      f"{self._boots(lab)} s; the same ssh line works", private=True)]

    def extend_lab(self, ask: Ask, image: str | None = None) -> list[Effect]:
        lease, _lab = self._mine(ask, image)
        latest = lease.asked_at + self.config.cap
        until = min(ask.at + self.config.lease, latest)
        if until <= lease.expires_at + timedelta(minutes=1):
            more = (", and that is the cap" if lease.expires_at >= latest - timedelta(minutes=1)
                    else "; ask again when it is less")
            raise UserError(f"your {lease.image} lab has {span(lease.expires_at - ask.at)} left{more}")
        self.leases.change({"id": lease.id}, expires_at=until, warned_at=None)
        return [Reply(f"your {lease.image} lab is yours for {span(until - ask.at)} from now", private=True)]

    def ask_return(self, ask: Ask, image: str | None = None) -> str:
        lease = self._lease(ask, image)
        return f"your {lease.image} lab and all that is in it will be gone." if lease.lab_id else \
            f"you give up your place for a {lease.image} lab."

    def _lease(self, ask: Ask, image: str | None) -> Lease:
        waiting = [lease for lease in self.leases.open(person_id=ask.person.id)
                   if image in (None, lease.image) and lease.lab_id is None]
        return waiting[0] if len(waiting) == 1 else self._mine(ask, image)[0]

    def return_lab(self, ask: Ask, image: str | None = None) -> list[Effect]:
        lease = self._lease(ask, image)
        self.end(lease, "returned", ask.at)
        what = f"your {lease.image} lab is given back" if lease.lab_id else f"your place for a {lease.image} lab is free"
        return [Reply(what, private=True)]

    def claim_lab(self, ask: Ask, password: str) -> list[Effect]:
        """A lab is had back with its code by somebody who has no account and came back as a stranger."""
        lease = next((lease for lease in self.leases.open(digest=self.digest(password)) if lease.digest), None)
        if lease is None:
            raise UserError("no lab has that password; !lab says what you have")
        owner = self.people.get(lease.person_id)
        if owner.id != ask.person.id:
            if owner.account is not None or owner.in_view:
                raise Denied("that lab belongs to somebody who is here")
            held = self.leases.open(person_id=ask.person.id)
            if len(held) >= self.config.per_person or any(other.image == lease.image for other in held):
                raise UserError(f"you have a {held[0].image} lab already; !lab return gives it back, then claim again")
            self.leases.change({"id": lease.id}, person_id=ask.person.id)
        return [self.answer(self._fresh(lease.id), ask.at, before="yours again: your")]

    # -- time --------------------------------------------------------------------------------------

    def end(self, lease: Lease, why: str, now: datetime) -> None:
        self.leases.change({"id": lease.id}, ended_at=now, ended_why=why)
        for id in (lease.lab_id, lease.left_id):
            lab = self.labs.get(id) if id is not None else None
            if lab is not None and lab.state is not LabState.GONE:  # an old one may not have survived its host
                self.labs.change({"id": lab.id}, state=LabState.ENDING, state_at=now, tries=0)

    def tick(self, now: datetime) -> None:
        for lease in self.leases.open():
            if lease.lab_id is None:
                continue
            if lease.expires_at <= now:
                self.end(lease, "expired", now)
                self.notices.tell(now, f"your {lease.image} lab has ended, its time was over; "
                                       f"!lab {lease.image} gives you a new one", person_id=lease.person_id,
                                  not_after=now + timedelta(hours=12))
            elif lease.warned_at is None and lease.expires_at - self.config.warn <= now:
                self.leases.change({"id": lease.id}, warned_at=now)
                self.notices.tell(now, f"your {lease.image} lab ends in {span(lease.expires_at - now)}: "
                                       "!lab extend gives more time", person_id=lease.person_id,
                                  not_after=lease.expires_at)

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """A lab for somebody who waited: its line, with a password made at the moment it is said."""
        lease = self.leases.first(id=int(notice.subject))
        if lease is None or lease.ended_at is not None or lease.lab_id is None:
            return None
        return self.answer(lease, now, before="your turn, a")

    def commands(self) -> list[Command]:
        which = (Argument("IMAGE", "image", optional=True),)
        secret = (Argument("PASSWORD", "words", rest=True),)
        return [
            Command("lab", self.request_lab, "gives me a machine of my own of that image; asked again: its ssh line "
                    "again, with a new password", (Argument("IMAGE", "image", optional=True),
                                                   Argument("permissive", "mode", optional=True)),
                    aliases=("lab create",), example="lab debian", group="labs"),
            Command("lab list", self.list_labs, "my labs: image, mode, host, state, time left", group="labs"),
            Command("lab reboot", self.reboot_lab, "turns my lab off and on, keeps its disk", which, group="labs"),
            Command("lab reset", self.reset_lab, "my lab as the image was (asks first)", which,
                    confirm=self.ask_reset, group="labs"),
            Command("lab extend", self.extend_lab, "more time, up to the cap", which, group="labs"),
            Command("lab return", self.return_lab, "gives my lab back (asks first)", which,
                    aliases=("lab destroy",), confirm=self.ask_return, group="labs"),
            Command("lab claim", self.claim_lab, "my lab back after a reconnect, where there are no accounts", secret,
                    place=Place.PRIVATE, group="labs"),
            Command("hosts", self.list_hosts, "hosts: state, labs, memory, last trouble", role=Role.ORGANISER,
                    group="labs"),
        ]

    def list_hosts(self, ask: Ask) -> list[Effect]:
        present = self.labs.present()
        lines = []
        for name, view in self.fleet.hosts.items():
            used = sum(lab.host == name for lab in present)
            memory = f", {view.report.free_mib} of {view.report.memory_mib} MiB free" if view.report else ""
            lines.append(f"{name} {'up' if view.up else 'DOWN (' + view.trouble[:80] + ')'}, "
                         f"{used} of {view.config.labs} labs{memory}")
        return [Reply("; ".join(lines) or "there are no hosts in bot.ini", private=True)]


def _noted(*notes: str) -> str:
    """`` (one; two)``, of those that say something."""
    said = "; ".join(note for note in notes if note)
    return f" ({said})" if said else ""
