"""systemd's side of sd_notify(3), as a socket of our own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainbot.adapters.service_manager import VARIABLES, ServiceManager

PERIOD = 0.04  # seconds of the watchdog


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The socket, and its address as NOTIFY_SOCKET gives it."""
    address = f"@trainbot-{tmp_path}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address.replace("@", "\0", 1))
        listener.settimeout(10)
        yield listener, address


def test_what_it_is_told(systemd):
    """Each change is one datagram; a status that stays is not said again, and is one line whatever is in it."""
    listener, address = systemd
    service = ServiceManager(address)
    service.ready()
    service.status("on\nIRC\x1b[31m")
    service.status("on\nIRC\x1b[31m")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.reloading()
    service.ready()
    service.stopping()
    said = [listener.recv(4096).decode() for _ in range(5)]
    assert said[:2] == ["READY=1", "STATUS=on IRC[31m"] and said[3:] == ["READY=1", "STOPPING=1"]
    word, usec = said[2].split("\nMONOTONIC_USEC=")
    assert word == "RELOADING=1" and before <= int(usec) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(
    ("period", "pid", "watchdog"),
    [
        ("30000000", "", 30.0),
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("x", "", None),
        ("²", "", None),
    ],
)
def test_no_child_speaks_for_us(monkeypatch, period, pid, watchdog):
    """The variables are taken out of the environment; a watchdog that is meant for another process is none."""
    for name, value in zip(VARIABLES, ("/run/x", period, str(os.getpid()) if pid == "ours" else pid), strict=True):
        monkeypatch.setenv(name, value)
    assert ServiceManager.from_environment()._watchdog == watchdog
    assert not [name for name in VARIABLES if name in os.environ]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody", "/" + "x" * 300, "@" + "x" * 300, "\0\0"])
async def test_nobody_who_listens_is_no_trouble(address):
    """A socket that is not there, or that cannot be, changes nothing."""
    service = ServiceManager(address)
    service.ready()
    service.status("well")
    await service.keep_alive()


def test_systemd_that_does_not_read_is_no_trouble(systemd):
    """A full socket holds nobody up."""
    _listener, address = systemd
    service = ServiceManager(address)
    for number in range(5000):
        service.status(str(number))


def test_a_held_loop_gives_no_sign_of_life(systemd):
    """Signs come while the loop runs, none while something holds it, and again afterwards."""
    listener, address = systemd
    held, holding = threading.Event(), threading.Event()

    def hold() -> None:
        ServiceManager(address).status("held")
        holding.set()
        held.wait(10)

    async def run(end: asyncio.Event) -> None:
        keeping = asyncio.create_task(ServiceManager(address, PERIOD).keep_alive())
        await end.wait()
        keeping.cancel()

    loop, end = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(end),))
    thread.start()
    try:
        assert [listener.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        loop.call_soon_threadsafe(hold)
        assert holding.wait(10)
        while listener.recv(99) != b"STATUS=held":
            pass
        listener.settimeout(5 * PERIOD)
        with pytest.raises(TimeoutError):
            listener.recv(99)
        held.set()
        listener.settimeout(10)
        assert listener.recv(99) == b"WATCHDOG=1"
    finally:
        held.set()
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
