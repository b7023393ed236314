"""The tiny lab is a lab like any other: what the other tests do with it rests on this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncssh
import pytest
from watched import endpoint, greeting
from xen_host import XenHost, until

from trainbot.gateway.lab.pipe import CIPHERS
from trainbot.images.build.image_folder import BuiltImage
from trainbot.model.host import GuestType

pytestmark = pytest.mark.xen
Enter = Callable[[XenHost, tuple[str, int]], AbstractAsyncContextManager[asyncssh.SSHClientConnection]]


@pytest.fixture
def enter(lab_image, tiny_image: BuiltImage) -> Enter:
    """enter(host, endpoint): in a tiny lab as the gateway is, through dom0."""

    @asynccontextmanager
    async def entered(host: XenHost, there: tuple[str, int]) -> AsyncIterator[asyncssh.SSHClientConnection]:
        usual = {"config": None, "agent_path": None, "preferred_auth": ["publickey"]}
        jump = asyncssh.connect(
            "127.0.0.1",
            host.ssh_port,
            username="root",
            client_keys=[host.image.key],
            known_hosts=([asyncssh.import_public_key(host.image.host_key)], [], []),
            **usual,
        )
        async with (
            jump as dom0,
            asyncssh.connect(
                *there,
                tunnel=dom0,
                username=tiny_image.user,
                client_keys=[lab_image.key],
                encryption_algs=CIPHERS,
                known_hosts=([asyncssh.import_public_key(tiny_image.host_key)], [], []),
                **usual,
            ) as lab,
        ):
            yield lab

    return entered


async def test_the_installations_key_opens_it(first, drivers, tiny, enter):
    """Whoever has the installation's key is root there, with commands and with a terminal; what is kept on its disk
    outlives a reboot from inside, and not a reset."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PV)
    driver.make(spec)
    there = endpoint(driver, spec.id)
    await asyncio.to_thread(until, lambda: first.greeting(*there), f"ssh at {there}")
    async with enter(first, there) as lab:
        assert (await lab.run("id -un; echo $HOME; kept", check=True)).stdout == "root\n/root\n\n"
        assert (await lab.run("exit 7")).exit_status == 7
        shell = await lab.run(input="tty\nstty size\nexit\n", term_type="vt100", term_size=(80, 24))
        assert "/dev/pts/0" in shell.stdout and "24 80" in shell.stdout
        await lab.run("keep word", check=True)
        await lab.run("reboot")
    assert await asyncio.to_thread(greeting, first, driver, spec.id) == "PV boots=2"
    async with enter(first, there) as lab:
        assert (await lab.run("kept", check=True)).stdout == "word\n"
    await asyncio.to_thread(driver.reset, spec)
    assert await asyncio.to_thread(greeting, first, driver, spec.id) == "PV boots=1"
    async with enter(first, there) as lab:
        assert (await lab.run("kept", check=True)).stdout == "\n"
