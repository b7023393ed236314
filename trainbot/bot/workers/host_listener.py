"""Listens to hosts of which something is missed: each second new tries, side by side, at their sshd and their labs.

A try may take longer than a second (a lost SYN is sent again after one, three and seven seconds; a busy sshd takes its
time), so it goes on beside those of the following rounds, and whichever answers first counts.

An answer costs the host a new process, in a lab as well, so a busy host is asked less often: the longer it takes, the
longer it is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from trainbot.adapters.hosts.probe import Greeting, any_speaks
from trainbot.core.tasks import Tasks
from trainbot.gateway.rpc.gateway_client import GatewayAway, GatewayClient, GatewayRefused
from trainbot.model.jump_host import JumpHost
from trainbot.model.lab_events import HostProbed, ProbeHost

log = logging.getLogger(__name__)
ROUND = 1.0  # seconds
# seconds between two connections to one sshd: it shuts out who comes more than once a second and does not log in
# (PerSourcePenalties, sshd_config(5)), and the gateway comes from the same address
APART = 0.9
AWAKE = 2.0  # seconds between the ends of two rounds; if it was longer, this process was not awake
PATIENCE = 20.0  # seconds for the greeting of an sshd: three times [labs] lost_after, and a little more
MOST = 3  # tries that may be connected to an sshd and wait: it refuses more at some time (MaxStartups, sshd_config(5))
WAITING = 5.0  # seconds, times those that wait, until another one is connected beside them
REST = 2.0  # times what an answer took: how long whoever gave it is left alone
GATEWAY = 0.5  # seconds until a gateway that is being restarted is asked again


@dataclass
class _Tries:
    """What is being tried at one host.  ``greeted_at``: when the last connection to its sshd began; ``sshd_rests``,
    ``labs_rest``: until when they are left alone; ``ended``: when its last round was over (all in the loop's time)."""

    greetings: list[Greeting] = field(default_factory=list)
    labs: set[asyncio.Task[bool]] = field(default_factory=set)
    greeted_at: float = -APART
    sshd_rests: float = 0.0
    labs_rest: float = 0.0
    ended: float = 0.0
    round: bool = False

    def may_greet(self, now: float) -> bool:
        """Whether another connection to its sshd is worth what it costs."""
        waiting = sum(each.connected for each in self.greetings if not each.task.done())
        apart = max(APART, WAITING * waiting)
        return waiting < MOST and now >= self.sshd_rests and now - self.greeted_at >= apart

    def drop_ended(self) -> None:
        self.greetings = [greeting for greeting in self.greetings if not greeting.task.done()]
        self.labs = {task for task in self.labs if not task.done()}

    @property
    def greeted(self) -> list[asyncio.Task[bool]]:
        return [greeting.task for greeting in self.greetings]


class HostListener:
    """``post`` gets a HostProbed for each round.  ProbeHosts for a host whose round is not over join it.  No sshd is left
    alone for longer than half of ``lost_after``."""

    def __init__(self, gateway: GatewayClient, post: Callable[[HostProbed], None], lost_after: timedelta) -> None:
        self._gateway, self._post = gateway, post
        self._longest_rest = lost_after.total_seconds() / 2
        self._hosts: defaultdict[str, _Tries] = defaultdict(_Tries)
        self._tasks = Tasks()

    def listen(self, wanted: ProbeHost) -> None:
        """Posts HostProbed as soon as everything that was tried has answered, or after a second."""
        tries = self._hosts[wanted.host]
        if not tries.round:
            tries.round = True
            self._tasks.start(self._round(wanted, tries), f"listening to host {wanted.host}")

    async def close(self) -> None:
        await self._tasks.close()

    async def _round(self, wanted: ProbeHost, tries: _Tries) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() if wanted.begins else tries.ended
        end = loop.time() + ROUND
        speaks = greets = accepts = False
        try:
            self._begin(wanted, tries)
            while True:
                speaks = any(_said_yes(task) for task in tries.labs)
                greets = any(greeting.came for greeting in tries.greetings)
                waiting = {task for task in (*tries.labs, *tries.greeted) if not task.done()}
                left = end - loop.time()
                if left <= 0 or not waiting or (greets and (speaks or not wanted.endpoints)):
                    break
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            accepts = any(greeting.connected for greeting in tries.greetings)
        except Exception:
            log.exception("could not listen to host %s", wanted.host)
        tries.drop_ended()
        if not speaks and not greets:
            await asyncio.sleep(max(0.0, end - loop.time()))
        tries.round, tries.ended = False, loop.time()
        span = tries.ended - since
        self._post(HostProbed(wanted.host, speaks, greets, accepts, span if span <= AWAKE else 0.0))

    def _begin(self, wanted: ProbeHost, tries: _Tries) -> None:
        """Begins what is not being tried enough yet.  What has ended since the round before counts in this one."""
        if wanted.begins:
            tries.drop_ended()
        now = asyncio.get_running_loop().time()
        if wanted.via and tries.may_greet(now):
            tries.greeted_at = now
            there = JumpHost.parse(wanted.via)
            greeting = Greeting(there.address, there.port)
            greeting.task = self._tasks.start(self._greet(greeting, tries), "a host's greeting", awaited=True)
            tries.greetings.append(greeting)
        if wanted.endpoints and now >= tries.labs_rest and len(tries.labs) < (1 if wanted.via else MOST):
            look = self._look(wanted, tries)
            tries.labs.add(self._tasks.start(look, f"the labs of host {wanted.host}", awaited=True))

    async def _greet(self, greeting: Greeting, tries: _Tries) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if came := await greeting.wait(PATIENCE):
            tries.sshd_rests = self._after_rest(began, loop.time())
        return came

    async def _look(self, wanted: ProbeHost, tries: _Tries) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if spoke := await (self._through(wanted) if wanted.via else any_speaks(wanted.endpoints)):
            tries.labs_rest = self._after_rest(began, loop.time())
        return spoke

    def _after_rest(self, began: float, now: float) -> float:
        """When whoever has answered now what began then may be asked again."""
        return now + min(REST * (now - began), self._longest_rest)

    async def _through(self, wanted: ProbeHost) -> bool:
        """Whether any lab answers that is reached through a jump host."""
        while True:
            looks = [self._gateway.speaks(endpoint, wanted.via) for endpoint in wanted.endpoints]
            looking = [self._tasks.start(look, "a look at a lab", awaited=True) for look in looks]
            try:
                for done in asyncio.as_completed(looking):
                    if await done:
                        return True
                return False
            except GatewayAway:
                await asyncio.sleep(GATEWAY)
            except GatewayRefused as error:
                log.debug("cannot reach the labs of host %s: %s", wanted.host, error)
                return False
            finally:
                for task in looking:
                    task.cancel()
                await asyncio.gather(*looking, return_exceptions=True)


def _said_yes(task: asyncio.Task[bool]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None and task.result()
