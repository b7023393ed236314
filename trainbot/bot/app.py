"""The running bot: adapters around ``Bot``, and one event loop that owns the state."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from trainbot.adapters.calendars.feed import where_of
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.adapters.irc.sts import StsPolicies
from trainbot.adapters.state_folder import CONTROL, state_folder
from trainbot.adapters.timers import Timers
from trainbot.bot.config_reload import taken_up
from trainbot.bot.control_requests import ControlRequest, GatewayAsked, RehearsalAsked, ShellCommand
from trainbot.bot.events import Event, Outcome, Tick
from trainbot.bot.installation import installation
from trainbot.bot.status import status
from trainbot.bot.turn import Bot
from trainbot.bot.wiring import Wiring
from trainbot.bot.workers.calendar_writer import CalendarFiles, CalendarWriter
from trainbot.bot.workers.lab_probes import LabProbes
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.bot.workers.script_runner import ScriptRunner
from trainbot.config import Config, load
from trainbot.core.access import NO_ORGANISER, Role
from trainbot.core.errors import BackendError, ConfigError, UserError
from trainbot.core.tasks import Tasks
from trainbot.gateway.routes import to_json
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.gateway.supervisor import Supervisor
from trainbot.model.host import HostConfig
from trainbot.model.lab_events import CheckLogin, HostWork, Probe, ProbeHost
from trainbot.model.script_events import RunScript

T = TypeVar("T")
log = logging.getLogger(__name__)
STS = "sts.json"  # in the state folder: which networks require TLS
TURN = 256  # at most this many events in one transaction
CROWDED = 5_000  # with this many events waiting, reading from IRC pauses
TICK = 2.0  # seconds
GATEWAY_LOOK = 15.0  # seconds
HOSTS_ASKED = 30.0  # seconds


class App:
    """One bot.  ``run()`` returns after ``stop()`` is called; BackendError if it cannot start.

    The gateway is started if none is running, and keeps running when the bot ends: ``gateway.process.stop`` ends it.
    """

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config, self.clock = config, clock
        self._inbox: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks = Tasks()
        state = state_folder(config)
        self.store = _open_store(config)
        try:
            self.irc = IrcConnection(config.irc, self.post, policies=StsPolicies(state / STS))
            here = installation(config, self.store)
            for why in here.unready.values():
                log.warning("%s", why)
            self.bot = Bot(Wiring(config, self.store, self.irc, here))
        except BaseException:
            self.store.close()
            raise
        self.maintenance = Maintenance(self.store.interrupt)
        self.control = ControlServer(state / CONTROL, self._answer)
        self.workers = {host.name: self._worker(host) for host in config.hosts}
        self.timers = Timers()
        self.supervisor = Supervisor(config.path, state, config.gateway.listen, config.gateway.service)
        self.probes = LabProbes(config.hosts, GatewayClient(state), self.post)
        calendar_files = CalendarFiles(where_of(config, here.owner), config.schedule, config.records.folder)
        self.calendar = CalendarWriter(config.store, config.irc, calendar_files, self.post)
        self.script_runner = ScriptRunner(GatewayClient(state), self.post)

    def _worker(self, host: HostConfig) -> HostWorker:
        owner = self.bot.wiring.scheduler.owner
        return HostWorker(host, lambda changed: LibvirtDriver(host, owner, changed), self.post)

    # -- the loop --------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Queues an event for the next turn.  Adapters call it on the loop."""
        self._inbox.append(event)
        if len(self._inbox) == CROWDED:
            self.irc.hold()
        self._wake.set()

    async def run(self) -> None:
        try:
            await self.control.start()
            if self.config.gateway.service:
                await self._watch_gateway()  # the service may start a moment later
            else:
                await self._keep_gateway()
            for worker in self.workers.values():
                worker.start()
            self.timers.every(TICK, self._tick)
            self.timers.every(GATEWAY_LOOK, self._watch_gateway)
            self.timers.every(HOSTS_ASKED, self._ask_hosts)
            self.timers.start()
            await self._tick()
            self._tasks.start(self._stay_on_irc(), "irc")
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                while self._inbox and not self._stopping:
                    batch = [self._inbox.popleft() for _ in range(min(TURN, len(self._inbox)))]
                    async with self.maintenance.free:
                        outcome = self.bot.turn(batch, self.clock())
                    self._carry_out(outcome)
                    if len(self._inbox) < TURN:
                        self.irc.go_on()
                    await asyncio.sleep(0)  # lets sockets be served between two transactions
        finally:
            log.info("trainbot is stopping; labs and gateway keep running")
            await self._close()

    async def _stay_on_irc(self) -> None:
        try:
            await self.irc.run()
        except Exception:
            log.exception("the IRC connection failed")
        finally:
            self.stop()

    def reload(self) -> None:
        """Reads bot.ini again (SIGHUP).  A faulty file changes nothing; options that need a restart are logged."""
        try:
            config, taken, waiting = taken_up(self.config, load(self.config.path))
            self.irc.reconfigure(config.irc)
        except ConfigError as error:
            log.error("%s is not applied: %s", self.config.path, "; ".join(error.problems))
            return
        self.config = config
        self.bot.reconfigure(config)
        log.info("%s was read again; new: %s", config.path, ", ".join(taken) or "nothing")
        if waiting:
            log.warning("needs a restart: %s", ", ".join(waiting))

    def stop(self) -> None:
        self._stopping = True
        self.maintenance.close()
        self._wake.set()

    async def _tick(self) -> None:
        self.post(Tick())

    async def _keep_gateway(self) -> None:
        """Makes sure that a gateway is running, an existing one or a new one.  BackendError if it cannot be started."""
        if self.config.hosts:
            await self.supervisor.keep()

    async def _watch_gateway(self) -> None:
        try:
            await self._keep_gateway()
        except BackendError as error:
            log.error("the gateway is down: %s", error)

    async def _ask_hosts(self) -> None:
        self.probes.ask_hosts([name for name, view in self.bot.wiring.scheduler.hosts.items() if view.up])

    def _carry_out(self, outcome: Outcome) -> None:
        if outcome.routes is not None:
            self._publish_to_gateway(
                "routes", to_json(outcome.routes, outcome.guests)
            )  # first, so that a password already works when it is read
        if outcome.lines is not None:
            self._publish_to_gateway("lines", outcome.lines)
        for out in outcome.say:
            self.irc.send(out)
        for answer in outcome.answers:
            answer.give()
        if outcome.publish is not None:
            self.calendar.begin(outcome.publish)
        for work in outcome.work:
            match work:
                case HostWork():
                    self.probes.stop(work.lab)
                    self.workers[work.host].submit(work.action, work.lab, work.spec)
                case Probe():
                    self.probes.probe(work)
                case CheckLogin():
                    self.probes.check(work)
                case ProbeHost():
                    self.probes.listen(work)
                case RunScript():
                    self.script_runner.run(work)

    def _publish_to_gateway(self, topic: str, value: dict[str, Any]) -> None:
        try:
            self.control.publish(topic, value)
        except ValueError:
            log.exception("could not send the gateway its %s", topic)

    # -- shell commands --------------------------------------------------------------------------------

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("op"):
            case "command" if isinstance(request.get("text"), str):
                lines: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
                self.post(ShellCommand(request["text"], partial(_settle, lines)))
                return {"lines": await lines}
            case "rehearse":
                return await self._asked(RehearsalAsked, request)
            case "door":
                return await self._asked(GatewayAsked, request)
            case "keeping":
                text = await self.maintenance.do(self.bot.wiring.records.keeping.answer(request, self.clock()))
                self.post(Tick())  # the gateway hears at once of who is gone
                return {"text": text}
            case "status" | "labs" | "capacity" as what:
                async with self.maintenance.free:
                    with self.store.transaction():
                        return self._shown(what)
        raise UserError("the bot knows the operations command, rehearse, status, labs, capacity and keeping")

    async def _asked(self, kind: type[ControlRequest], request: dict[str, Any]) -> dict[str, Any]:
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.post(kind(request, partial(_settle, told)))
        return await told

    def _shown(self, what: str) -> dict[str, Any]:
        if what == "labs":
            return {"labs": self.bot.wiring.labs.overview.labs_value(self.clock())}
        if what == "capacity":
            return self.bot.wiring.labs.overview.capacity_value(self.clock())
        scheduler, present = self.bot.wiring.scheduler, self.store.labs.present()
        hosts = zip(scheduler.hosts.values(), scheduler.rooms(present, self.clock()), strict=True)
        return status(self.irc, self.config.irc.channels, hosts, present)

    async def _close(self) -> None:
        self.timers.close()
        await self.supervisor.close()
        await self.probes.close()
        await self.script_runner.close()
        await self.calendar.close()
        await self.irc.close("trainbot stops")
        await self._tasks.close()
        await asyncio.gather(*(worker.close() for worker in self.workers.values()))
        await self.control.close()
        async with self.maintenance.free:
            self.store.close()


def _settle(waiting: asyncio.Future[T], value: T) -> None:
    """Delivers the answer, unless nobody is waiting for it any more."""
    if not waiting.done():
        waiting.set_result(value)


def _open_store(config: Config) -> Store:
    """Opens the store.  Locks it first, so that a second bot on the same database is refused before it can migrate
    anything."""
    url = config.store.url
    store = Store(url)
    try:
        store.lock()
        store.connection.rollback()
        upgrade(url)
    except BaseException:
        store.close()
        raise
    return store


async def run(config: Config) -> None:
    """Runs until SIGTERM or SIGINT.  SIGHUP makes it read bot.ini again.  ConfigError if nobody is organiser."""
    if not config.roles.rules.get(Role.ORGANISER):
        raise ConfigError(NO_ORGANISER)
    app = App(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    await app.run()
