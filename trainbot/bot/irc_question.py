"""Asks on IRC whether a trainbot is there, from a connection of its own that joins nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.core.errors import BackendError
from trainbot.core.messages import ChatEvent, Incoming, Line, LineUndelivered
from trainbot.core.tasks import Tasks
from trainbot.model.config import IrcConfig

CONNECT = 30.0  # seconds
ANSWER = 15.0  # seconds: a bot that has much to say answers late
QUESTION = "help"


async def ask(config: IrcConfig) -> bool:
    """Whether somebody with the bot's nick answers ``help`` in private.  A connection that the server has not given up yet
    does not.  BackendError if the network cannot be reached."""
    heard, ready = asyncio.Event(), asyncio.Event()
    found = False

    def deliver(event: ChatEvent) -> None:
        nonlocal found
        match event:
            case Incoming() if event.channel is None and connection.fold(event.sender.nick) == connection.fold(
                config.nick
            ):
                found = True
                heard.set()
            case LineUndelivered():
                heard.set()

    def look() -> None:
        if connection.connected:
            ready.set()

    visitor = replace(config, nick=f"{config.nick[:7]}-q", channels=(), talk=(), nick_back=())
    connection = IrcConnection(visitor, deliver, heard=look)
    async with Tasks() as tasks:
        visit = tasks.start(connection.visit(), "a question on IRC", awaited=True)
        try:
            waiting = tasks.start(ready.wait(), "a connection to IRC", awaited=True)
            await asyncio.wait([waiting, visit], timeout=CONNECT, return_when=asyncio.FIRST_COMPLETED)
            if not ready.is_set():
                raise BackendError(
                    f"the IRC network cannot be reached ({connection.trouble or 'no answer'}): look at this machine's network, and "
                    f"run trainbot doctor irc"
                )
            connection.send(Line(config.nick, QUESTION, ticket=1))
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER):
                    await heard.wait()
            return found
        finally:
            await connection.close("asked")
