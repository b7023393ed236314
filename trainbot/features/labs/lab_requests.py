"""Requests for labs: the answer is the ssh command or a position in the queue.  Also lists and claims labs."""

from __future__ import annotations

from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import AccountNeeded, Denied, UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.wording import span
from trainbot.features.labs.boot_times import left
from trainbot.features.labs.lab_wording import a, lab_line, noted
from trainbot.features.labs.queue_position import LabQueue
from trainbot.features.labs.scheduler import Scheduler
from trainbot.features.labs.self_hosted import at_home, unused
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.lab_image import BUILT, WELL_KNOWN
from trainbot.model.notice import WITH_PASSWORDS
from trainbot.model.ports import ClassContext, Ports
from trainbot.model.shell_commands import ssh_command

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.notice import Notice

OWN_VERBS = (
    "list",
    "console",
    "home",
    "reboot",
    "reset",
    "snapshot",
    "rollback",
    "extend",
    "return",
    "destroy",
    "claim",
    "keep",
    "kept",
    "restore",
)
#: What may follow !lab besides an image.
UNCLAIMED_BY_NICK, UNCLAIMED_BY_HOST = 2, 4  # labs kept for people without an account who have left
EARLIER = "any earlier password no longer works"
VERBS = (*OWN_VERBS, "for", "revoke", "capacity")


