"""A server that says what the test says: for greetings, refusals and rubbish no real server sends."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Self

DEADLINE = 15.0


class ScriptedServer:
    """Listens on loopback; ``accept`` gives the next client.  ``lines`` of it are what it said."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._clients: asyncio.Queue[ScriptedClient] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._on_client, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()

    async def accept(self) -> ScriptedClient:
        async with asyncio.timeout(DEADLINE):
            return await self._clients.get()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.put_nowait(ScriptedClient(reader, writer))


class ScriptedClient:
    """One accepted connection, from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.lines: list[str] = []
        self.answers_pings = False

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            raw = line if isinstance(line, bytes) else line.encode()
            self._writer.write(raw + b"\r\n")

    async def hear(self, pattern: str) -> re.Match[str]:
        """The next line that matches; what comes before it is kept in ``lines``."""
        async with asyncio.timeout(DEADLINE):
            while raw := await self._reader.readline():
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\r\n"))
                if self.answers_pings and self.lines[-1].startswith("PING "):
                    self.say(f":irc.test PONG irc.test {self.lines[-1][5:]}")
                if found := re.search(pattern, self.lines[-1]):
                    return found
        raise AssertionError(f"the client left without {pattern!r}: {self.lines[-5:]}")

    async def gone(self) -> None:
        """Waits until the client has closed its end."""
        async with asyncio.timeout(DEADLINE):
            with suppress(ConnectionResetError):  # it left without reading all that we said
                while raw := await self._reader.readline():
                    self.lines.append(raw.decode("utf-8", "replace").rstrip("\r\n"))

    async def welcome(self, nick: str = "trainbot", channel: str = "#class") -> None:
        """A plain greeting, without capabilities, up to the end of the roll call."""
        await self.hear("^USER")
        self.say(
            ":irc.test CAP * LS :",
            f":irc.test 001 {nick} :Welcome",
            f":irc.test 005 {nick} CASEMAPPING=ascii CHANTYPES=# :are supported",
            f":irc.test 376 {nick} :End of MOTD",
        )
        await self.hear(f"^JOIN {channel}")
        self.say(f":{nick}!bot@bot.test JOIN {channel}")
        await self.hear(f"^WHO {channel}")
        self.say(f":irc.test 315 {nick} {channel} :End")

    def stop_reading(self) -> None:
        """From now on what the client says stays in the kernel, until that is full."""
        self._writer.transport.pause_reading()

    def drop(self) -> None:
        self._writer.transport.abort()
