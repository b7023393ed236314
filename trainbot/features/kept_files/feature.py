"""``!lab keep``: keeps an archive of somebody's own files, to be put into a lab later.  Off unless bot.ini says how many.

What to do next follows from the rows: one that is being kept or restored is given to the worker, and again after a restart.
Files without a row are deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import AccountNeeded, UserError
from trainbot.core.hooks import Feature, Hook, On, OnChange, OnTick, PersonRenamed, Turn
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.wording import in_lines, size_in_words, span
from trainbot.features.kept_files.restore_words import read_words
from trainbot.model.config import Config
from trainbot.model.kept_files import (
    FOLDER,
    DeleteKept,
    FilesKept,
    FilesRestored,
    KeepFiles,
    KeptFile,
    KeptState,
    RestoreFiles,
)
from trainbot.model.lab import Lab
from trainbot.model.ports import Ports

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

AT_ONCE = 4  # archives that are taken or put back at the same time
TRIES, AGAIN = 8, timedelta(seconds=15)  # if the lab or the gateway cannot be reached: labs may be slow for minutes
PATIENCE = timedelta(minutes=20)  # with a lab that restarts
NEWS = timedelta(hours=12)
ROOM = 380  # bytes of a list in one line
MIB = 1 << 20


class KeptFiles(Feature):
    def __init__(self, store: Store, config: Config, ports: Ports) -> None:
        self.rows, self.leases, self.labs, self.notices = store.kept_files, store.leases, store.labs, store.notices
        self.config, self.folder = config.labs, config.store.state / FOLDER
        self.stock, self.access = ports.stock, ports.access
        self._busy: set[int] = set()
        self._delete = True  # what is left of a time before this process

    # -- commands --------------------------------------------------------------------------------------

    def ask_keep(self, ask: Request, image: str | None = None) -> Reply | None:
        self._lab_to_keep(ask, image)
        mine = self._mine(ask.person.id)
        if len(mine) < self.config.kept:
            return None
        limit = f"you have {len(mine)} kept {'archive' if len(mine) == 1 else 'archives'}, the most here"
        return Reply(
            f"{limit}: the oldest, {_in_words(mine[0], ask.at)}, will be deleted once this one is kept.", private=True
        )

    def keep(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._lab_to_keep(ask, image)
        self.rows.add(
            person_id=ask.person.id,
            image=lab.image,
            state=KeptState.KEEPING,
            lab_id=lab.id,
            digest="",
            made_at=ask.at,
            expires_at=ask.at + self.config.kept_for,
            due_at=ask.at,
        )
        note = (
            " (without an account I only know you while you stay in the channel)" if ask.sender.account is None else ""
        )
        text = f"keeping {self._home(lab)} of your {lab.image} lab, {self.config.kept_size} MiB packed at most; I'll tell you when it's done"
        return [Reply(text + note, private=True)]

    def _lab_to_keep(self, ask: Request, image: str | None) -> Lab:
        """The lab whose files are to be kept; UserError if that is not possible."""
        if not self.config.kept:
            raise UserError(
                "keeping files is off here; scp copies them to your own machine, and !lab tells how long your lab lasts"
            )
        if self.access.accounts_only and ask.sender.account is None:
            raise AccountNeeded("to keep files")
        lab = self._lab(ask, image)
        rows = self.rows.all()
        if any(row.lab_id == lab.id and row.state is not KeptState.KEPT for row in rows):
            raise UserError(f"your {lab.image} lab is busy with kept files already; I'll tell you when that is done")
        coming = self.config.kept_size * MIB * (1 + sum(row.state is KeptState.KEEPING for row in rows))
        if self.rows.total() + coming > self.config.kept_total * MIB:
            raise UserError(
                "there is no room for more kept files here, an organiser can make some ([labs] kept_total); scp copies "
                "yours to your own machine"
            )
        return lab

    def _lab(self, ask: Request, image: str | None) -> Lab:
        """The caller's only lab, or the one of that image, if it can be entered now."""
        leases = [lease for lease in self.leases.open(person_id=ask.person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"you have no {f'{image} ' if image else ''}lab; !lab {image or 'IMAGE'} gives you one")
        if len(leases) > 1:
            raise UserError("which one? name the image: " + " or ".join(lease.image for lease in leases))
        lab = self.labs.get(leases[0].lab_id) if leases[0].lab_id else None
        if lab is None or self.stock.way_in(lab) is None:
            raise UserError(f"your {leases[0].image} lab is not ready; !lab shows its state")
        return lab

    def _home(self, lab: Lab) -> str:
        way = self.stock.way_in(lab)
        return "/root" if way is None or way.user == "root" else f"/home/{way.user}"

    def _mine(self, person_id: int) -> list[KeptFile]:
        """Their archives, oldest first."""
        return self.rows.all(person_id=person_id)

    def list_kept(self, ask: Request) -> list[Effect]:
        mine = self._mine(ask.person.id)
        if not mine:
            how = "; !lab keep keeps those of your lab" if self.config.kept else ", and keeping files is off here"
            return [Reply(f"you have no kept files{how}", private=True)]
        shown = [f"{row.id}: {_in_words(row, ask.at)}{self._how(row, ask.at)}" for row in mine]
        shown[-1] += f"; !lab restore {mine[-1].id} puts it into your lab, !lab kept delete {mine[-1].id} deletes it"
        return [
            Reply(line, private=True, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate(in_lines(shown, ROOM, "; "))
        ]

    def _how(self, row: KeptFile, now: datetime) -> str:
        if row.state is not KeptState.KEPT:
            return f", is being {'kept' if row.state is KeptState.KEEPING else 'restored'}"
        if not self._is_there(row):
            return ", but not on this machine (it was kept on another, or was lost)"
        return f", for {span(row.expires_at - now)} more"

    def _is_there(self, row: KeptFile) -> bool:
        return (self.folder / row.name).is_file()

    def delete(self, ask: Request, number: int) -> list[Effect]:
        row = self._one(ask, number)
        if row.state is KeptState.RESTORING:
            raise UserError(f"archive {row.id} is being restored; try again when that is done")
        self.rows.remove(id=row.id)
        return [Reply(f"archive {row.id} is deleted", private=True)]

    def _one(self, ask: Request, number: int) -> KeptFile:
        row = self.rows.first(id=number, person_id=ask.person.id)
        if row is None:
            raise UserError(f"you have no kept archive {number}; !lab kept lists yours")
        return row

    def ask_restore(self, ask: Request, words: str = "") -> Reply:
        row, lab = self._to_restore(ask, words)
        return Reply(
            f"this puts archive {row.id} ({_in_words(row, ask.at)}) into {self._home(lab)} of your {lab.image} lab; files "
            "there with the same names are replaced.",
            private=True,
        )

    def restore(self, ask: Request, words: str = "") -> list[Effect]:
        row, lab = self._to_restore(ask, words)
        self.rows.change({"id": row.id}, state=KeptState.RESTORING, lab_id=lab.id, due_at=ask.at, tries=0)
        return [
            Reply(f"restoring archive {row.id} in your {lab.image} lab; I'll tell you when it's done", private=True)
        ]

    def _to_restore(self, ask: Request, words: str) -> tuple[KeptFile, Lab]:
        number, image = read_words(words)
        lab = self._lab(ask, image)
        if number is None:
            found = [row for row in self._mine(ask.person.id) if row.image == lab.image and row.state is KeptState.KEPT]
            if not found:
                raise UserError(f"you have no kept files of a {lab.image} lab; !lab kept lists what you have")
            row = found[-1]
        else:
            row = self._one(ask, number)
        if row.state is not KeptState.KEPT:
            raise UserError(f"archive {row.id}{self._how(row, ask.at)}; I'll tell you when that is done")
        if not self._is_there(row):
            raise UserError(f"archive {row.id} is not on this machine: it was kept on another, or was lost")
        if any(other.lab_id == lab.id and other.state is not KeptState.KEPT for other in self.rows.all()):
            raise UserError(f"your {lab.image} lab is busy with kept files already; I'll tell you when that is done")
        return row, lab

    def commands(self) -> list[Command]:
        which = (Argument("IMAGE", "image", optional=True),)
        return [
            Command(
                "lab keep",
                self.keep,
                "keep your own files (/root) when your lab ends: as an archive, for some weeks",
                which,
                confirm=self.ask_keep,
                group="labs",
            ),
            Command("lab kept", self.list_kept, "list your kept archives", group="labs"),
            Command(
                "lab kept delete",
                self.delete,
                "delete archive N of yours",
                (Argument("N", "number"),),
                example="lab kept delete 3",
                group="labs",
            ),
            Command(
                "lab restore",
                self.restore,
                "put your latest archive of that image, or archive N, into your lab (asks first)",
                (Argument("N or IMAGE", "words", optional=True, rest=True),),
                confirm=self.ask_restore,
                example="lab restore 3",
                group="labs",
            ),
        ]

    # -- the work ----------------------------------------------------------------------------------------

    def hooks(self) -> Sequence[Hook]:
        return (
            On(FilesKept, self._kept),
            On(FilesRestored, self._restored),
            On(PersonRenamed, self._person_renamed),
            OnTick(self._expire),
            OnChange(frozenset({"kept_file", "lab"}), self._work, (FilesKept, FilesRestored)),
        )

    def _expire(self, now: datetime) -> None:
        for row in self.rows.all(state=KeptState.KEPT):
            if row.expires_at <= now:
                self.rows.remove(id=row.id)

    def _work(self, turn: Turn) -> Iterator[KeepFiles | RestoreFiles | DeleteKept]:
        alive = None
        for row in self.rows.under_way():
            if row.id in self._busy or row.due_at > turn.now or len(self._busy) >= AT_ONCE:
                continue
            alive = self.stock.alive() if alive is None else alive
            lab = alive.get(row.lab_id)
            way = self.stock.way_in(lab) if lab is not None else None
            if lab is None or (way is None and turn.now - row.due_at > PATIENCE):
                self._failed(row, "the lab ended, or can't be reached", turn.now)
            elif way is not None:
                self._busy.add(row.id)
                if row.state is KeptState.KEEPING:
                    yield KeepFiles(row.id, lab.host, way, self.config.kept_size * MIB)
                else:
                    yield RestoreFiles(row.id, lab.host, way, row.name, row.digest)
        if self._delete or "kept_file" in turn.changed:
            self._delete = False
            yield DeleteKept(frozenset(self.rows.ids()))

    def _kept(self, event: FilesKept, now: datetime) -> None:
        self._busy.discard(event.kept)
        row = self.rows.first(id=event.kept)
        if row is None or row.state is not KeptState.KEEPING:
            self._delete = True  # its person is gone, and so is it
            return
        if event.error:
            self._again(row, event.error, now, possible=event.again)
            return
        until = now + self.config.kept_for
        self.rows.change(
            {"id": row.id}, state=KeptState.KEPT, size=event.size, digest=event.digest, made_at=now, expires_at=until
        )
        for old in [kept for kept in self._mine(row.person_id) if kept.state is KeptState.KEPT][
            : -self.config.kept or None
        ]:
            self.rows.remove(id=old.id)
        note = f" ({event.note})" if event.note else ""
        self._tell(
            row,
            f"archive {row.id} is kept: your files of the {row.image} lab, {size_in_words(event.size)}{note}, for "
            f"{span(self.config.kept_for)}. !lab restore puts them into a lab",
            now,
        )

    def _restored(self, event: FilesRestored, now: datetime) -> None:
        self._busy.discard(event.kept)
        row = self.rows.first(id=event.kept)
        if row is None or row.state is not KeptState.RESTORING:
            return
        if event.error:
            self._again(row, event.error, now, possible=event.again)
            return
        self.rows.change({"id": row.id}, state=KeptState.KEPT)
        self._tell(row, f"archive {row.id} is restored: your files are in your lab", now)

    def _again(self, row: KeptFile, error: str, now: datetime, *, possible: bool) -> None:
        if possible and row.tries + 1 < TRIES:
            self.rows.change({"id": row.id}, tries=row.tries + 1, due_at=now + AGAIN * (row.tries + 1))
        else:
            self._failed(row, error, now)

    def _failed(self, row: KeptFile, why: str, now: datetime) -> None:
        if row.state is KeptState.KEEPING:
            self.rows.remove(id=row.id)
            self._tell(row, f"your files of the {row.image} lab were not kept: {why}", now)
        else:
            self.rows.change({"id": row.id}, state=KeptState.KEPT)
            self._tell(row, f"archive {row.id} was not restored, or only in part: {why}. It is still kept", now)

    def _tell(self, row: KeptFile, text: str, now: datetime) -> None:
        self.notices.tell(now, text, person_id=row.person_id, not_after=now + NEWS)

    def _person_renamed(self, event: PersonRenamed, _now: datetime) -> None:
        if event.logged_in is not None:
            old, new = event.logged_in
            self.rows.change({"person_id": old}, person_id=new)

    def undone(self, items: Sequence[object]) -> None:
        for item in items:
            if isinstance(item, KeepFiles | RestoreFiles | FilesKept | FilesRestored):
                self._busy.discard(item.kept)
            elif isinstance(item, DeleteKept):
                self._delete = True


def _in_words(row: KeptFile, now: datetime) -> str:
    """``debian, 1.2 MiB, kept 3 d ago``."""
    if row.state is KeptState.KEEPING:
        return row.image
    return f"{row.image}, {size_in_words(row.size)}, kept {span(now - row.made_at)} ago"
