"""Removes a person from every table, in small steps: between two of them others can use the database.

What is still to be done is a row, with the names, until all is done: so it goes on after a kill -9.  The tables below say which columns hold a person's name or words; a test compares them with the database's tables.
Names of people are also searched for in every other text column, unless it is technical.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, delete, func, literal_column, or_, select, update

from trainbot.adapters.db.repositories import SettingRepository
from trainbot.adapters.db.rows import ranges
from trainbot.adapters.db.tables import tables
from trainbot.model.redaction import REMOVED, RedactionTarget, Traces, naming, without

#: (table, column with the person's id) -> columns with their name, columns with their words
OWN: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("attendance", "person_id"): (("nick",), ("stuck_words",)),
    ("class", "presenter_id"): (("presenter",), ()),
    ("done", "person_id"): ((), ()),
    ("entry", "person_id"): (("nick",), ("text",)),
    ("ignored", "person_id"): (("nick", "host"), ()),
    ("ignored", "by_id"): (("by_nick",), ()),
    ("lease", "person_id"): ((), ()),
    ("play", "person_id"): ((), ("said",)),
    ("poll", "person_id"): ((), ()),
    ("poll_line", "person_id"): ((), ("words",)),
    ("question", "person_id"): (("nick",), ("words",)),
    ("question_event", "person_id"): (("nick",), ("words",)),
    ("quiz_try", "person_id"): (("nick",), ()),
    ("visit", "owner_id"): ((), ()),
    ("visit", "guest_id"): ((), ()),
    ("visit_login", "owner_id"): ((), ()),
    ("visit_login", "guest_id"): (("address",), ()),
}
#: Tables whose rows are deleted together with their person.
GONE = ("answer_draft", "catch_up", "home", "kept_file", "login", "notice", "public_key", "signup")
#: Kinds of rows whose text is not the person's own words.
FACTS = {
    "entry": ("start", "step", "end", "lab", "home", "there", "joined", "left", "quit"),
    "question_event": ("merged",),
}
TECHNICAL_TABLES = (
    "person",
    "setting",
    "lab",
    "lease",
    "public_key",
    "session",
    "question_word",
    "catch_up",
    "kept_file",
)
TECHNICAL = (
    "key",
    "subject",
    "uid",
    "session_uid",
    "channel",
    "course",
    "exercise",
    "image",
    "lab_id",
    "zone",
    "kind",
    "minutes",
)
#: These come last: an answer is written from its events, and a notice may quote either.
LAST = ("question_event", "question", "notice")
PENDING = "redaction"  # the setting with what is still to be done
SEARCHED, CHANGED = 10_000, 100  # rows in one step
COUNTED = {
    "question": "questions",
    "question_event": "changes of questions",
    "entry": "lines of logs",
    "attendance": "classes taken part in",
}


class Redaction:
    """Used inside transactions of the caller: one for each step of a generator.  ``settle``: rewrites a question's answer
    from its events."""

    def __init__(self, connection: Connection, settle: Callable[[int], None], changed: set[str]) -> None:
        self.connection, self.settle, self.changed = connection, settle, changed
        self.settings = SettingRepository(connection)

    # -- who -----------------------------------------------------------------------------------------

    def traces(self, who: RedactionTarget) -> Generator[None, None, Traces]:
        ids = sorted((yield from self._people(who)))
        names = {who.name} if who.kind != "host" else set()
        for row in self.connection.execute(select(tables["person"]).where(tables["person"].c.id.in_(ids))).mappings():
            names |= {row["nick"], row["account"] or "", row["mask"] or "", (row["mask"] or "").partition("@")[2]}
        for (table, whose), (named, _words) in OWN.items():
            for column in named:
                found = tables[table].c
                names |= set(self.connection.execute(select(found[column]).where(found[whose].in_(ids))).scalars())
                yield
        names -= {"", REMOVED}
        counts: dict[str, int] = {}
        for table, what in COUNTED.items():
            theirs = self._theirs(table, "person_id", ids, names)
            query = select(func.count()).select_from(tables[table]).where(theirs)
            counts[what] = self.connection.execute(query).scalar_one()
            yield
        others = 0
        for one in tables.values():
            for within in self._pieces(one, SEARCHED) if names and _searched(one) else ():
                others += sum(1 for _ in self._named(one, names, within))
                yield
        return Traces(tuple(ids), tuple(sorted(names, key=str.lower)), counts, others)

    def _people(self, who: RedactionTarget) -> Generator[None, None, set[int]]:
        person = tables["person"].c
        if who.kind == "host":
            there = self.connection.execute(select(person.id, person.mask).where(person.mask.is_not(None)))
            return {id for id, mask in there if mask.partition("@")[2].lower() == who.name}
        found: set[int] = set()
        if who.kind != "nick":
            found |= set(self.connection.execute(select(person.id).where(person.account == who.name)).scalars())
        if who.kind != "account":
            for table, whose, column in [
                ("person", "id", "nick"),
                *((t, w, n) for (t, w), (named, _) in OWN.items() for n in named),
            ]:
                columns = tables[table].c
                same = select(columns[whose]).where(
                    func.lower(columns[column]) == who.name, columns[whose].is_not(None)
                )
                found |= set(self.connection.execute(same).scalars())
                yield
        return found

    def _theirs(self, table: str, whose: str, ids: Sequence[int], names: set[str]) -> Any:
        """The rows that belong to them; in the log also rows that belong to nobody but carry their nick."""
        columns = tables[table].c
        if table != "entry":
            return columns[whose].in_(ids)
        lower = [name.lower() for name in names]
        return or_(columns[whose].in_(ids), columns[whose].is_(None) & func.lower(columns.nick).in_(lower))

    def _pieces(self, table: Table, most: int) -> Iterator[Any]:
        """Conditions for so many rows each, of which all rows that are there when the last one is made meet one."""
        row: ColumnElement[int] = literal_column(f'"{table.name}".rowid')
        for before, last in ranges(self.connection, table.name, most):
            yield (row > before) & (row <= last)

    def _named(self, table: Table, names: set[str], within: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
        """(column, key of the row, text) of every text there that names them, whoever the row belongs to."""
        pattern, keys = naming(names), list(table.primary_key.columns)
        for column in _searched(table):
            near = or_(*(column.icontains(name, autoescape=True) for name in names))
            for *key, text in self.connection.execute(select(*keys, column).where(within, near)).all():
                if pattern.search(text):
                    yield column.name, dict(zip((k.name for k in keys), key, strict=True)), text

    # -- taking out ------------------------------------------------------------------------------------

    def quoted(self, found: Traces) -> Generator[None, None, list[str]]:
        """The beginnings of their questions and answers, which notices to other people quote."""
        event, beginnings = tables["question_event"], set[str]()
        for within in self._pieces(event, SEARCHED):
            said = self.connection.execute(select(event.c.words).where(event.c.person_id.in_(found.ids), within))
            beginnings |= {words[:60] for words in said.scalars() if len(words) > 7}
            yield
        return sorted(beginnings)

    def begin(self, found: Traces, quoted: list[str]) -> None:
        """They are nobody from now on, and ``rest`` takes out what they have said."""
        self.changed.update(tables)  # each may have rows of theirs
        todo = {"ids": found.ids, "names": found.names, "quoted": quoted, "words": found.words}
        self.settings.set(PENDING, json.dumps(todo))
        self._delete(found.ids)
        lease, person = tables["lease"], tables["person"]
        self.connection.execute(update(lease).where(lease.c.person_id.in_(found.ids)).values(offered="", digest=""))
        nobody = dict(account=None, mask=None, nick=REMOVED, zone="", in_view=False, nolog=False)
        self.connection.execute(update(person).where(person.c.id.in_(found.ids)).values(nobody))

    @property
    def pending(self) -> str | None:
        """What is being removed, in words; None if nothing is."""
        found = self.settings.get(PENDING)
        return None if found is None else json.loads(found)["words"]

    def rest(self) -> Generator[None, None, None]:
        """Takes out what is pending.  The minutes of each class that it changes are marked to be written again."""
        todo = json.loads(self.settings.get(PENDING) or "")
        for table in sorted(tables.values(), key=lambda table: LAST.index(table.name) if table.name in LAST else -1):
            own = [(whose, *what) for (name, whose), what in OWN.items() if name == table.name]
            for within in self._pieces(table, CHANGED) if own or _searched(table) else ():
                self.changed.update(tables)
                self._remove(table, own, within, todo)
                yield

    def _delete(self, ids: Sequence[int]) -> None:
        for table in GONE:
            self.connection.execute(delete(tables[table]).where(tables[table].c.person_id.in_(ids)))

    def done(self) -> None:
        """All is taken out.  What was written to them meanwhile goes as well."""
        self._delete(json.loads(self.settings.get(PENDING) or "")["ids"])
        setting = tables["setting"]
        self.connection.execute(delete(setting).where(setting.c.name == PENDING))

    def _remove(self, table: Table, own: Sequence[Any], within: Any, todo: dict[str, Any]) -> None:
        """Takes them out of some rows of one table."""
        ids, names, rows = todo["ids"], set(todo["names"]), set[int]()
        about = _about(table)
        for whose, named, words in own:
            theirs = self._theirs(table.name, whose, ids, names) & within
            if about is not None:
                rows |= set(self.connection.execute(select(about).where(theirs).distinct()).scalars())
            self._blank(table, theirs, named, words)
        for column, key, text in list(self._named(table, names, within)) if names else []:
            same = [table.c[name] == value for name, value in key.items()]
            if about is not None:
                rows |= set(self.connection.execute(select(about).where(*same)).scalars())
            self.connection.execute(update(table).where(*same).values({column: without(text, naming(names))}))
        if table.name == "notice":
            self._quoted_notices(todo["quoted"], within)
        self._again(table, sorted(row for row in rows if row is not None))

    def _again(self, table: Table, rows: Sequence[int]) -> None:
        """What is written from the changed rows is written again: answers of these questions, minutes of these
        classes."""
        run, question = tables["class"], tables["question"].c
        for start in range(0, len(rows), 500):
            classes: Any = rows[start : start + 500]
            if table.name == "question_event":
                for id in classes:
                    self.settle(id)
                classes = select(question.class_id).where(question.id.in_(classes))
            again = update(run).where(run.c.id.in_(classes), run.c.minutes != "").values(minutes_at=None)
            self.connection.execute(again)

    def _blank(self, table: Table, theirs: Any, named: Sequence[str], words: Sequence[str]) -> None:
        columns = table.c
        if words:
            said = theirs & (columns[words[0]] != "")
            if table.name in FACTS:
                said &= columns.kind.not_in(FACTS[table.name])
            self.connection.execute(update(table).where(said).values(dict.fromkeys(words, REMOVED)))
        if named:
            self.connection.execute(update(table).where(theirs).values(dict.fromkeys(named, REMOVED)))

    def _quoted_notices(self, beginnings: Sequence[str], within: Any) -> None:
        notice = tables["notice"]
        query = select(notice.c.id, notice.c.text).where(within)
        for id, text in self.connection.execute(query).all() if beginnings else []:
            if any(words in text for words in beginnings):
                self.connection.execute(
                    notice.update()
                    .where(notice.c.id == id)
                    .values(text=REMOVED, said_at=func.coalesce(notice.c.said_at, notice.c.due_at))
                )


def _searched(table: Table) -> list[Any]:
    """The columns in which somebody may be named by others."""
    own = {n for (t, _w), (named, _) in OWN.items() if t == table.name for n in named}
    if table.name in TECHNICAL_TABLES:
        return []
    return [c for c in table.c if isinstance(c.type, Text) and c.name not in TECHNICAL and c.name not in own]


def _about(table: Table) -> Any:
    """The column with the question or class that a row of this table is about; None if there is none."""
    if table.name in ("class", "question_event"):
        return table.c.id if table.name == "class" else table.c.question_id
    return table.c.get("class_id")
