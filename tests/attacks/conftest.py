"""Attackers and their victims, for attacks that take a while (make test-attacks): gateways and whole bots."""

from __future__ import annotations

from tests.gateway.conftest import own_world
from tests.whole import fixtures

make_bot, people = fixtures.make_bot, fixtures.people

__all__ = ["make_bot", "own_world", "people"]
