"""What we know of people beyond who they are, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One ssh public key: ``key`` is "TYPE BASE64" without the comment (RFC 4253 6.6); ``proven``: its owner has signed
    with it."""

    id: int
    person_id: int
    key: str
    added_at: datetime
    proven: bool = False
