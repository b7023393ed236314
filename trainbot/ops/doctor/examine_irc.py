"""The IRC side: how the bot stands on the network; asked of the bot, or where none runs seen by going there once."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import replace

from trainbot.adapters.irc.connection_status import ConnectionStatus
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.core.errors import BackendError, ConfigError
from trainbot.core.tasks import Tasks
from trainbot.ops.doctor.examine import ExamineTimeout, attempt, in_thread, within
from trainbot.ops.doctor.finding import Finding
from trainbot.ops.doctor.here import LocalFacts, bot_runs
from trainbot.ops.doctor.irc_findings import IRC, irc_findings, settings_findings, unreached_findings

RESOLVE = 12.0  # seconds
VISIT = 45.0
SERVICES = 3.0  # seconds that a network's services may take to voice us when we have joined


async def examine_irc(here: LocalFacts) -> list[Finding]:
    config, bot = here.config.irc, await here.bot()
    settings = settings_findings(config, here.config.records.log)
    found: list[Finding] = []
    resolved = await attempt(RESOLVE, f"looking up {config.server}", in_thread(_resolve, config.server, config.port))
    if isinstance(resolved, BackendError):
        return [*unreached_findings(str(resolved)), *settings]
    if isinstance(bot, dict):
        try:
            connection_status = ConnectionStatus.from_json(bot["irc"])
        except (KeyError, TypeError, ValueError):
            return [
                IRC.wrong(
                    "the bot that runs is of an older trainbot",
                    "so it cannot say how it stands on IRC",
                    "end it and start it again",
                ),
                *settings,
            ]
        found.append(IRC.ok(f"the bot runs (process {bot.get('pid')}) and was asked"))
    elif bot_runs(bot):
        return [
            IRC.failed("the bot that runs does not say how it is", bot, "so nobody knows whether it hears people"),
            *settings,
        ]
    else:
        found.append(IRC.note("no bot runs here, so this went to the network once, as the bot would"))
        connection_status = await _visit(here)
    return [*found, *irc_findings(config, connection_status, time.time()), *settings]


def _resolve(server: str, port: int) -> int:
    try:
        return len(socket.getaddrinfo(server, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise BackendError(f"the name {server} is not known ({getattr(error, 'strerror', None) or error})") from None


async def _visit(here: LocalFacts) -> ConnectionStatus:
    """One connection with bot.ini's own login, until it is known how we stand in every channel or why there is none."""
    news = asyncio.Event()
    try:
        connection = IrcConnection(here.config.irc, lambda event: None, heard=news.set)
    except ConfigError as error:
        raise BackendError("; ".join(error.problems)) from None
    tasks = Tasks()
    visiting = tasks.start(connection.visit(), "a visit to IRC", awaited=True)
    visiting.add_done_callback(lambda task: news.set())

    async def until_settled() -> None:
        while not connection.connection_status().settled and not visiting.done():
            news.clear()
            await news.wait()

    async def until_voiced() -> None:
        while not _all_voiced(connection.connection_status()) and not visiting.done():
            news.clear()
            await news.wait()

    try:
        await attempt(VISIT, "the network", until_settled())
        seen = connection.connection_status()
        if seen.connected and not _all_voiced(seen):
            with suppress(ExamineTimeout):
                await within(SERVICES, "services", until_voiced())
            after = connection.connection_status()
            seen = after if after.connected else seen
        if not seen.connected and not seen.trouble:
            seen = replace(seen, trouble="the server does not welcome us in time")
        return seen
    finally:
        await connection.close("trainbot doctor has seen enough")
        await asyncio.gather(visiting, return_exceptions=True)


def _all_voiced(connection_status: ConnectionStatus) -> bool:
    return all(membership.privileged for membership in connection_status.channels.values() if membership.joined)
