"""trainbot(1), as scripts/manual makes it for the Debian package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from trainbot.cli import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "manual"],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1163116800"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def commands(group: click.Group, path: str) -> list[str]:
    """ "trainbot db check" and so on, without groups that do nothing by themselves."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if command.hidden:
            continue
        inner = f"{path} {name}"
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found.append(inner)
        if isinstance(command, click.Group):
            found += commands(command, inner)
    return found


def test_each_command_has_its_section(page: str) -> None:
    """And no other has."""
    shown = [line.removeprefix(".SS ").partition(" [OPTIONS]")[0] for line in page.splitlines() if line[:4] == ".SS "]
    assert sorted(shown) == sorted(commands(cli, "trainbot"))


def test_the_page_has_a_date_and_its_hyphens_can_be_pasted(page: str) -> None:
    """Readers copy options from it: roff's plain hyphen would become a typographical one."""
    assert page.startswith('.TH TRAINBOT 1 "2006-11-10" "trainbot ')
    assert "\n\\fB\\-\\-new\\fP\n" in page
    body = [line for line in page.splitlines() if not line.startswith((".", "\\fBtrainbot"))]
    assert [line for line in body if "-" in line.replace("\\-", "")] == []


def test_no_text_is_taken_for_a_request(page: str) -> None:
    """A line of help that begins with a full stop would be roff's, and vanish."""
    requests = {".TH", ".SH", ".SS", ".PP", ".TP", ".br", ".B", ".I", ".BR"}
    assert {line.split(" ")[0] for line in page.splitlines() if line.startswith((".", "'"))} <= requests
