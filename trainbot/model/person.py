"""What we know of people beyond who they are, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Login:
    """One connection to a lab through the gateway, after it ended.  ``lab``: its name, '' without one; ``method``: "password"
    or the fingerprint of the key ("SHA256:…"); ``received`` from the learner and ``sent`` to them, in bytes."""

    id: int
    person_id: int
    at: datetime
    seconds: int
    lab: str
    method: str
    address: str
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One ssh public key: ``key`` is "TYPE BASE64" without the comment (RFC 4253 6.6); ``proven``: its owner has signed
    with it."""

    id: int
    person_id: int
    key: str
    added_at: datetime
    proven: bool = False
