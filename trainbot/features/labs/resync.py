"""Compares the rows with what a host really has, to find what to adopt, restart, give up or clear away.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainbot.model.host import ON, Domain, HostReport
from trainbot.model.lab import ALIVE, Lab, LabState

SETTLED = frozenset((LabState.BOOTING, LabState.READY, LabState.PAUSED, LabState.LEFT))


@dataclass(frozen=True, slots=True)
class Difference:
    """``found``: rows whose domain is on (it is adopted, with its endpoint).  ``stopped``: rows whose domain is off but
    should run.  ``missing``: rows without a domain.  ``finished``: rows to be destroyed whose domain is gone.
    ``strays``: UUIDs of our domains that belong to no row."""

    found: tuple[tuple[Lab, Domain], ...] = ()
    stopped: tuple[Lab, ...] = ()
    missing: tuple[Lab, ...] = ()
    finished: tuple[Lab, ...] = ()
    strays: tuple[str, ...] = ()


def compare(rows: Iterable[Lab], report: HostReport, busy: Iterable[str] = ()) -> Difference:
    """Compares ``rows`` (all labs that this host may have) with the host's report.  ``busy``: labs with an action under
    way; they are left alone, since the end of the action will tell.  MAKING rows need no domain yet; a LEFT lab may be
    gone by now."""
    domains = {domain.id: domain for domain in report.domains}
    under_way = set(busy)
    found, stopped, missing, finished = [], [], [], []
    known = set(under_way)
    for lab in rows:
        known.add(lab.id)
        domain = domains.get(lab.id)
        if lab.id in under_way:
            continue
        if lab.state is LabState.ENDING or (lab.state is LabState.LEFT and domain is None):
            if domain is None:
                finished.append(lab)
        elif domain is None:
            if lab.state in ALIVE - {LabState.MAKING, LabState.RESETTING}:
                missing.append(lab)
        elif lab.state in SETTLED:
            if domain.state in ON:
                found.append((lab, domain))
            else:
                stopped.append(lab)
    strays = tuple(sorted(id for id in domains if id not in known))
    return Difference(tuple(found), tuple(stopped), tuple(missing), tuple(finished), strays)
