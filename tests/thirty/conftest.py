"""A whole bot on a network with accounts, and a class of thirty."""

from __future__ import annotations

from tests.whole import fixtures

make_bot, people = fixtures.make_bot, fixtures.people

__all__ = ["make_bot", "people"]
