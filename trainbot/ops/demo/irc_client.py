"""A small IRC client for the people in the demo."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from trainbot.core.tasks import Tasks

DEADLINE = 20.0  # seconds that an expected line may take


class IrcClient:
    """``lines``: all raw lines received; ``expect`` looks only at those received after its last match.  ``heard``:
    called with each raw line."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        nick: str,
        heard: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.nick, self.heard = nick, heard
        self.lines: list[str] = []
        self._seen = 0
        self._more = asyncio.Condition()
        self._reader, self._writer = reader, writer
        self._ended = False
        self._tasks = Tasks()
        self._task = self._tasks.start(self._read(), f"what {nick} hears")

    @classmethod
    async def connect(
        cls, port: int, nick: str, *, webirc: str = "", heard: Callable[[str], None] = lambda line: None
    ) -> IrcClient:
        """A client registered with the server at 127.0.0.1:``port``.  ``webirc``: "PASSWORD HOST", if the server is to show
        that host (https://ircv3.net/specs/extensions/webirc)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = cls(reader, writer, nick, heard)
        if webirc:
            password, _, host = webirc.partition(" ")
            client.send(f"WEBIRC {password} demo {host} {host}")  # without DNS, ngircd shows the last one
        await client.register()
        return client

    async def register(self) -> None:
        self.send(f"NICK {self.nick}")
        self.send(f"USER {self.nick} 0 * :{self.nick}")
        await self.expect(r" (376|422) ")

    def send(self, line: str) -> None:
        self._writer.write(re.sub(r"[\r\n\0]", " ", line).encode() + b"\r\n")

    def say(self, target: str, text: str) -> None:
        self.send(f"PRIVMSG {target} :{text}")

    async def join(self, channel: str) -> None:
        self.send(f"JOIN {channel}")
        await self.expect(rf" 366 \S+ {re.escape(channel)} ")

    async def expect(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The first matching line that was not looked at yet; raises TimeoutError or ConnectionError."""
        async with self._more, asyncio.timeout(within):
            while True:
                while self._seen < len(self.lines):
                    self._seen += 1
                    if found := re.search(pattern, self.lines[self._seen - 1]):
                        return found
                if self._ended:
                    raise ConnectionError(f"{self.nick} was disconnected")
                await self._more.wait()

    async def close(self) -> None:
        self.send("QUIT :bye")
        await self._tasks.close()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            async for raw in self._reader:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("PING"):
                    self.send(line.replace("PING", "PONG", 1))
                    continue
                self.heard(line)
                async with self._more:
                    self.lines.append(line)
                    self._more.notify_all()
        except OSError:
            pass
        finally:
            self._ended = True
            async with self._more:
                self._more.notify_all()
