"""The whole bot, and the servers and people around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.inspircd import InspIrcd, network_with
from tests.whole import fixtures
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import PRESENTER, Participant, RunningBot
from trainbot.ops.demo.ngircd import Ngircd

make_bot, people = fixtures.make_bot, fixtures.people


@pytest.fixture
async def bot(ngircd: Ngircd, make_bot: BotMaker) -> RunningBot:
    """The usual one, not started yet."""
    return make_bot(ngircd.port)


@pytest.fixture
async def russell(ngircd: Ngircd, people: Arrive) -> Participant:
    """The presenter and organiser."""
    return await people(ngircd.port, "russell", source=PRESENTER)


@pytest.fixture
async def alice(ngircd: Ngircd, people: Arrive) -> Participant:
    return await people(ngircd.port, "alice")


@pytest.fixture
async def bob(ngircd: Ngircd, people: Arrive) -> Participant:
    return await people(ngircd.port, "bob")


@pytest.fixture
def accounts() -> dict[str, str]:
    return {"trainbot": "bots-own_unsaid", "russell": "russell-pass", "alice": "alice-pass"}


@pytest.fixture
def network(tmp_path: Path, accounts: dict[str, str]) -> Iterator[InspIrcd]:
    """InspIRCd and Atheme, with ``accounts``."""
    folder = tmp_path / "network"
    folder.mkdir()
    with network_with(folder, accounts) as server:
        yield server
