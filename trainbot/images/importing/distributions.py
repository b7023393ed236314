"""The official images in the catalogue (images/catalogue.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from trainbot.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Distribution:
    """``url``: the disk; ``sums``: the address of its checksum; ``memory``: MiB per lab."""

    about: str
    url: str
    sums: str
    memory: int


def load_catalogue(path: Path) -> dict[str, Distribution]:
    """Read the catalogue; ConfigError says what is wrong with the file."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = {name: Distribution(**values) for name, values in said.items()}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    for name, entry in entries.items():
        if not entry.url.startswith("https://") or not entry.sums.startswith("https://") or entry.memory < 64:
            raise ConfigError(f"{path}: [{name}] needs url and sums with https, and memory in MiB")
    return entries
