"""Waits until an ssh server answers at a lab's address, and computes how busy a host's disks are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

PAUSE = 0.5  # seconds between tries
PATIENCE = 5.0  # seconds that a connection may stay silent: QEMU accepts it before the guest listens
IO_WAIT = 4  # its index in the counts of /proc/stat


async def until_ssh(address: str, port: int) -> None:
    """Returns once the server there has sent its version (RFC 4253 4.2).  Has no timeout: the caller cancels it."""
    while not await speaks(address, port):  # noqa: ASYNC110  there is nothing to wait on but the server
        await asyncio.sleep(PAUSE)


async def any_speaks(endpoints: Iterable[tuple[str, int]]) -> bool:
    """Whether an ssh server answers at one of these addresses, within ``PATIENCE`` seconds."""
    return any(await asyncio.gather(*(speaks(address, port) for address, port in endpoints)))


async def speaks(address: str, port: int, patience: float = PATIENCE) -> bool:
    """Whether an ssh server answers there, within ``patience`` seconds."""
    writer = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(address, port, limit=1024)
            return (await reader.read(4)).startswith(b"SSH-")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Greeting:
    """One try to be greeted by an sshd.  ``connected``: its machine has accepted the connection; ``came``: it sent its first
    bytes, whatever they are, since one that refuses for now (MaxStartups, sshd_config(5)) is alive too."""

    task: asyncio.Task[bool]

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self.connected = self.came = False

    async def wait(self, patience: float) -> bool:
        """Whether it came within ``patience`` seconds."""
        writer = None
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_connection(*self._where, limit=1024)
                self.connected = True
                self.came = bool(await reader.read(1))
        except (OSError, TimeoutError):
            pass
        finally:
            if writer is not None:
                writer.close()
        return self.came


def io_wait(before: Sequence[int], now: Sequence[int]) -> float | None:
    """Returns the share of all cores' time, between two readings of /proc/stat, that was spent waiting for disks, 0 to
    1.

    None if no time passed or the host was rebooted between them.  Single counts may go down a little (proc(5)).
    """
    passed = [new - old for old, new in zip(before, now, strict=True)]
    total = sum(passed)
    if total <= 0:
        return None
    return min(1.0, max(0.0, passed[IO_WAIT] / total))
