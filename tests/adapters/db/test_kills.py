"""kill -9 at random moments while the store writes as fast as it can: whatever was said to be stored is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.db import killed

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("rounds", [150, pytest.param(1000, marks=pytest.mark.kills)])
def test_what_was_said_to_be_stored_is_there(tmp_path: Path, rounds: int) -> None:
    """Each question, vote and answer that a writer acknowledged before it was killed, whole, indexed, and for good."""
    done = subprocess.run(
        [sys.executable, "-m", killed.__name__, tmp_path, str(rounds), "2007"], cwd=ROOT, text=True, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    number, said, integrity = done.stdout.split()
    assert (int(number), integrity) == (rounds, "ok") and int(said) > rounds
