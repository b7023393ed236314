"""The rows of labs and leases: what features may ask of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, not_, select

from trainbot.adapters.db.prepared import Prepared
from trainbot.adapters.db.rows import RowFilter, Rows, one_of
from trainbot.adapters.db.tables import tables
from trainbot.model.host import Mode, machine_name
from trainbot.model.lab import ALIVE, NEARNESS, PRESENT, Lab, Lease, SelfHosted


def _free() -> RowFilter:
    """See ``LabRepository.free``; ``hosts``: their numbers by name, as JSON."""
    lease, lab = tables["lease"].c, tables["lab"].c
    hosts = func.json_each(bindparam("hosts")).table_valued("key", "value")
    place = case((lab.node == "", lab.host), else_=lab.host + "/" + lab.node)
    rank = select(hosts.c.value).where(hosts.c.key == place).correlate(tables["lab"]).scalar_subquery()
    lent = and_(lease.rehearsal != "", not_(lease.worked_in))
    held = select(lease.lab_id).where(lease.ended_at.is_(None), lease.lab_id.is_not(None))
    near = case(*((lab.state == state, place) for place, state in enumerate(NEARNESS)))
    return RowFilter(
        one_of(lab.state, NEARNESS),
        place.in_(select(hosts.c.key)),
        lab.id.not_in(held.where(not_(lent))),
        order=(near, lab.id.in_(held.where(lent)), rank, lab.made_at, lab.id),
    )


_FREE = _free()


LABS = frozenset({"lab"})


class LabRepository(Rows[Lab]):
    _ALIVE, _PRESENT = (
        RowFilter(one_of(tables["lab"].c.state, sorted(states)), order=(tables["lab"].c.made_at, tables["lab"].c.id))
        for states in (ALIVE, PRESENT)
    )

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["lab"], Lab, changed)

    def get(self, id: str) -> Lab | None:
        return self.first(id=id)

    def alive(self) -> list[Lab]:
        return self.chosen(self._ALIVE, {})

    def free(self, image: str, mode: Mode, hosts: Mapping[str, int]) -> Lab | None:
        """A free lab of that kind on one of these hosts (or nodes: HOST/NODE), or None.  The lab nearest to its login prompt comes first;
        then the one on the host with the lowest number; then the oldest.  A lab that a rehearsal only looks at counts
        as free, but comes after the others."""
        found = self.chosen(_FREE, {"hosts": json.dumps(hosts)}, limit=1, image=image, mode=mode)
        return found[0] if found else None

    def present(self) -> list[Lab]:
        """All labs that may exist on a host."""
        return self.chosen(self._PRESENT, {})

    def on_host(self, host: str) -> list[Lab]:
        """The labs that may exist on that host.  Reads no rows if all of them are in the cache, else those of the
        host."""
        there = self._recall.get(LABS, "by host")
        if there is None:
            every = self.known(self._PRESENT)
            if every is None:
                return self.chosen(self._PRESENT, {}, host=host)
            by_host: defaultdict[str, list[Lab]] = defaultdict(list)
            for lab in every:
                by_host[lab.host].append(lab)
            there = [by_host]
            self._recall.keep(LABS, "by host", there)
        return list(there[0].get(host, ()))

    def at(self, place: str) -> list[Lab]:
        """The labs that may exist on that host, or on that node of one (HOST/NODE)."""
        host, _, node = place.partition("/")
        there = self.on_host(host)
        return [lab for lab in there if lab.node == node] if node else there


PASSWORDS = "lease.digest"
"""In ``Store.changed``: leases that have another password, and else are as they were."""


class LeaseRepository(Rows[Lease]):
    _EVERY = RowFilter(tables["lease"].c.ended_at.is_(None))
    _OPEN = RowFilter(*_EVERY.conditions, tables["lease"].c.rehearsal == "")
    _REHEARSING = RowFilter(*_EVERY.conditions, tables["lease"].c.rehearsal != "")

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["lease"], Lease, changed)

    def _part(self, values: Mapping[str, Any]) -> str:
        return PASSWORDS if values.keys() == {"is_id", "new_digest"} else self.table.name

    def open(self, **exact: Any) -> list[Lease]:
        """People's open leases, in the order in which they were requested."""
        return self.chosen(self._OPEN, {}, **exact)

    def rehearsals(self, **exact: Any) -> list[Lease]:
        """The open leases of rehearsals."""
        return self.chosen(self._REHEARSING, {}, **exact)

    def every(self, **exact: Any) -> list[Lease]:
        """All open leases, of people and of rehearsals."""
        return self.chosen(self._EVERY, {}, **exact)

    def by_host(self) -> dict[str, int]:
        """How many people have a lab on each host, or on each node of one (HOST/NODE)."""
        return {machine_name(host, node): number for host, node, number in _HELD.rows(self._recall.database, {})}


_HELD = Prepared(
    select(tables["lab"].c.host, tables["lab"].c.node, func.count())
    .join(tables["lease"], tables["lease"].c.lab_id == tables["lab"].c.id)
    .where(tables["lease"].c.ended_at.is_(None))
    .group_by(tables["lab"].c.host, tables["lab"].c.node)
)


class SelfHostedRepository(Rows[SelfHosted]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["home"], SelfHosted, changed)

    def people(self, image: str) -> frozenset[int]:
        """The ids of the people who don't need a lab of that image."""
        return frozenset(home.person_id for home in self.all(image=image))
