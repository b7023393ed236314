"""Probes from outside: labs that are booting, labs of the pool, and the hosts themselves.

A lab is probed through the gateway, the same way its learner will connect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable

from trainbot.adapters.hosts.probe import io_wait, until_ssh
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.gateway.rpc.gateway_client import GatewayAway, GatewayClient, GatewayRefused, HostReading
from trainbot.model.host import HostConfig, HostDoubted
from trainbot.model.jump_host import NODE
from trainbot.model.lab_events import (
    CheckLogin,
    HostStatus,
    LabBooted,
    LabRoute,
    LoginChecked,
    Probe,
)

log = logging.getLogger(__name__)
PAUSE, LONGEST_PAUSE = 0.5, 4.0  # seconds between tries; through a jump host, each try starts a process on a busy host
LOGIN = 20.0  # seconds that a login may take: a lab without hardware virtualisation is slow
EXPECTED = ("silent", "timeout", "refused")  # reasons that are normal while a lab boots
BLAMELESS = ("door", "no key", "request")  # reasons that say nothing about the lab


class LabProbes:
    """``post`` gets the events: LabBooted, LoginChecked, HostStatus, HostDoubted."""

    def __init__(
        self,
        gateway: GatewayClient,
        post: Callable[[LabBooted | LoginChecked | HostStatus | HostDoubted], None],
    ) -> None:
        self._gateway, self._post = gateway, post
        self._labs: dict[str, asyncio.Task[None]] = {}
        self._tasks = Tasks()
        self._asking: set[str] = set()
        self._last: dict[str, HostReading] = {}
        self._trouble: dict[str, str] = {}

    def probe(self, wanted: Probe) -> None:
        """Posts LabBooted as soon as a login works; tries until it is stopped."""
        self._watch(wanted.lab, self._boot(wanted.lab, wanted.way))

    def check(self, wanted: CheckLogin) -> None:
        """Posts LoginChecked after one try.  A failure that is not the lab's fault (no gateway, a failing jump host) is
        not counted against it."""
        self._watch(wanted.lab, self._check(wanted.lab, wanted.way))

    def stop(self, lab: str) -> None:
        task = self._labs.pop(lab, None)
        if task is not None:
            task.cancel()

    def ask_hosts(self, up: Iterable[HostConfig]) -> None:
        """Posts HostStatus, or HostDoubted, for each of these hosts that has a jump host; skips those that are still being
        asked."""
        for host in up:
            if host.door and NODE not in host.door and host.name not in self._asking:
                self._asking.add(host.name)
                self._tasks.start(self._ask(host), f"asking host {host.name} how it is")

    async def close(self) -> None:
        await self._tasks.close()

    # -- how it is done

    def _watch(self, lab: str, work: Coroutine[None, None, None]) -> None:
        self.stop(lab)
        task = self._labs[lab] = self._tasks.start(work, f"watching lab {lab}")
        task.add_done_callback(lambda done: self._labs.get(lab) is done and self._labs.pop(lab))

    async def _boot(self, lab: str, way: LabRoute) -> None:
        if not way.host_key and not way.via:
            await until_ssh(way.address, way.port)
            return self._post(LabBooted(lab))
        pause, said = PAUSE, ""
        while True:
            try:
                await self._enter(way)
                return self._post(LabBooted(lab))
            except GatewayAway:
                pass  # the gateway is being restarted
            except GatewayRefused as error:
                if error.reason not in EXPECTED and str(error) != said:
                    said = str(error)
                    log.warning("lab %s boots, but: %s", lab, said)
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, LONGEST_PAUSE) if way.via else PAUSE

    async def _check(self, lab: str, way: LabRoute) -> None:
        error, slow = "", False
        try:
            await self._enter(way)
        except GatewayRefused as why:
            if why.reason in BLAMELESS:
                log.warning("could not log in to lab %s: %s", lab, why)
            else:
                error, slow = str(why), why.reason == "timeout"
        except GatewayAway as why:
            log.info("could not log in to lab %s: %s", lab, why)
        self._post(LoginChecked(lab, error, slow))

    async def _enter(self, way: LabRoute) -> None:
        """Logs in and out again; if the lab's host key is not known, only checks that its ssh server answers.
        BackendError if it fails."""
        if not way.host_key:
            if not await self._gateway.speaks((way.address, way.port), way.via):
                raise GatewayRefused("no ssh server answers there yet", "silent")
            return
        ran = await self._gateway.login(
            (way.address, way.port),
            way.via,
            user=way.user,
            host_key=way.host_key,
            command="true",
            timeout=LOGIN,
            limit=0,
        )
        if ran.exit != 0:
            raise GatewayRefused(f"the login works, but commands do not (true ended with {ran.exit})", "refused")

    async def _ask(self, host: HostConfig) -> None:
        try:
            now = await self._gateway.status(host.door)
        except BackendError as error:
            if self._trouble.get(host.name) != str(error):
                log.warning("cannot read the state of host %s: %s", host.name, error)
            self._trouble[host.name] = str(error)
            if not isinstance(error, GatewayAway):
                self._post(HostDoubted(host.name, str(error)))
            return
        finally:
            self._asking.discard(host.name)
        self._trouble.pop(host.name, None)
        before, self._last[host.name] = self._last.get(host.name), now
        self._post(
            HostStatus(
                host.name,
                io_wait(before.cpu, now.cpu) if before is not None else None,
                now.time - (now.asked + now.told) / 2,
            )
        )
