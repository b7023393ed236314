"""Where published images are found again: by people, and by the bot that points people there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = "images"
SUMS = "SHA256SUMS"
_MOST_SUMS = 1 << 20


@dataclass(frozen=True, slots=True)
class Published:
    """``url`` ends in /, '' where nobody said where the folder is served; ``sums``: the sha256 of its SHA256SUMS, which
    has those of all other files."""

    url: str
    sums: str


def published(public: Path, public_url: str, name: str) -> Published | None:
    """What is offered of the image ``name`` below the folder ``public``; None where nothing is."""
    try:
        with (public / FOLDER / name / SUMS).open("rb") as file:
            content = file.read(_MOST_SUMS)
    except OSError:
        return None
    return Published(address(public_url, name), hashlib.sha256(content).hexdigest())


def address(public_url: str, name: str) -> str:
    return f"{public_url.rstrip('/')}/{FOLDER}/{name}/" if public_url else ""
