"""Watches a lab's address until an ssh server speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

PAUSE = 0.5  # seconds between tries
PATIENCE = 5.0  # seconds one connection may say nothing: QEMU accepts before the guest listens


async def until_ssh(address: str, port: int) -> None:
    """Returns when the server there has said its version (RFC 4253 4.2).  For ever: whoever waits cancels."""
    while not await _speaks(address, port):
        await asyncio.sleep(PAUSE)


async def any_speaks(endpoints: Iterable[tuple[str, int]]) -> bool:
    """Whether an ssh server answers at one of these addresses, within some seconds."""
    return any(await asyncio.gather(*(_speaks(address, port) for address, port in endpoints)))


async def _speaks(address: str, port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(address, port, limit=1024)
            return (await reader.read(4)).startswith(b"SSH-")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
