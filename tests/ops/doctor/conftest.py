"""Installations for doctor: a bot.ini of a test's own, and what doctor says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.inspircd import InspIrcd, network_with
from trainbot.config import Config, load
from trainbot.images.build.progress_bar import Silent
from trainbot.ops.doctor.doctor import subjects
from trainbot.ops.doctor.examine import examine
from trainbot.ops.doctor.finding import Finding, Level
from trainbot.ops.doctor.here import LocalFacts

ACCOUNTS = {"trainbot": "bots-own", "owner": "owners-own"}


class Heard:
    """What doctor found."""

    def __init__(self, found: list[Finding]) -> None:
        self.found = found
        print(*(finding.line for finding in found), sep="\n")

    def one(self, words: str, level: Level = Level.WRONG) -> Finding:
        """The only finding of that level with these words in its line."""
        fit = [finding for finding in self.found if words in finding.line and finding.level is level]
        assert len(fit) == 1, (words, [finding.line for finding in self.found])
        return fit[0]

    @property
    def wrong(self) -> list[str]:
        return [finding.what for finding in self.found if finding.level is Level.WRONG]


class Installed:
    """A folder with bot.ini; ``change(irc={…})`` writes it anew, ``hears`` lets doctor look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sections: dict[str, dict[str, Any]] = {
            "irc": {
                "server": "127.0.0.1",
                "port": 1,
                "tls": "no",
                "channels": "#class",
                "contact": "owner",
                "flood_burst": 4,
                "flood_interval": 2,
            },
            "store": {"url": "sqlite:///trainbot.db", "state": "state"},
            "gateway": {"listen": "127.0.0.1:2222", "lab_key": "lab_key"},
        }

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def database(self) -> Path:
        return self.folder / "trainbot.db"

    def change(self, **sections: dict[str, Any]) -> Config:
        for name, options in sections.items():
            self.sections.setdefault(name.replace("_", "."), {}).update(options)
        lines = []
        for name, options in self.sections.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items() if value is not None)]
        path = self.folder / "bot.ini"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return load(path)

    async def hears(self, *words: str, **sections: dict[str, Any]) -> Heard:
        return Heard(await examine(subjects(LocalFacts(self.change(**sections)), words), Silent()))

    def say(self, *words: str, **sections: dict[str, Any]) -> Heard:
        """The same, outside of any loop."""
        return asyncio.run(self.hears(*words, **sections))

    def names(self) -> dict[str, tuple[int, bytes]]:
        """Everything in the folder: what doctor must leave as it is."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                found[str(path.relative_to(self.folder))] = (path.stat().st_mode, path.read_bytes())
            elif path.is_dir():
                found[str(path.relative_to(self.folder))] = (path.stat().st_mode, b"")
        return found


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    folder = tmp_path / "here"
    folder.mkdir()
    return Installed(folder)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InspIrcd]:
    """InspIRCd and Atheme, with ``ACCOUNTS``."""
    with network_with(tmp_path_factory.mktemp("network"), ACCOUNTS) as server:
        yield server
