"""``trainbot demo``: builds the world, plays in it, clears it away."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

from trainbot.demo.tour import DidNotHappen, Tour
from trainbot.demo.world import World


def demo(*, tour: bool, port: int, keep: bool) -> int:
    """Exit code: 0, or 1 where something did not happen."""
    return asyncio.run(_demo(tour, port, keep))


async def _demo(tour: bool, port: int, keep: bool) -> int:
    tell = lambda text: click.echo(text)  # noqa: E731
    world = World(port, tell)
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, *((signal.SIGINT,) if tour else ())):
        loop.add_signal_handler(number, task.cancel)  # so that it is cleared away then too
    try:
        await world.prepare()
        await world.ircd.start()
        if tour:
            tell("\nThe tour: a whole class on this machine.\n")
            await Tour(world, tell).play()
            tell("\nall of it happened")
        else:
            from trainbot.demo.prompt import Prompt

            await Prompt(world).run()
        return 0
    except DidNotHappen as error:
        click.echo(f"\nFAILED  {error}\nThe bot's last words:\n{world.log_tail()}", err=True)
        return 1
    except asyncio.CancelledError:
        click.echo("interrupted", err=True)
        return 130
    finally:
        tell("clearing away …")
        await world.close(keep)
        sys.stdout.flush()
