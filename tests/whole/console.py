"""The serial console of a lab, as its person opens it through the gateway."""

from __future__ import annotations

import asyncio

from tests.whole.test_whole_machine import Learner


async def console_without_network(learner: Learner, patience: float) -> None:
    """Through the gateway and the host's jump host there is a root shell while no packet gets into the lab."""
    console = await learner.open("-tt", "xen-manage", "console")
    for typed, shown in (
        ("", b"ctrl-] to leave"),
        ("\n", b"# "),
        ("ip link set eth0 down; ip addr show eth0; echo off:$((1+1))\n", b"off:2"),
        ("ip link set eth0 up; echo on:$((1+1))\n", b"on:2"),
    ):
        console.stdin.write(typed.encode())
        async with asyncio.timeout(patience):
            await console.stdout.readuntil(shown)
    console.stdin.write(b"\x1d")
    async with asyncio.timeout(patience):
        assert await console.wait() == 0
    assert await learner.says("echo back") == "back"
