"""Whole bots, and the people who talk to them."""

from __future__ import annotations

from tests.whole import fixtures

make_bot, people = fixtures.make_bot, fixtures.people

__all__ = ["make_bot", "people"]
