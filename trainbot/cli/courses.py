"""Shell commands about courses."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, read, show


@cli.group()
def course() -> None:
    """Courses: several sessions that belong together."""


@course.command("list")
@config_option
@json_option
def course_list(path: Path, as_json: bool) -> int:
    """List all courses and their sessions."""
    from trainbot.ops.course import courses

    found = courses(read(path))
    lines = [
        f"{one['course']} {session['session']} {session['start'][:16].replace('T', ' ')} UTC {session['title']}"
        + (" (over)" if session["over"] else "")
        for one in found
        for session in one["sessions"]
    ]
    show(found, lines or ["no courses yet"], as_json)
    return 0


@course.command("export")
@click.argument("name")
@click.option("--csv", "form", flag_value="csv", default=True, help="Print CSV, for spreadsheets [default].")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@config_option
def course_export(name: str, form: str, path: Path) -> int:
    """Print who came to which session of course NAME and how far each of them got: one row for each person and session.

    People who said !nolog on are "somebody".
    """
    from trainbot.ops.course import export

    for piece in export(read(path), name, form):
        click.echo(piece, nl=False)
    return 0
