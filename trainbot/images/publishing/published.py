"""Finds published images, for people and for the bot that gives their addresses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainbot.model.lab_image import ImageOffer

FOLDER = "images"
SUMS = "SHA256SUMS"
_MOST_SUMS = 1 << 20


def published(public: Path, public_url: str, name: str) -> ImageOffer | None:
    """The published image ``name`` below the folder ``public``, or None."""
    try:
        with (public / FOLDER / name / SUMS).open("rb") as file:
            content = file.read(_MOST_SUMS)
    except OSError:
        return None
    return ImageOffer(address(public_url, name), hashlib.sha256(content).hexdigest())


def address(public_url: str, name: str) -> str:
    return f"{public_url.rstrip('/')}/{FOLDER}/{name}/" if public_url else ""
