"""The official images in the catalog (images/catalog.toml)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from trainbot.core.errors import ConfigError

#: Where the signature is if the checksum file is a clear-signed message.
INLINE = "inline"


@dataclass(frozen=True, slots=True)
class Distribution:
    """``disk``, ``sums`` and ``signature`` are relative to ``mirror``; ``signature``: '' if the distribution does not sign
    its checksums, or INLINE; ``key``: a fingerprint; ``listed``: a pattern for the disk's name in the checksum file;
    ``memory``: MiB per lab; ``seen``: when a lab of it was last seen working."""

    about: str
    mirror: str
    disk: str
    sums: str
    memory: int
    seen: date | None
    signature: str = ""
    key: str = ""
    listed: str = ""

    @property
    def detached(self) -> str:
        """The path of the detached signature, '' if there is none."""
        return "" if self.signature == INLINE else self.signature

    def __str__(self) -> str:
        signed = f"checksums signed with {self.key}" if self.key else "checksums not signed"
        return f"{self.about}\n    {self.mirror}{self.disk}\n    {signed}; {self.experience}"

    @property
    def experience(self) -> str:
        """What is known of its labs."""
        return (
            f"a lab of it was last seen working on {self.seen}"
            if self.seen
            else "no lab of it has been seen working yet"
        )


def load_catalog(path: Path) -> dict[str, Distribution]:
    """Read the catalog; ConfigError says what is wrong with the file."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = {name: _entry(values) for name, values in said.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    for name, entry in entries.items():
        if fault := _fault(entry):
            raise ConfigError(f"{path}: [{name}] {fault}")
    return entries


def _entry(values: dict[str, Any]) -> Distribution:
    seen = values.pop("seen")
    if seen != "never" and type(seen) is not date:
        raise ValueError(f"seen is {seen!r}: use a date or never")
    return Distribution(**values, seen=None if seen == "never" else seen)


def _fault(entry: Distribution) -> str:
    words = (entry.about, entry.mirror, entry.disk, entry.sums, entry.signature, entry.key, entry.listed)
    if not all(isinstance(word, str) for word in words) or not isinstance(entry.memory, int) or entry.memory < 64:
        return "needs strings, and memory in MiB"
    if not entry.mirror.startswith("https://") or not entry.mirror.endswith("/"):
        return "needs a mirror with https that ends with /"
    for place in (entry.disk, entry.sums, entry.detached or entry.sums):
        if not place.rpartition("/")[2] or place.startswith("/") or ".." in place.split("/") or ":" in place:
            return f'needs paths below the mirror, which "{place}" is not'
    if bool(entry.signature) != bool(re.fullmatch("[0-9A-F]{40}", entry.key)):
        return "needs signature and key (a fingerprint of 40 hexadecimal digits), or neither"
    return ""
