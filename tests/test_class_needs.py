"""README's table of what a class needs is computed from the image's recipe and the defaults of bot.ini."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from trainbot.features.labs.scheduler import AT_ONCE
from trainbot.model.config import IrcConfig, LabsConfig
from trainbot.model.disk_space import KEPT_MOST

ROOT = Path(__file__).parents[1]
BOOT = 25  # seconds, as README says
LINES_A_LAB = 2  # password, ssh command
GIB = 1024


def row(name: str) -> list[str]:
    found = re.search(rf"^\| {name} \| (.*) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, name
    return found[1].split(" | ")


@pytest.mark.parametrize(("column", "people"), [(0, 10), (1, 30), (2, 100)])
def test_the_table_is_computed(column: int, people: int) -> None:
    """Memory, disk, time to make the labs and time to hand them out."""
    recipe = tomllib.loads((ROOT / "images" / "debian" / "recipe.toml").read_text(encoding="utf-8"))
    labs, irc = people + LabsConfig().spare, IrcConfig()
    memory = round(labs * recipe["memory_mib"] / GIB, 1)
    disk = round((labs + 1) * recipe["disk_mib"] / GIB + KEPT_MOST / GIB)
    made = round(people * BOOT / AT_ONCE / 60, 1)
    told = max(0, people * LINES_A_LAB - irc.flood_burst) * irc.flood_interval
    assert row("labs")[column] == str(labs)
    assert row("memory for labs")[column] == f"{memory:g} GiB"
    assert row("disk for labs")[column] == f"{disk} GiB"
    assert row("until all labs are made, two at a time")[column] == f"{made:g} min"
    assert row("until everybody has the ssh command, if all ask at once")[column] == f"{round(told)} s"
    assert row("hosts with 15 labs each, to lose any one of them")[column] == str(-(-labs // 15) + 1)
