"""The gateway's host key as an ssh client sees it, and the public half of a private key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh

from trainbot.core.errors import BackendError


async def host_key_at(address: str, port: int, seconds: float = 10.0) -> str:
    """ "TYPE BASE64" of the ssh server at that address; BackendError if there is none."""
    try:
        async with asyncio.timeout(seconds):
            key = await asyncssh.get_server_host_key(address, port, config=None)
    except TimeoutError:
        raise BackendError(f"no ssh server answers within {seconds:g} s") from None
    except OSError as error:
        raise BackendError((error.strerror or str(error)).lower()) from None
    except asyncssh.Error as error:
        raise BackendError(f"not an ssh server ({type(error).__name__})") from None
    if key is None:
        raise BackendError("it sends no host key")
    return " ".join(key.export_public_key().decode("ascii").split()[:2])


def public_half(private: Path) -> str:
    """ "TYPE BASE64" of a private key; BackendError if it cannot be read or has a passphrase."""
    try:
        key = asyncssh.read_private_key(private)
    except OSError as error:
        raise BackendError(f"cannot read {private} ({(error.strerror or str(error)).lower()})") from None
    except asyncssh.KeyImportError:
        raise BackendError(f"{private} is not a private key, or has a passphrase") from None
    return " ".join(key.export_public_key().decode("ascii").split()[:2])
