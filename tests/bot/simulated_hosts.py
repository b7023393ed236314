"""Hosts with faults on a virtual clock, watched by the real worker, listener and decisions: no thread, no socket.

A host answers with its libvirt, its sshd and one lab.  What each of them does is set by the fault it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from trainbot.adapters.hosts import worker
from trainbot.adapters.hosts.host_thread import HostCall
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.bot.workers import host_listener
from trainbot.bot.workers.host_listener import HostListener
from trainbot.core.errors import HostDown
from trainbot.features.labs.host_events import HostEvents
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.host_watch import HostWatch
from trainbot.model.config import LabsConfig
from trainbot.model.host import HostConfig, HostDoubted, HostLost, HostReport, HostUp
from trainbot.model.lab_events import HostProbed

STEP = 0.5  # seconds between two looks at a simulated host
NOTICED = 2 * STEP  # seconds for which it has to be well so that whoever listens hears it for certain
TICK = 2.0
FAULTS = ("well", "off", "libvirtd", "busy", "slow", "mute labs")


class SimulatedHost:
    """``fault``: one of FAULTS.  ``off``: no packet comes back, as with the power or the network gone, or a frozen kernel;
    ``libvirtd``: that process was killed; ``busy``: libvirt and labs say nothing, its sshd takes four seconds; ``slow``:
    its sshd accepts connections and says nothing."""

    def __init__(self, number: int) -> None:
        self.config = HostConfig(f"xen{number}", f"xen+tls://10.0.0.{number}/system", door=f"tb@10.0.0.{number}:22")
        self.fault = "well"
        self.unplugged = False  # the network of the bot's machine is away
        self._heard = self._since = 0.0
        self.drop: Callable[[], None] = lambda: None  # libvirtd's end closes the connection

    @property
    def heard(self) -> float:
        """When its sshd could last be heard for certain."""
        now = asyncio.get_running_loop().time()
        return now if self.sshd is not None and now - self._since >= NOTICED else self._heard

    def gets(self, fault: str) -> None:
        self._heard, greeted = self.heard, self.sshd is not None
        self.fault = fault
        if greeted != (self.sshd is not None):
            self._since = asyncio.get_running_loop().time()
        if fault == "libvirtd":
            self.drop()

    @property
    def on(self) -> bool:
        return self.fault != "off" and not self.unplugged

    @property
    def libvirt(self) -> bool:
        return self.on and self.fault in ("well", "mute labs")

    @property
    def sshd(self) -> float | None:
        """Seconds until it greets."""
        return {"busy": 4.0, "slow": None}.get(self.fault, 0.01) if self.on else None

    @property
    def lab(self) -> bool:
        return self.on and self.fault in ("well", "libvirtd")


class SimulatedThread:
    """Stands for HostThreads: its calls end on the loop, and libvirt's keepalive is three times three seconds."""

    at_once = 1

    def __init__(
        self, host: SimulatedHost, generation: int, changed: Callable[[], None], done: Any, ended: Any
    ) -> None:
        self._host, self._generation, self._changed = host, generation, changed
        self._done, self._ended = done, ended
        self._heard: float | None = None  # None: not connected
        self._tasks: set[asyncio.Task[None]] = set()
        host.drop = self._drop
        self._start(self._keepalive())

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def give(self, work: HostCall) -> None:
        self._start(self._call(work))

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._ended(self._generation)

    def _drop(self) -> None:
        self._heard = None
        self._changed()

    async def _keepalive(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(STEP)
            if self._heard is None:
                continue
            if self._host.libvirt or (self._host.fault == "busy" and self._host.on):
                self._heard = loop.time()
            elif loop.time() - before > 1:
                self._heard = loop.time()  # libvirt counts the messages that it sent, not the time that passed
            elif loop.time() - self._heard > self._host.config.keepalive * (self._host.config.keepalive_count + 1):
                self._drop()

    async def _call(self, work: HostCall) -> None:
        try:
            await self._answer(work)
            self._done(self._generation, work, HostReport(self._host.config.name), None)
        except HostDown as error:
            self._done(self._generation, work, None, error)

    async def _answer(self, work: HostCall) -> None:
        opening = work.action == "open"
        if not opening and self._heard is None:
            raise HostDown("not connected")
        while not self._host.libvirt:
            if opening and self._host.fault == "libvirtd" and self._host.on:
                raise HostDown("connection refused")
            await asyncio.sleep(STEP)
            if not opening and self._heard is None:
                raise HostDown("connection closed")
        await asyncio.sleep(0.01)
        self._heard = asyncio.get_running_loop().time()


class Room:
    """The hosts, and what App does between events and decisions.  ``lost``: (seconds, host) of each loss."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = 2) -> None:
        self.hosts = {f"xen{n}": SimulatedHost(n) for n in range(1, number + 1)}
        self.lost: list[tuple[float, str]] = []
        self.heard_at_loss: list[tuple[float, str, float]] = []  # and when its sshd could last be heard
        self.greeted: dict[str, list[float]] = {name: [] for name in self.hosts}  # when
        self.alone: list[float] = []
        self.said: list[str] = []
        views = {name: HostView(host.config) for name, host in self.hosts.items()}
        self.views = views
        endpoint = ("10.77.0.2", 22)
        labs = SimpleNamespace(on_host=lambda _: [], all=lambda **_: [SimpleNamespace(endpoint=endpoint)])
        scheduler = SimpleNamespace(
            hosts=views, machines=views, view=views.get, drained=(), config=LabsConfig(), busy={}, strays=[]
        )
        store = SimpleNamespace(labs=labs, leases=None, notices=None, settings=None)
        failover = SimpleNamespace(
            move=lambda name, now: self._lose(name),
            nobody_answers=lambda now: self.alone.append(self.time()),
            heard_again=lambda name, now: self.said.append(f"{name} again"),
            overloaded=lambda name, now: self.said.append(f"{name} overloaded"),
        )
        self.events = HostEvents(scheduler, store)  # type: ignore[arg-type]
        self.watch = HostWatch(scheduler, store, failover)  # type: ignore[arg-type]
        by_address = {host.config.door.partition("@")[2].partition(":")[0]: host for host in self.hosts.values()}
        monkeypatch.setattr(host_listener, "Greeting", lambda address, _port: self._greet(by_address[address]))
        self.listener = HostListener(self, self.post, LabsConfig().lost_after)  # type: ignore[arg-type]
        by_name = self.hosts
        monkeypatch.setattr(
            worker,
            "HostThreads",
            lambda name, generation, new_driver, done, ended: SimulatedThread(
                by_name[name], generation, new_driver(), done, ended
            ),
        )

    def time(self) -> float:
        return asyncio.get_running_loop().time()

    def _greet(self, host: SimulatedHost) -> SimulatedGreeting:
        self.greeted[host.config.name].append(self.time())
        return SimulatedGreeting(host)

    def _lose(self, name: str) -> None:
        self.lost.append((self.time(), name))
        self.heard_at_loss.append((self.time(), name, self.hosts[name].heard))

    async def speaks(self, _endpoint: tuple[str, int], via: str) -> bool:
        """As GatewayClient's."""
        host = next(host for host in self.hosts.values() if host.config.door == via)
        for _ in range(6):
            if host.lab and host.sshd is not None:
                return True
            await asyncio.sleep(STEP)
        return False

    async def start(self) -> None:
        self.workers = {
            name: HostWorker(host.config, lambda changed: changed, self.post)  # type: ignore[arg-type,return-value]
            for name, host in self.hosts.items()
        }
        for each in self.workers.values():
            each.start()
        self._ticks = asyncio.create_task(self._tick())
        await asyncio.sleep(1)
        assert all(view.up for view in self.views.values())

    async def close(self) -> None:
        self._ticks.cancel()
        await self.listener.close()
        for each in self.workers.values():
            await each.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.watch.tick(self.now())
            self._work()

    def now(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=self.time())

    def post(self, event: object) -> None:
        asyncio.get_running_loop().call_soon(self._turn, event)

    def _turn(self, event: object) -> None:
        now = self.now()
        match event:
            case HostUp():
                self.events.host_up(event, now)
                self.watch.up(event, now)
                self.views[event.report.name].lost = False
            case HostLost():
                self.events.host_lost(event, now)
                self.watch.lost_connection(event, now)
            case HostDoubted():
                self.watch.doubted(event, now)
            case HostProbed():
                self.watch.probed(event, now)
        self._work()

    def _work(self) -> None:
        for wanted in self.watch.work():
            self.workers[wanted.host].refresh()
            self.listener.listen(wanted)


class SimulatedGreeting:
    """Stands for probe.Greeting."""

    task: asyncio.Task[bool]

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self.connected = self.came = False

    async def wait(self, patience: float) -> bool:
        waited = 0.0
        while waited < patience:
            self.connected = self.connected or self._host.on
            delay = self._host.sshd
            if delay is not None and waited >= delay:
                self.came = True
                return True
            step = STEP if delay is None or delay <= waited else min(STEP, delay - waited)
            await asyncio.sleep(step)
            waited += step
        return False
