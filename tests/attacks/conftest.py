"""Attackers and their victims: the gateway's world, for attacks that take a while (make test-attacks)."""

from __future__ import annotations

from tests.gateway.conftest import jump_host, own_world, world

__all__ = ["jump_host", "own_world", "world"]
