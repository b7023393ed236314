"""The installation's keys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trainbot.adapters.state_folder import lab_key

MAKE = "import sys; from pathlib import Path; from trainbot.adapters.state_folder import lab_key; print(lab_key(Path(sys.argv[1])))"


def test_one_key_whoever_makes_it(tmp_path: Path) -> None:
    """Two hosts are prepared at once, and more: all use the same key, and nothing else is left."""
    path = tmp_path / "state" / "door_key"
    started = [
        subprocess.Popen([sys.executable, "-c", MAKE, path], stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert said == {lab_key(path)} and lab_key(path).startswith("ssh-ed25519 ")
    assert sorted(found.name for found in path.parent.iterdir()) == ["door_key", "door_key.pub"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_public_half_that_is_missing(tmp_path: Path) -> None:
    """The bot was killed between the two files, or somebody removed one."""
    public = lab_key(tmp_path / "key")
    (tmp_path / "key.pub").unlink()
    assert lab_key(tmp_path / "key") == public
