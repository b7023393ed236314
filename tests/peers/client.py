"""A person at an IRC client, for tests: says raw lines, expects patterns."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

DEADLINE = 15.0


class Client:
    """``lines`` holds all that came; ``expect`` looks only at what came after the last match."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nick: str) -> None:
        self.nick = nick
        self.lines: list[str] = []
        self._seen = 0
        self._more = asyncio.Condition()
        self._reader, self._writer = reader, writer
        self._ended = False
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls,
        port: int,
        nick: str,
        *,
        source: str = "127.0.0.2",
        caps: str = "",
    ) -> Client:
        """Registered on the server at loopback's ``port``, from the address ``source``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        client = cls(reader, writer, nick)
        if caps:
            client.send(f"CAP REQ :{caps}")
        client.send(f"NICK {nick}")
        client.send(f"USER {nick} 0 * :{nick}")
        if caps:
            await client.expect(r" CAP \S+ ACK ")
            client.send("CAP END")
        await client.expect(r" (376|422) ")
        return client

    def send(self, line: str | bytes) -> None:
        self._writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def say(self, target: str, text: str) -> None:
        self.send(f"PRIVMSG {target} :{text}")

    async def join(self, channel: str) -> None:
        self.send(f"JOIN {channel}")
        await self.expect(rf" 366 \S+ {re.escape(channel)} ")

    async def identify(self, account: str, password: str) -> None:
        """Logs in to services, as somebody would who connected without SASL."""
        self.say("NickServ", f"IDENTIFY {account} {password}")
        await self.expect(r" 900 |now (identified|logged in)")

    async def expect(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The first line that matches, of those not looked at yet."""
        async with self._more:
            async with asyncio.timeout(within):
                while True:
                    while self._seen < len(self.lines):
                        self._seen += 1
                        if found := re.search(pattern, self.lines[self._seen - 1]):
                            return found
                    if self._ended:
                        raise AssertionError(f"{self.nick} was disconnected; no {pattern!r}")
                    await self._more.wait()

    async def synced(self) -> None:
        """Everything said before was handled by the server, and what came of it has come."""
        self.send("PING :synced")
        await self.expect(r"PONG .*synced")

    async def ended(self) -> None:
        """Waits for the server to close the connection."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait([self._task])

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            async for raw in self._reader:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("PING"):
                    self.send(line.replace("PING", "PONG", 1))
                async with self._more:
                    self.lines.append(line)
                    self._more.notify_all()
        except OSError:
            pass
        finally:
            self._ended = True
            async with self._more:
                self._more.notify_all()
