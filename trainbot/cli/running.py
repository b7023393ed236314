"""The bot itself: run, demo, check, doctor, gateway."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, read


@cli.command()
@config_option
@click.option("-v", "--verbose", count=True, help="More of what happens; twice: every line of IRC.")
@click.option("--log-json", is_flag=True, help="The log as one JSON object a line.")
@click.option(
    "--log-level",
    "levels",
    multiple=True,
    metavar="ROOM=LEVEL",
    callback=lambda _c, _p, words: _levels(words),
    help="For one part of the program, say adapters.irc=debug (debug, info, warning, error); may be said again.",
)
def run(path: Path, verbose: int, log_json: bool, levels: list[tuple[str, str]]) -> int | None:
    """Runs the bot until it is told to end (SIGTERM, or ^C); SIGHUP reads bot.ini again."""
    import asyncio

    from trainbot.bot.app import run as run_app
    from trainbot.core.log_format import log_to_stderr

    log_to_stderr(verbose, as_json=log_json, levels=levels)
    asyncio.run(run_app(read(path)))
    return 0


def _levels(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """("adapters.irc=debug",) as pairs."""
    from trainbot.core.log_format import NAMES

    found = [tuple(word.split("=", 1)) for word in words]
    wrong = next(
        (word for word, pair in zip(words, found, strict=True) if len(pair) != 2 or pair[1] not in NAMES), None
    )
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r} is not ROOM=LEVEL, say adapters.irc=debug (levels: {', '.join(NAMES)})")
    return [(room, level) for room, level in found]


@cli.command()
@click.option("--tour", is_flag=True, help="No prompt: a whole class is played, and what did not happen is said.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6667,
    show_default=True,
    help="Where the demo's IRC server listens, on 127.0.0.1 (another one if it is taken).",
)
@click.option("--keep", is_flag=True, help="Keep the demo's folder (bot.ini, database, logs) when it ends.")
def demo(tour: bool, port: int, keep: bool) -> int:
    """A class on this machine: an IRC server, the bot, real virtual machines, and a prompt to take part."""
    from trainbot.ops.demo.run import demo as run_demo

    return run_demo(tour=tour, port=port, keep=keep)


@cli.command()
@config_option
def check(path: Path) -> int:
    """Says what the bot would do with this bot.ini, and what is wrong in its files; asks nobody else."""
    from trainbot.ops.check import checkup

    return checkup(read(path), click.echo)


@cli.command()
@click.argument("what", nargs=-1, metavar="[host [NAME] | image [NAME] | irc | store | gateway]")
@config_option
@json_option
def doctor(what: tuple[str, ...], path: Path, as_json: bool) -> int:
    """Looks at hosts, images, IRC, store and gateway as they are now: what is wrong (!), why, and how to mend it.

    Changes nothing; works beside the running bot.  Exit code 1 where something is wrong.
    """
    from trainbot.ops.doctor.doctor import USAGE, is_subject
    from trainbot.ops.doctor.doctor import doctor as examine

    if not is_subject(what):
        raise click.UsageError(USAGE)
    return examine(read(path), what, as_json, click.echo)


@cli.command()
@config_option
@click.option("--stop", is_flag=True, help="End the gateway that runs.")
def gateway(path: Path, stop: bool) -> int:
    """Runs the ssh gateway (trainbot run starts it by itself)."""
    from trainbot.adapters.state_folder import state_folder
    from trainbot.bot.installation import gateway_config
    from trainbot.gateway import process

    config = read(path)
    state_folder(config)
    if stop:
        click.echo("the gateway has ended" if process.stop(config.store.state) else "no gateway runs")
        return 0
    return process.main(gateway_config(config))
