"""A person at an IRC client, for tests: the demo's client, which may also say what no good client would."""

from __future__ import annotations

import asyncio
import re
from typing import Self

from trainbot.ops.demo import irc_client as client

DEADLINE = 15.0


class Client(client.IrcClient):
    """``expect`` raises AssertionError where the connection ended."""

    @classmethod
    async def connect(cls, port: int, nick: str, *, source: str = "127.0.0.2", caps: str = "") -> Self:
        """Registered on the server at loopback's ``port``, from the address ``source``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        person = cls(reader, writer, nick)
        await person.register(caps)
        return person

    async def register(self, caps: str = "") -> None:
        if caps:
            self.send(f"CAP REQ :{caps}")
            await self.expect(r" CAP \S+ ACK ")
            self.send("CAP END")
        await super().register()

    def send(self, line: str | bytes) -> None:
        """As it is, whatever it is."""
        self._writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    async def identify(self, account: str, password: str) -> None:
        """Logs in to services, as somebody would who connected without SASL."""
        self.say("NickServ", f"IDENTIFY {account} {password}")
        await self.expect(r" 900 |now (identified|logged in)")

    async def expect(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The first line that matches, of those not looked at yet."""
        try:
            return await super().expect(pattern, within)
        except ConnectionError as error:
            raise AssertionError(f"{error}; no {pattern!r}") from None

    async def synced(self) -> None:
        """Everything said before was handled by the server, and what came of it has come."""
        self.send("PING :synced")
        await self.expect(r"PONG .*synced")

    async def ended(self) -> None:
        """Waits for the server to close the connection."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait([self._task])
