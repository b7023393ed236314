"""A new command may shadow a word of somebody's channel or exercise, so the changelog names each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.upgrades.released import HERE, VERSIONS

ROOT = Path(__file__).parents[2]


def commands(page: str) -> set[str]:
    """The names and other names in the first column of docs/commands.md."""
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `!")]
    return {re.split(r" ?[\[(A-Z]", name)[0] for cell in cells for name in re.findall(r"`!([^`]+)`", cell)}


@pytest.mark.parametrize("version", VERSIONS)
def test_new_and_missing_commands_are_in_the_changelog(version: str) -> None:
    """In the sections of the releases after ``version``, whose commands VERSION.commands lists."""
    before = set((HERE / f"{version}.commands").read_text().splitlines())
    now = commands((ROOT / "docs" / "commands.md").read_text())
    since = (ROOT / "CHANGELOG.md").read_text().partition(f"\n## {version} ")[0]
    assert {name for name in now ^ before if f"`!{name}`" not in since} == set()
    assert len(before & now) > 50
