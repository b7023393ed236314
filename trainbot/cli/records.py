"""Records of classes."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, number_type, read, show


@cli.group()
def log() -> None:
    """Records of classes."""


@log.command("list")
@config_option
@json_option
def log_list(path: Path, as_json: bool) -> int:
    """All classes that were, and their numbers."""
    from trainbot.records.shell import classes

    value, lines = classes(read(path))
    show(value, lines or ["no class was held yet"], as_json)
    return 0


@log.command("show")
@click.argument("number", type=number_type)
@config_option
def log_show(number: int, path: Path) -> int:
    """The minutes of class NUMBER."""
    from trainbot.records.shell import show as minutes

    click.echo(minutes(read(path), number), nl=False)
    return 0


@log.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--most", type=click.IntRange(1, 100), default=10, show_default=True, help="So many of each.")
@config_option
@json_option
def log_search(words: tuple[str, ...], most: int, path: Path, as_json: bool) -> int:
    """Questions and answers with these WORDS, and what was kept of classes; also with typos.  Times are UTC."""
    from trainbot.records.shell import search

    value, lines = search(read(path), " ".join(words), most)
    show(value, lines or ["nothing like that was asked or said"], as_json)
    return 0


@log.command("export")
@click.argument("number", type=number_type, required=False)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "markdown"]), default="jsonl", show_default=True)
@config_option
def log_export(number: int | None, form: str, path: Path) -> int:
    """Everything that happened in class NUMBER (default: in all), by time."""
    from trainbot.records.shell import export

    for piece in export(read(path), number, form):
        click.echo(piece, nl=False)
    return 0
