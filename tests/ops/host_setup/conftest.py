"""Hosts to be prepared, without Xen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from wires import SUBNET, Wires

from trainbot.ops.host_setup.filters import ruleset


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    """dom0, two labs and a machine outside, with the filters of 3 seats that allow 192.0.2.7:3128."""
    rules = tmp_path / "labs.nft"
    rules.write_text(ruleset(SUBNET, 3, ("192.0.2.7:3128",)))
    made = Wires()
    try:
        made.dom0.sh(f"nft -f {rules}")
        yield made
    finally:
        made.end()
