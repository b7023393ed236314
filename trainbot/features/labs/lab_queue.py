"""The order in which waiting people get labs.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable

from trainbot.model.lab import Lease
from trainbot.model.notice import Notice, NoticeKind


def missed(leases: Iterable[Lease], waiting: Iterable[Notice]) -> frozenset[int]:
    """Leases without a lab whose turn came while their person could not be told, and who still cannot be told: others
    go first until they have been told."""
    subjects = untold(waiting)
    return frozenset(lease.id for lease in leases if lease.lab_id is None and str(lease.id) in subjects)


def untold(waiting: Iterable[Notice]) -> frozenset[str]:
    """The leases, as text, whose person is still to be told their ssh command."""
    return frozenset(notice.subject for notice in waiting if notice.kind is NoticeKind.LAB)


def in_line(leases: Iterable[Lease], waiting: Iterable[Notice]) -> list[Lease]:
    """The leases without those whose person missed their turn; these come first when the person is back."""
    found = list(leases)
    away = missed(found, waiting)
    return [lease for lease in found if lease.id not in away]


def positions(waiting: Iterable[Lease], away: Container[int]) -> dict[int, int]:
    """Lease -> its position in the queue for its image, from 1; people who are away are not counted."""
    before: Counter[str] = Counter()
    found = {}
    for lease in sorted(waiting, key=lambda lease: lease.id):
        found[lease.id] = before[lease.image] + 1
        before[lease.image] += lease.id not in away
    return found
