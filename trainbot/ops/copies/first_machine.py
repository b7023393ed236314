"""Whether the machine that sends copies is still there, as far as this one can see: signs of life.

Nothing here trusts a clock of that machine, and a connection that a server has not given up yet is no sign of life.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from trainbot.adapters.copies.folder import Copy, CopyFolder
from trainbot.adapters.hosts.claim import STILL, Claimant
from trainbot.adapters.hosts.drivers import driver_for
from trainbot.adapters.state_folder import HOST_KEY
from trainbot.bot.irc_question import ask
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.gateway.ssh_probe import host_key_at, public_half
from trainbot.model.copies import Manifest
from trainbot.model.host import HostConfig
from trainbot.model.host_address import host_address

FRESH = 10.0  # seconds in which a bot that is there sends something
_LOOK = 5.0  # seconds between two looks at the hosts
_ALWAYS_ON = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Signs:
    """``alive``: what of the first machine was heard, a clause each; ``unreached``: what could not be asked; ``hosts``: the
    hosts that answered."""

    alive: tuple[str, ...]
    unreached: tuple[str, ...]
    hosts: tuple[HostConfig, ...]


async def signs_of_life(config: Config, copy: Copy, manifest: Manifest) -> Signs:
    """Looks everywhere at the same time; takes about as long as a bot may be silent on a host (``claim.STILL``)."""
    shared = [host for host in config.hosts if host_address(host.uri).remote and host_address(host.uri).root is None]
    found = await asyncio.gather(
        _copies(CopyFolder(copy.path.parent)),
        _irc(config),
        _gateway(config, copy, manifest),
        *(asyncio.to_thread(_host, host, manifest.installation) for host in shared),
    )
    alive = [text for text, trouble in found if text and not trouble]
    unreached = [text for text, trouble in found if trouble]
    answered = tuple(host for host, (_text, trouble) in zip(shared, found[3:], strict=True) if not trouble)
    return Signs(tuple(alive), tuple(unreached), answered)


async def _copies(folder: CopyFolder) -> tuple[str, bool]:
    """Whether anything still arrives: a word every second, or parts of a new copy."""
    before = folder.mark()
    await asyncio.sleep(FRESH)
    return ("it still sends copies" if folder.mark() != before else ""), False


async def _irc(config: Config) -> tuple[str, bool]:
    try:
        return (f"{config.irc.nick} answers on IRC" if await ask(config.irc) else ""), False
    except BackendError as error:
        return str(error), True


async def _gateway(config: Config, copy: Copy, manifest: Manifest) -> tuple[str, bool]:
    address, port = config.labs.public_address, config.gateway.listen[0][1]
    key = next((file.name for file in manifest.files if file.name.endswith(f"/{HOST_KEY}")), "")
    if address in _ALWAYS_ON or not key:
        return "", False
    try:
        ours = public_half(copy.file(key))
        same = await host_key_at(address, port) == ours
    except BackendError:
        return "", False  # nothing answers there, which is what was to be found out
    return (f"its ssh gateway answers at {address} port {port}" if same else ""), False


def _host(host: HostConfig, owner: str) -> tuple[str, bool]:
    """Whether the sign that its bot leaves there changes.  Runs in a thread."""
    driver = driver_for(host, owner, claimant=Claimant(owner))
    try:
        before, until = driver.signs(), time.monotonic() + STILL
        while before and time.monotonic() < until:
            time.sleep(min(_LOOK, max(until - time.monotonic(), 0.1)))
            if driver.signs() - before:
                return f"it still works on host {host.name}", False
        return "", False
    except BackendError as error:
        return f"host {host.name} does not answer ({error})", True
    finally:
        driver.close()
