"""A wire between two servers that can be cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

from trainbot.core.tasks import Tasks


class Relay:
    """Listens at ``port`` of ``host`` and passes everything on to the port ``to`` on loopback, unless it is cut."""

    def __init__(self, port: int, to: int, host: str = "127.0.0.1") -> None:
        self.port, self.to, self.host, self.whole = port, to, host, True
        self._tasks = Tasks()
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._tasks.close()

    def cut(self) -> None:
        self.whole = False
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        self.whole = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.whole:
            writer.transport.abort()
            return
        try:
            onward, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        self._tasks.start(self._pass_on(reader, back), "a relay")
        self._tasks.start(self._pass_on(onward, writer), "a relay")

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            with suppress(OSError):
                writer.close()
