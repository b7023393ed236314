"""Shell commands about the records of classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainbot.cli.shared import ask_bot, cli, config_option, json_option, number_type, read, show

if TYPE_CHECKING:
    from trainbot.config import Config


@cli.group()
def log() -> None:
    """Records of classes."""


@log.command("list")
@config_option
@json_option
def log_list(path: Path, as_json: bool) -> int:
    """List all past classes with their numbers."""
    from trainbot.ops.log import classes

    value, lines = classes(read(path))
    show(value, lines or ["no classes yet"], as_json)
    return 0


@log.command("show")
@click.argument("number", type=number_type)
@config_option
def log_show(number: int, path: Path) -> int:
    """Print the minutes of class NUMBER."""
    from trainbot.ops.log import show as minutes

    click.echo(minutes(read(path), number), nl=False)
    return 0


@log.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--most", type=click.IntRange(1, 100), default=10, show_default=True, help="Maximum number of results of each kind."
)
@config_option
@json_option
def log_search(words: tuple[str, ...], most: int, path: Path, as_json: bool) -> int:
    """Search questions, answers and class logs for WORDS; finds misspelt words too.  Times are in UTC."""
    from trainbot.ops.log import search

    value, lines = search(read(path), " ".join(words), most)
    show(value, lines or ["nothing found"], as_json)
    return 0


@log.command("export")
@click.argument("number", type=number_type, required=False)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "markdown"]), default="jsonl", show_default=True)
@config_option
def log_export(number: int | None, form: str, path: Path) -> int:
    """Print everything that happened in class NUMBER (default: in all classes), oldest first."""
    from trainbot.ops.log import export

    for piece in export(read(path), number, form):
        click.echo(piece, nl=False)
    return 0


@log.command("logins")
@click.option(
    "--most", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of logins."
)
@config_option
@json_option
def log_logins(most: int, path: Path, as_json: bool) -> int:
    """List the latest logins through the gateway, newest last: who, from where, how, to which lab and for how long."""
    from trainbot.ops.log import logins

    value, lines = logins(read(path), most)
    show(value, lines or ["no logins yet"], as_json)
    return 0


@log.command("visits")
@click.option(
    "--most", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of visits."
)
@config_option
@json_option
def log_visits(most: int, path: Path, as_json: bool) -> int:
    """List the latest visits to other people's labs, newest last: who, from where, at whose terminal and how long."""
    from trainbot.ops.log import visits

    value, lines = visits(read(path), most)
    show(value, lines or ["no visits yet"], as_json)
    return 0


PATIENCE = 900.0  # seconds: a large database is rewritten


@log.command("redact")
@click.argument("who")
@click.option("--yes", "sure", is_flag=True, help="Do not ask for confirmation.")
@config_option
def log_redact(who: str, sure: bool, path: Path) -> int:
    """Remove a person from the records: their names, hosts and words, and their name in what others said.

    WHO is a nick or an account, or one of account:NAME, nick:NAME, host:NAME.  Published minutes are rewritten.  Backups
    are not changed.
    """
    return _keep(read(path), {"redact": who}, sure, "Remove all of this permanently?")


@log.command("prune")
@click.option(
    "--older-than", "age", metavar="AGE", help="Minimum age, for example 2y or 90d [default: keep in [records]]."
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, without removing it.")
@click.option("--yes", "sure", is_flag=True, help="Do not ask for confirmation.")
@config_option
def log_prune(age: str | None, dry_run: bool, sure: bool, path: Path) -> int:
    """Remove old records: class logs, attendance, minutes and leases.

    Questions and answers are kept for !faq, without the names of the people who asked and answered.
    """
    from trainbot.config.section import parse_age

    config = read(path)
    try:
        kept = parse_age(age) if age else config.records.keep
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if kept is None:
        raise click.UsageError("give an age, for example --older-than 2y, or set keep = 2y in [records]")
    return _keep(config, {"prune": kept.days}, sure, "Remove all of this permanently?", dry_run=dry_run)


def _keep(config: Config, request: dict[str, Any], sure: bool, question: str, *, dry_run: bool = False) -> int:
    """Shows what would be removed, asks ``question``, removes; exit code 1 if the answer was no."""
    if not sure:
        click.echo(_kept(config, request))
        if dry_run or not click.confirm(question):
            return 0 if dry_run else 1
    click.echo(_kept(config, {**request, "sure": not dry_run}))
    return 0


def _kept(config: Config, request: dict[str, Any]) -> str:
    """The answer of the running bot, or of the database if no bot runs."""
    from trainbot.adapters.control.client import BotNotRunning
    from trainbot.ops.log import keep

    try:
        return str(ask_bot(config, {"op": "keeping", **request}, PATIENCE)["text"])
    except BotNotRunning:
        return keep(config, request)
