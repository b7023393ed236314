"""Examines the IRC connection: asks the running bot, or connects once itself if none runs."""

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
from trainbot.ops.doctor.irc_findings import IRC, account_findings, irc_findings, settings_findings, unreached_findings

RESOLVE = 12.0  # seconds
VISIT = 45.0
SERVICES = 3.0  # seconds for a network's services to voice us after we have joined


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
                    "the running bot is an older version",
                    "so it cannot report its IRC status",
                    "restart it",
                ),
                *settings,
            ]
        found.append(IRC.ok(f"the bot is running (process {bot.get('pid')}) and was asked"))
    elif bot_runs(bot):
        return [
            IRC.failed("the running bot does not report its status", bot, "so it is unknown whether it works"),
            *settings,
        ]
    else:
        found.append(IRC.note("no bot is running, so doctor connected to the network once, as the bot would"))
        connection_status = await _visit(here)
    return [
        *found,
        *irc_findings(config, connection_status, time.time()),
        *account_findings(here.config, connection_status),
        *settings,
    ]


def _resolve(server: str, port: int) -> int:
    try:
        return len(socket.getaddrinfo(server, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise BackendError(
            f"the name {server} cannot be resolved ({getattr(error, 'strerror', None) or error})"
        ) from None


async def _visit(here: LocalFacts) -> ConnectionStatus:
    """Connects once with the login in bot.ini, until our state in every channel is known or the connection failed."""
    news = asyncio.Event()
    try:
        connection = IrcConnection(here.config.irc, lambda event: None, heard=news.set)
    except ConfigError as error:
        raise BackendError("; ".join(error.problems)) from None
    tasks = Tasks()
    visiting = tasks.start(connection.visit(), "a connection to IRC", awaited=True)
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
            seen = replace(seen, trouble="the server did not complete the login in time")
        return seen
    finally:
        await connection.close("trainbot doctor is done")
        await asyncio.gather(visiting, return_exceptions=True)


def _all_voiced(connection_status: ConnectionStatus) -> bool:
    return all(membership.privileged for membership in connection_status.channels.values() if membership.joined)
