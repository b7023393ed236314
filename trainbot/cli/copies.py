"""Shell commands about copies of the whole installation, and the second machine: copy, restore, standby, takeover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trainbot.cli.running import run
from trainbot.cli.shared import ask_bot, cli, config_option, read

folder_argument = click.argument("folder", type=click.Path(path_type=Path))


@cli.group(invoke_without_command=True)
@config_option
@click.pass_context
def copy(context: click.Context, path: Path) -> int:
    """Make a copy of the whole installation now ([store] copies): database, keys, bot.ini, exercises, schedules."""
    if context.invoked_subcommand is not None:
        return 0
    from trainbot.adapters.control.client import BotNotRunning
    from trainbot.ops.copies.by_hand import copy_now

    config = read(path)
    try:
        click.echo(ask_bot(config, {"op": "copy"}, timeout=3600.0)["text"])
    except BotNotRunning:
        click.echo(copy_now(config))
    return 0


@copy.command("receive", hidden=True)
@folder_argument
def copy_receive(folder: Path) -> int:
    """Write what a bot sends on standard input to FOLDER: what the account on the second machine is restricted to."""
    import sys

    from trainbot.ops.copies.receive import Receiver

    return Receiver(folder.absolute(), sys.stdin.buffer, sys.stdout.buffer).run()


@copy.command("list")
@folder_argument
def copy_list(folder: Path) -> int:
    """List the copies in FOLDER, and whether each is whole.  Exit code 1 if one is not."""
    from trainbot.ops.copies.restore import listed

    return listed(folder.absolute(), click.echo)


@copy.command("key")
@config_option
def copy_key(path: Path) -> int:
    """Show what to type on the second machine, so that it takes copies from this one and nothing else."""
    from trainbot.ops.copies.by_hand import admission

    click.echo(admission(read(path)))
    return 0


@cli.command()
@click.argument("copy", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Rename what is there instead of refusing.")
@config_option
def restore(copy: Path, replace: bool, path: Path) -> int:
    """Put the whole installation of COPY (or of the newest copy in a folder) where bot.ini of --config is or will be."""
    from trainbot.ops.copies.restore import restore as restore_copy

    return restore_copy(copy.absolute(), path.absolute(), replace=replace, say=click.echo)


@cli.command()
@folder_argument
def standby(folder: Path) -> int:
    """Watch the copies that arrive in FOLDER, and say when the first machine is not heard of any more."""
    from trainbot.ops.copies.standby import standby as watch

    return watch(folder.absolute(), click.echo)


@cli.command()
@folder_argument
@click.option("--address", default="", metavar="NAME", help="The host name in learners' ssh command from now on.")
@click.option("--no-run", is_flag=True, help="Do not run the bot here; systemctl start trainbot does it.")
@config_option
@click.pass_context
def takeover(context: click.Context, folder: Path, address: str, no_run: bool, path: Path) -> Any:
    """Continue here with the newest copy in FOLDER, if the machine that made it is dead.

    Takes half a minute to see that it is: refused if anything of it is heard on IRC, over ssh, or on the labs' hosts.
    """
    from trainbot.ops.copies.takeover import takeover as take_over

    take_over(folder.absolute(), path.absolute(), address, click.echo)
    if no_run:
        click.echo("now start the bot here: systemctl start trainbot")
        return 0
    return context.invoke(run, path=path, new=False, verbose=0, log_json=False, levels=[])
