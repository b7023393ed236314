"""People and their keys, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Person:
    """``account`` where the network has services, else ``mask`` (nick!user@host, folded), which counts only while
    ``in_view``.  ``zone``: IANA name, '' where never told."""

    id: int
    account: str | None
    mask: str | None
    nick: str
    zone: str
    in_view: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One ssh public key: ``key`` is "TYPE BASE64" without the comment (RFC 4253 6.6)."""

    id: int
    person_id: int
    key: str
    added_at: datetime