class LabRequests:
    def __init__(
        self, scheduler: Scheduler, store: Store, queue: LabQueue, ports: Ports, classes: ClassContext
    ) -> None:
        self.scheduler, self.config, self.queue, self.access, self.classes = (
            scheduler,
            scheduler.config,
            queue,
            ports.access,
            classes,
        )
        self.deliveries = ports.deliveries
        self.labs, self.leases, self.homes = store.labs, store.leases, store.homes
        self.people, self.notices, self.kept_files = store.people, store.notices, store.kept_files

    # -- argument kinds --------------------------------------------------------------------------

    def image_kind(self, text: str, ask: Request) -> str:
        name = text.lower()
        if name in self.scheduler.images:
            return name
        if name in self.scheduler.unready:
            raise UserError(self.scheduler.unready[name])
        there = ", ".join(sorted(self.scheduler.images)) or "none yet"
        if name in WELL_KNOWN:
            built = f"a section [image.{name}] in bot.ini, then trainbot image build {name}"
            imported = f"trainbot image import {name}, then a section [image.{name}] in bot.ini"
            raise UserError(
                f"no {name} image here yet (available: {there}). An organiser can add it: "
                f"{built if name in BUILT else imported}, see docs/images.md"
            )
        near = get_close_matches(name, VERBS if ask.role is Role.ORGANISER else OWN_VERBS, 1, 0.6)
        meant = f"; did you mean !lab {near[0]}?" if near else ""
        raise UserError(f'no image called "{text[:30]}" (available: {there}){meant}')

    def mode_kind(self, text: str, _ask: Request) -> Mode:
        try:
            return Mode(text.lower())
        except ValueError:
            raise UserError(f'unknown mode "{text[:30]}": the only option after the image is "permissive"') from None

    # -- commands ----------------------------------------------------------------------------------

    def request_lab(self, ask: Request, image: str | None = None, mode: Mode = Mode.ENFORCING) -> list[Effect]:
        if image is None:
            return self.list_labs(ask)
        held = self.leases.open(person_id=ask.person.id)
        same = next((lease for lease in held if lease.image == image), None)
        away = self.homes.first(person_id=ask.person.id, image=image) is not None
        back = "you no longer take part from home" if away else ""
        if same is not None:
            self.homes.remove(person_id=ask.person.id, image=image)
            if same.mode is not mode:
                text = f"already have {a(image)} lab in {same.mode} mode. !lab return gives it back; then ask again"
                return [
                    Reply(f"you no longer take part from home, and you {text}" if away else f"you {text}", refused=True)
                ]
            if self._is_on_its_way(same):
                return []
            self._told(same, ask.at)
            return [self.answer(same, ask.at, lead=back)]
        if self.access.accounts_only and ask.sender.account is None:
            raise AccountNeeded("to get a lab")
        if not self.scheduler.hosts:
            raise UserError("there are no lab hosts here yet: an organiser has to add a [host.NAME] section to bot.ini")
        if len(held) >= self.config.per_person:
            raise UserError(
                f"you already have {a(held[0].image)} lab, and the limit is {self.config.per_person}. "
                f"!lab return gives it back"
            )
        self._refuse_reconnected(ask)
        lease = self.lend(ask.person.id, image, mode, ask.at)
        self.classes.handed_out(ask, f"{image} {mode}")
        return [self.answer(lease, ask.at, lead=back)]

    def _refuse_reconnected(self, ask: Request) -> None:
        """Without an account a reconnect is a new person, and nobody has claimed the labs of before.  They are limited for
        each nick and host, so that nobody takes all labs by reconnecting."""
        if ask.sender.account is not None:
            return
        gone = [person for person in self.people.with_leases() if person.account is None and not person.in_view]
        nick, host = ask.nick.lower(), ask.sender.host.lower()
        same_nick = sum(person.nick.lower() == nick for person in gone)
        same_host = sum((person.mask or "").rpartition("@")[2].lower() == host for person in gone)
        if same_nick >= UNCLAIMED_BY_NICK or same_host >= UNCLAIMED_BY_HOST:
            raise UserError(
                f"{max(same_nick, same_host)} labs are kept for people who left with your nick or from your host: if one is "
                "yours, send me !lab claim PASSWORD in a private message; otherwise ask an organiser"
            )

    def lend(self, person: int, image: str, mode: Mode, now: datetime) -> Lease:
        """Returns a new lease, with a lab if one is available at once; it replaces a machine of the person's own."""
        self.homes.remove(person_id=person, image=image)
        id = self.leases.add(
            person_id=person,
            image=image,
            mode=mode,
            lab_id=None,
            left_id=None,
            digest="",
            asked_at=now,
            expires_at=now + self.config.lease,
            warned_at=None,
            ended_at=None,
            ended_why="",
        )
        self.scheduler.give(self._fresh(id), now)
        return self._fresh(id)

    def _told(self, lease: Lease, now: datetime) -> None:
        """Marks the notices about the lease as sent: its person has just asked about it."""
        for kind in WITH_PASSWORDS:
            self.notices.change({"kind": kind, "subject": str(lease.id), "said_at": None}, said_at=now)

    def _is_on_its_way(self, lease: Lease) -> bool:
        """Whether the lines with the lease's password are being sent.  Another password would make that one wrong before
        it is read."""
        return any(
            notice.id in self.deliveries.under_way and notice.kind in WITH_PASSWORDS
            for notice in self.notices.all(subject=str(lease.id), said_at=None)
        )

    def _fresh(self, id: int) -> Lease:
        lease = self.leases.first(id=id)
        assert lease is not None, f"no lease {id}"
        return lease

    def answer(self, lease: Lease, now: datetime, lead: str = "") -> Reply:
        """The ssh command (with a new password, unless the person has a key), or the position in the queue.  ``lead``: why
        it is said now; then what has become of an earlier password; hints shown only the first time come last."""
        if lease.lab_id is None:
            return Reply(self.queue.position(lease, now), private=True)
        lab = self.labs.get(lease.lab_id)
        assert lab is not None
        text = f"your {lease.image} lab:"
        notes = [lead, "" if lease.mode is Mode.ENFORCING else "permissive", self._when(lab, now)]
        command = ssh_command(self.access.port, self.access.public_address, lease.image)
        if self.people.keys.count(person_id=lease.person_id, proven=True):
            return Reply(f"{text} log in with your key{noted(*notes)}", private=True, command=command)
        password = self.access.new_password()
        self.leases.change({"id": lease.id}, digest=self.access.digest(password))
        if lease.digest:
            self.deliveries.earlier.setdefault(lease.id, lease.digest)
        notes += [EARLIER] if lease.digest else self._first_time(lease)
        return Reply(
            f"{text} password {password}{noted(*notes)}",
            private=True,
            secret=True,
            lease=lease.id,
            command=command,
        )

    def _first_time(self, lease: Lease) -> list[str]:
        fingerprint = self.access.fingerprint()
        hints = [f"the server's key fingerprint is {fingerprint}"] if fingerprint else []
        if self.people.get(lease.person_id).account is None:
            hints.append(
                "keep the password: after a reconnect, send me !lab claim PASSWORD in a private message to get the lab back"
            )
        return hints

    def _when(self, lab: Lab, now: datetime) -> str:
        """What the person has to wait for; '' if the lab is ready, or if its host has not been reached since we
        started."""
        host = self.scheduler.host_of(lab)
        if not host.up:
            return "" if host.unheard else f"its host {lab.machine} does not answer right now; your work on it is safe"
        if lab.state is LabState.READY:
            return ""
        usual, elapsed = self.scheduler.boot_seconds(lab.image), (now - lab.state_at).total_seconds()
        slower = ", slower than usual:" if elapsed > 2 * usual else ","
        return f"it is booting{slower} about {span(timedelta(seconds=left(usual, elapsed)))} left; ssh waits for it"

    def list_labs(self, ask: Request) -> list[Effect]:
        leases = self.leases.open(person_id=ask.person.id)
        home = self.homes.first(person_id=ask.person.id)
        if not leases and home is not None:
            return [Reply(at_home(home), private=True)]
        if not leases:
            there = " or ".join(f"!lab {name}" for name in sorted(self.scheduler.images))
            return [
                Reply(
                    f"you have no lab; {there} gives you one" if there else "there are no labs here yet", private=True
                )
            ]
        hold, lines = self.queue.expiry.hold(ask.at), []
        for lease in leases:
            lab = self.labs.get(lease.lab_id) if lease.lab_id else None
            if lab is None:
                self._told(lease, ask.at)
                lines.append(self.queue.position(lease, ask.at))
            else:
                lines.append(lab_line(lease, lab, self.scheduler.host_of(lab).up, hold.left(lease), ask.at))
        if home is not None:
            lines.append(unused(home) if home.image in {lease.image for lease in leases} else at_home(home))
        return [Reply("; ".join(lines), private=True)]

    def claim_lab(self, ask: Request, password: str) -> list[Effect]:
        """Gives a lab back to somebody without an account who reconnected and knows its password."""
        lease = next((lease for lease in self.leases.open(digest=self.access.digest(password)) if lease.digest), None)
        if lease is None:
            raise UserError("no lab has that password; !lab lists your labs")
        owner = self.people.get(lease.person_id)
        if owner.id != ask.person.id:
            if owner.account is not None or owner.in_view:
                raise Denied("that lab belongs to somebody who is online")
            held = self.leases.open(person_id=ask.person.id)
            if len(held) >= self.config.per_person or any(other.image == lease.image for other in held):
                raise UserError(f"you already have {a(held[0].image)} lab. !lab return gives it back; then claim again")
            self.leases.change({"id": lease.id}, person_id=ask.person.id)
            self.people.keys.change({"person_id": owner.id}, person_id=ask.person.id)
            self.homes.remove(person_id=ask.person.id, image=lease.image)
            self.kept_files.change({"person_id": owner.id}, person_id=ask.person.id)
            self.classes.same_person(owner.id, ask.person.id)
        return [self.answer(self._fresh(lease.id), ask.at, lead="it is yours again")]

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """Writes the notice about a lease when it is sent: the ssh command with a new password, or the position in the
        queue.  ``notice.text``: who asked for the lab, if that was somebody else."""
        lease = self.leases.first(id=int(notice.subject))
        if lease is None or lease.ended_at is not None:
            return None
        if lease.lab_id is not None:
            return self.answer(lease, now, lead=notice.text or "it is your turn")
        before = notice.text or "it was your turn while you were away, so the next in line got the lab"
        return Reply(f"{before}; {self.queue.position(lease, now)}")

    def late(self, notice: Notice, now: datetime) -> Reply | None:
        """The answer to !lab again, which could not be sent when it was given."""
        lease = self.leases.first(id=int(notice.subject))
        if lease is None or lease.ended_at is not None:
            return None
        return self.answer(lease, now, lead="sorry for the delay")

    def commands(self) -> list[Command]:
        secret = (Argument("PASSWORD", "words", rest=True),)
        return [
            Command(
                "lab",
                self.request_lab,
                "get a machine of your own with that image; again: show its ssh command, with a new password instead of the old one",
                (Argument("IMAGE", "image", optional=True), Argument("permissive", "mode", optional=True)),
                aliases=("lab create",),
                example="lab debian",
                group="labs",
            ),
            Command("lab list", self.list_labs, "list your labs: image, mode, host, state, time left", group="labs"),
            Command(
                "lab claim",
                self.claim_lab,
                "get your lab back after a reconnect, if you have no account",
                secret,
                scope=Scope.PRIVATE,
                group="labs",
            ),
        ]
