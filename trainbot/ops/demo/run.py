"""``trainbot demo``: starts everything, runs the class, removes everything."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

import click

from trainbot.core.errors import UserError
from trainbot.core.tasks import Tasks
from trainbot.ops.demo.tour import DidNotHappen, Tour
from trainbot.ops.demo.world import DemoWorld


def demo(*, tour: bool, port: int, keep: bool) -> int:
    """Runs the demo; returns the exit code: 0, 1 if something did not happen, 130 if interrupted.  Raises UserError if
    nobody can type."""
    if not tour:
        _check_prompt()
    return asyncio.run(_demo(tour, port, keep))


def _check_prompt() -> None:
    """Checks before anything starts that there is a prompt to type at."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        raise UserError(
            "the demo has a prompt to type at, and this is not a terminal: "
            "trainbot demo --tour (make demo TOUR=1) plays the class automatically"
        )
    try:
        import prompt_toolkit  # noqa: F401  is it there?
    except ImportError:
        raise UserError("the demo's prompt needs prompt-toolkit: pip install 'trainbot[demo]'") from None


async def _demo(tour: bool, port: int, keep: bool) -> int:
    world = DemoWorld(port, click.echo)
    tasks = Tasks()
    playing = tasks.start(_play(world, tour), "the demo", awaited=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(
            number, playing.cancel
        )  # ends the class, which is then cleaned up; never interrupts the clean-up
    try:
        return await playing
    except DidNotHappen as error:
        click.echo(f"\nFAILED  {error}\nThe bot's last words:\n{world.log_tail()}", err=True)
        return 1
    except asyncio.CancelledError:
        _say("interrupted")
        return 130
    finally:
        world.tell = _say
        _say("removing the bot, the labs and the IRC server …")
        await world.close(keep)
        _say("all gone")


async def _play(world: DemoWorld, tour: bool) -> int:
    await world.prepare()
    await world.ircd.start()
    if tour:
        click.echo("\nThe tour: a whole class on this machine.\n")
        await Tour(world, click.echo).play()
        click.echo("\neverything worked")
    else:
        from trainbot.ops.demo.prompt import Prompt

        await Prompt(world).run()
    return 0


def _say(text: str) -> None:
    """Prints to the terminal, which may already be closed."""
    with suppress(OSError):
        click.echo(text, err=True)
