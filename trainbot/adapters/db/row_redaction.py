"""Removes a person from every table.

The tables below say which columns hold a person's name or words; a test compares them with the database's tables.
Names of people are also searched for in every other text column, unless it is technical.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Text, func, or_, select, update

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
}
#: Tables whose rows are deleted together with their person.
GONE = ("home", "login", "notice", "public_key", "signup")
#: Kinds of rows whose text is not the person's own words.
FACTS = {
    "entry": ("start", "step", "end", "lab", "home", "there", "joined", "left", "quit"),
    "question_event": ("merged",),
}
TECHNICAL_TABLES = ("person", "setting", "lab", "lease", "public_key", "session", "question_word")
TECHNICAL = (
    "key",
    "subject",
    "uid",
    "session_uid",
    "channel",
    "exercise",
    "image",
    "lab_id",
    "zone",
    "kind",
    "minutes",
)
COUNTED = {
    "question": "questions",
    "question_event": "changes of questions",
    "entry": "lines of logs",
    "attendance": "classes taken part in",
}


class Redaction:
    """Used inside a transaction of the caller.  ``settle``: rewrites a question's answer from its events."""

    def __init__(self, connection: Connection, settle: Callable[[int], None], changed: set[str]) -> None:
        self.connection, self.settle, self.changed = connection, settle, changed

    # -- who -----------------------------------------------------------------------------------------

    def traces(self, who: RedactionTarget) -> Traces:
        ids = sorted(self._people(who))
        names = {who.name} if who.kind != "host" else set()
        for row in self.connection.execute(select(tables["person"]).where(tables["person"].c.id.in_(ids))).mappings():
            names |= {row["nick"], row["account"] or "", row["mask"] or "", (row["mask"] or "").partition("@")[2]}
        for (table, whose), (named, _words) in OWN.items():
            for column in named:
                found = tables[table].c
                names |= set(self.connection.execute(select(found[column]).where(found[whose].in_(ids))).scalars())
        names -= {"", REMOVED}
        counts = {what: self._count(table, ids, names) for table, what in COUNTED.items()}
        return Traces(
            tuple(ids), tuple(sorted(names, key=str.lower)), counts, sum(1 for _ in self._named(names)) if names else 0
        )

    def _people(self, who: RedactionTarget) -> set[int]:
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
        return found

    def _count(self, table: str, ids: Sequence[int], names: set[str]) -> int:
        return self.connection.execute(
            select(func.count()).select_from(tables[table]).where(self._theirs(table, "person_id", ids, names))
        ).scalar_one()

    def _theirs(self, table: str, whose: str, ids: Sequence[int], names: set[str]) -> Any:
        """The rows that belong to them; in the log also rows that belong to nobody but carry their nick."""
        columns = tables[table].c
        if table != "entry":
            return columns[whose].in_(ids)
        lower = [name.lower() for name in names]
        return or_(columns[whose].in_(ids), columns[whose].is_(None) & func.lower(columns.nick).in_(lower))

    def _named(self, names: set[str]) -> Iterator[tuple[str, str, dict[str, Any], str]]:
        """(table, column, key of the row, text) of every text that names them, whoever the row belongs to."""
        pattern = naming(names)
        for table in tables.values():
            columns = [c for c in table.c if isinstance(c.type, Text) and c.name not in TECHNICAL]
            own = {n for (t, _w), (named, _) in OWN.items() if t == table.name for n in named}
            for column in [] if table.name in TECHNICAL_TABLES else columns:
                if column.name in own:
                    continue
                keys = list(table.primary_key.columns)
                near = or_(*(column.icontains(name, autoescape=True) for name in names))
                for *key, text in self.connection.execute(select(*keys, column).where(near)).all():
                    if pattern.search(text):
                        yield table.name, column.name, dict(zip((k.name for k in keys), key, strict=True)), text

    # -- taking out ------------------------------------------------------------------------------------

    def remove(self, found: Traces) -> set[int]:
        """Removes them; returns the ids of the classes whose minutes must be written again."""
        ids, names = found.ids, set(found.names)
        self.changed.update(tables)  # each may have rows of theirs
        classes = self._classes(ids, names)
        quoted = self._quoted(ids, names)
        questions = set(
            self.connection.execute(
                select(tables["question_event"].c.question_id).where(tables["question_event"].c.person_id.in_(ids))
            ).scalars()
        )
        for (table, whose), (named, words) in OWN.items():
            self._blank(table, self._theirs(table, whose, ids, names), named, words)
        for table in GONE:
            self.connection.execute(tables[table].delete().where(tables[table].c.person_id.in_(ids)))
        for table, column, key, text in list(self._named(names)) if names else []:
            classes |= self._class_of(table, key)
            if table == "question_event":
                questions.add(self._question_of(key))
            self._write(table, key, {column: without(text, naming(names))})
        lease = tables["lease"]
        self.connection.execute(update(lease).where(lease.c.person_id.in_(ids)).values(offered="", digest=""))
        self._quoted_notices(quoted)
        for id in sorted(questions):
            self.settle(id)
        person = tables["person"]
        self.connection.execute(
            update(person)
            .where(person.c.id.in_(ids))
            .values(account=None, mask=None, nick=REMOVED, zone="", in_view=False, nolog=False)
        )
        return classes

    def _blank(self, table: str, theirs: Any, named: Sequence[str], words: Sequence[str]) -> None:
        columns = tables[table].c
        if words:
            said = theirs & (columns[words[0]] != "")
            if table in FACTS:
                said &= columns.kind.not_in(FACTS[table])
            self.connection.execute(update(tables[table]).where(said).values(dict.fromkeys(words, REMOVED)))
        if named:
            self.connection.execute(update(tables[table]).where(theirs).values(dict.fromkeys(named, REMOVED)))

    def _quoted(self, ids: Sequence[int], names: set[str]) -> set[str]:
        """The beginnings of their questions and answers, which notices to other people quote."""
        event = tables["question_event"].c
        said = self.connection.execute(select(event.words).where(event.person_id.in_(ids))).scalars()
        return {words[:60] for words in said if len(words) > 7}

    def _quoted_notices(self, beginnings: set[str]) -> None:
        notice = tables["notice"]
        for id, text in self.connection.execute(select(notice.c.id, notice.c.text)).all() if beginnings else []:
            if any(words in text for words in beginnings):
                self.connection.execute(
                    notice.update()
                    .where(notice.c.id == id)
                    .values(text=REMOVED, said_at=func.coalesce(notice.c.said_at, notice.c.due_at))
                )

    def _write(self, table: str, key: dict[str, Any], values: dict[str, str]) -> None:
        columns = tables[table].c
        statement = update(tables[table])
        for name, value in key.items():
            statement = statement.where(columns[name] == value)
        self.connection.execute(statement.values(values))

    # -- whose minutes ---------------------------------------------------------------------------------

    def _classes(self, ids: Sequence[int], names: set[str]) -> set[int]:
        run, question, event = tables["class"].c, tables["question"].c, tables["question_event"].c
        asked = select(event.question_id).where(event.person_id.in_(ids))
        queries = [
            select(run.id).where(run.presenter_id.in_(ids)),
            select(question.class_id).where(question.person_id.in_(ids) | question.id.in_(asked)),
            *(
                select(tables[t].c.class_id).where(self._theirs(t, "person_id", ids, names))
                for t in ("entry", "attendance")
            ),
        ]
        return {id for query in queries for id in self.connection.execute(query.distinct()).scalars() if id is not None}

    def _class_of(self, table: str, key: dict[str, Any]) -> set[int]:
        if table == "class":
            return {key["id"]}
        if table == "question_event":
            table, key = "question", {"id": self._question_of(key)}
        if "class_id" not in tables[table].c:
            return set()
        columns = tables[table].c
        query = select(columns.class_id).where(*(columns[name] == value for name, value in key.items()))
        return {id for id in self.connection.execute(query).scalars() if id is not None}

    def _question_of(self, key: dict[str, Any]) -> int:
        event = tables["question_event"].c
        query = select(event.question_id).where(event.id == key["id"])
        question: int = self.connection.execute(query).scalar_one()
        return question
