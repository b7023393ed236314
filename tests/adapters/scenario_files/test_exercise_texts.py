"""What ``trainbot exercise`` says of texts as they look on IRC."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainbot.cli.shared import cli


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("```\n" + "a" * 401 + "\nls\n```", 1),
        ("```\n" + "a" * 400 + "\n```", 0),
        ("word " * 200, 0),
        ("`" + "é" * 201 + "`", 1),
        ("```\n" + "b \\\n" * 300 + "```", 0),
    ],
)
def test_commands_that_irc_would_cut_are_named(
    tmp_path: Path, text: str, notes: int, capsys: pytest.CaptureFixture
) -> None:
    """With exercise and step; prose is folded on IRC, and so is no fault.  It plays all the same: exit code 0."""
    (tmp_path / "index.json").write_text(json.dumps({"title": "T", "details": {"steps": [{"text": "a.md"}]}}))
    (tmp_path / "a.md").write_text(text)
    assert cli.main(["exercise", "check", str(tmp_path)], standalone_mode=False) == 0
    *found, last = capsys.readouterr().out.splitlines()
    assert [": step 1: a command of 40" in line for line in found] == [
        True
    ] * notes and last == f"1 exercises, {notes} problems"
