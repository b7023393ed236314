"""Shell commands that run or examine the bot: run, demo, check, status, doctor, gateway."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import ask_bot, cli, config_option, json_option, read, understood


@cli.command()
@config_option
@click.option("--new", is_flag=True, help="Begin with a new database if the old one is gone for good.")
@click.option("-v", "--verbose", count=True, help="Log more; twice: log every IRC line.")
@click.option("--log-json", is_flag=True, help="Write the log as one JSON object per line.")
@click.option(
    "--log-level",
    "levels",
    multiple=True,
    metavar="PART=LEVEL",
    callback=lambda _c, _p, words: _levels(words),
    help="Log level of one part of the program, for example adapters.irc=debug (debug, info, warning, error); repeatable.",
)
def run(path: Path, new: bool, verbose: int, log_json: bool, levels: list[tuple[str, str]]) -> int | None:
    """Run the bot until SIGTERM or Ctrl-C; SIGHUP reloads bot.ini."""
    import gc

    gc.disable()  # nothing that is loaded now becomes garbage: looking for it would take a tenth of the start
    import asyncio
    from datetime import UTC, datetime

    from trainbot.adapters.db.opening import begin_anew
    from trainbot.bot.app import run as run_app
    from trainbot.core.log_format import log_to_stderr

    gc.freeze()  # nor does a later collection look through it
    gc.enable()
    log_to_stderr(verbose, as_json=log_json, levels=levels)
    config = read(path)
    if new:
        begin_anew(config.store.url, config.store.state, datetime.now(UTC))
    asyncio.run(run_app(config))
    return 0


def _levels(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """("adapters.irc=debug",) as pairs."""
    from trainbot.core.log_format import NAMES

    found = [tuple(word.split("=", 1)) for word in words]
    wrong = next(
        (word for word, pair in zip(words, found, strict=True) if len(pair) != 2 or pair[1] not in NAMES), None
    )
    if wrong is not None:
        raise click.BadParameter(
            f'"{wrong}" is not PART=LEVEL, for example adapters.irc=debug (levels: {", ".join(NAMES)})'
        )
    return [(room, level) for room, level in found]


@cli.command()
@click.option("--tour", is_flag=True, help="Play a whole class without a prompt and report what went wrong.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6667,
    show_default=True,
    help="Port of the demo's IRC server on 127.0.0.1 (another one is used if it is taken).",
)
@click.option("--keep", is_flag=True, help="Keep the demo's folder (bot.ini, database, logs) after the demo.")
def demo(tour: bool, port: int, keep: bool) -> int:
    """Run a class on this machine: an IRC server, the bot, real virtual machines, and a prompt for taking part."""
    from trainbot.ops.demo.run import demo as run_demo

    return run_demo(tour=tour, port=port, keep=keep)


@cli.command()
@config_option
def check(path: Path) -> int:
    """Show what the bot would do with this bot.ini, and problems in its files; uses no network."""
    from trainbot.ops.check import checkup

    return checkup(read(path), click.echo)


@cli.command()
@config_option
@json_option
def status(path: Path, as_json: bool) -> int:
    """Show how the running bot is doing: versions, IRC, classes, labs, hosts, gateway, database.

    Exit code 1 if something needs attention (!), 2 if no bot is running here.
    """
    from trainbot.adapters.control.client import BotNotRunning
    from trainbot.core.text import many_lines
    from trainbot.ops.status import status as show_status

    config = read(path)
    try:
        report = ask_bot(config, {"op": "status"})
    except BotNotRunning as error:
        click.echo(many_lines(f"trainbot: {error}"), err=True)
        return 2
    with understood(config):
        return show_status(report, as_json, click.echo)


@cli.command()
@click.argument("what", nargs=-1, metavar="[host [NAME] | image [NAME] | irc | store | copies | gateway]")
@config_option
@json_option
def doctor(what: tuple[str, ...], path: Path, as_json: bool) -> int:
    """Examine hosts, images, IRC, store, copies and gateway as they are now; each problem (!) comes with its cause and a fix.

    Changes nothing, and can be used while the bot is running.  Exit code 1 if there is a problem.
    """
    from trainbot.ops.doctor.doctor import USAGE, is_subject
    from trainbot.ops.doctor.doctor import doctor as examine

    if not is_subject(what):
        raise click.UsageError(USAGE)
    return examine(read(path), what, as_json, click.echo)


@cli.command()
@config_option
@click.option("--stop", is_flag=True, help="Stop the running gateway.")
@click.option("--log-json", is_flag=True, help="Write the log as one JSON object per line.")
def gateway(path: Path, stop: bool, log_json: bool) -> int:
    """Run the ssh gateway (trainbot run starts it automatically)."""
    from trainbot.adapters.state_folder import state_folder
    from trainbot.gateway import process
    from trainbot.gateway.settings import gateway_config

    config = read(path)
    state_folder(config)
    if stop:
        click.echo("gateway stopped" if process.stop(config.store.state) else "no gateway is running")
        return 0
    return process.main(gateway_config(config), log_json)
