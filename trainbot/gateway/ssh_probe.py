"""The gateway as somebody sees it who comes with ssh, and the key that it goes into labs with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh

from trainbot.core.errors import BackendError


async def host_key_at(address: str, port: int, seconds: float = 10.0) -> str:
    """ "TYPE BASE64" of whoever speaks ssh there; BackendError where nobody does."""
    try:
        async with asyncio.timeout(seconds):
            key = await asyncssh.get_server_host_key(address, port, config=None)
    except TimeoutError:
        raise BackendError(f"no ssh server answers within {seconds:g} s") from None
    except OSError as error:
        raise BackendError((error.strerror or str(error)).lower()) from None
    except asyncssh.Error as error:
        raise BackendError(f"what answers there is no ssh server ({type(error).__name__})") from None
    if key is None:
        raise BackendError("it shows no host key")
    return " ".join(key.export_public_key().decode("ascii").split()[:2])


def public_half(private: Path) -> str:
    """ "TYPE BASE64" of a private key; BackendError where it cannot be read or wants a passphrase."""
    try:
        key = asyncssh.read_private_key(private)
    except OSError as error:
        raise BackendError(f"{private} cannot be read ({(error.strerror or str(error)).lower()})") from None
    except asyncssh.KeyImportError:
        raise BackendError(f"{private} is no private key, or has a passphrase") from None
    return " ".join(key.export_public_key().decode("ascii").split()[:2])
