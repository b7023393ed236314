"""The running bot: adapters around ``Bot``, and one event loop that owns the state."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from trainbot.adapters.calendars.feed import where_of
from trainbot.adapters.control.server import ControlServer, refuse_second
from trainbot.adapters.db import BRIEF, DatabaseLocked
from trainbot.adapters.db.opening import open_store
from trainbot.adapters.hosts.drivers import driver_for
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.adapters.irc.sts import StsPolicies
from trainbot.adapters.service_manager import ServiceManager
from trainbot.adapters.state_folder import CONTROL, state_folder
from trainbot.adapters.timers import Timers
from trainbot.bot.config_reload import taken_up
from trainbot.bot.control_requests import ControlRequest, GatewayAsked, RehearsalAsked, ShellCommand, settle
from trainbot.bot.copies import Copies
from trainbot.bot.events import Event, Outcome, Tick
from trainbot.bot.installation import installation
from trainbot.bot.status import BotStatus
from trainbot.bot.turn import Bot
from trainbot.bot.turn_loop import AGAIN, LOCKED, TurnLoop
from trainbot.bot.wiring import Wiring
from trainbot.bot.workers.calendar_writer import CalendarFiles, CalendarWriter
from trainbot.bot.workers.host_listener import HostListener
from trainbot.bot.workers.lab_probes import LabProbes
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.bot.workers.password_hold import PATIENCE, ROUTES, PasswordHold
from trainbot.bot.workers.pulse import BEAT, Pulse
from trainbot.bot.workers.script_runner import ScriptRunner
from trainbot.config import Config, load
from trainbot.core import heartbeat, zones
from trainbot.core.access import NO_ORGANISER, Role
from trainbot.core.clock import Clock
from trainbot.core.errors import BackendError, ConfigError, UserError
from trainbot.core.messages import Incoming, Line
from trainbot.core.tasks import Tasks
from trainbot.gateway.routes import to_json
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.gateway.supervisor import Supervisor
from trainbot.model.host import HostConfig, HostSuperseded
from trainbot.model.kept_files import FOLDER, DeleteKept, KeepFiles, RestoreFiles
from trainbot.model.lab_events import CheckLogin, HostWork, Probe, ProbeHost
from trainbot.model.script_events import RunScript

if TYPE_CHECKING:
    from trainbot.adapters.metrics.server import MetricsServer
    from trainbot.bot.workers.file_keeper import FileKeeper

log = logging.getLogger(__name__)
STS = "sts.json"  # in the state folder: which networks require TLS
TICK = 2.0  # seconds
SERVICE_STATUS = 10.0  # seconds
HOSTS_ASKED = 30.0  # seconds


class App:
    """One bot.  ``run()`` returns after ``stop()`` is called; BackendError if it cannot start.

    The gateway is started if none is running, and keeps running when the bot ends: ``gateway.process.stop`` ends it.
    """

    def __init__(self, config: Config, clock: Clock | None = None, service: ServiceManager | None = None) -> None:
        self.config, self.service = config, service or ServiceManager()
        zones.load()
        self._tasks = Tasks()
        state = state_folder(config)
        refuse_second(state / CONTROL)  # before anything is said about a database that is its own
        beat = heartbeat.read(state)
        self.clock = clock or Clock(None if beat is None else beat.clocks)
        self.store = open_store(config.store.url, state)
        try:
            self.copies = Copies(config, self.store, state)
            policies = StsPolicies(state / STS)
            self.irc = IrcConnection(config.irc, self.post, heard=lambda: self.turns.read(), policies=policies)
            here = installation(config, self.store)
            for why in here.unready.values():
                log.warning("%s", why)
            self.bot = Bot(Wiring(config, self.store, self.irc, here))
        except BaseException:
            self.store.close()
            raise
        self.maintenance = Maintenance(self.store.interrupt)
        self.turns = TurnLoop(self.bot, self.clock, self.irc, self.maintenance, self._carry_out)
        self.status = BotStatus(config, self.bot.wiring, self.irc, self.turns.times)
        self.pulse = Pulse(self.store, state, self.maintenance)
        self.copies.begin(here.owner, self.irc, self.maintenance)
        self.control = ControlServer(state / CONTROL, self._answer)
        self.passwords = PasswordHold(self.control, self.irc, self.post)
        self._table = 0  # the number of the latest table of routes
        self.workers = {host.name: self._worker(host) for host in config.hosts}
        self.metrics: MetricsServer | None = None
        self.timers = Timers()
        self.supervisor = Supervisor(config.path, state, config.gateway.listen, config.gateway.service)
        self.probes = LabProbes(GatewayClient(state), self.post)
        self.listener = HostListener(GatewayClient(state), self.post, config.labs.lost_after)
        calendar_files = CalendarFiles(where_of(config, here.owner), config.schedule, config.records.folder)
        self.calendar = CalendarWriter(config.store, config.irc, calendar_files, self.post)
        self.script_runner = ScriptRunner(GatewayClient(state), self.post)
        self._file_keeper: FileKeeper | None = None

    def _keeper(self) -> FileKeeper:
        if self._file_keeper is None:
            from trainbot.bot.workers.file_keeper import FileKeeper  # with the first archive

            state = self.config.store.state
            self._file_keeper = FileKeeper(GatewayClient(state), state / FOLDER, self.post)
        return self._file_keeper

    def _worker(self, host: HostConfig) -> HostWorker:
        owner = self.bot.wiring.scheduler.owner
        claimant = self.copies.claimant(owner)
        return HostWorker(host, lambda changed: driver_for(host, owner, changed, claimant), self.post)

    # -- the loop --------------------------------------------------------------------------------------

    def post(self, event: Event | HostSuperseded) -> None:
        """Queues an event for the next turn.  Adapters call it on the loop."""
        if not isinstance(event, Incoming):  # most of all
            self.copies.notice(event)
        if not isinstance(event, HostSuperseded):
            self.turns.post(event)

    async def run(self) -> None:
        """Superseded if another machine has taken over from this one meanwhile."""
        try:
            await self.control.start()
            self.copies.start()
            self._tasks.start(self.copies.until_superseded(), "succession").add_done_callback(lambda _task: self.stop())
            await self._serve_metrics()
            if self.config.hosts or self.supervisor.has_service():
                if not self.config.gateway.service:  # the service may start a moment later
                    await self.supervisor.keep()
                self.supervisor.start()
            for worker in self.workers.values():
                worker.start()
            self.timers.every(TICK, self._tick)
            self.timers.every(BEAT, self.pulse.beat)
            self.timers.every(HOSTS_ASKED, self._ask_hosts)
            self.timers.every(SERVICE_STATUS, self._tell_service)
            await self._tick()
            finishing = self.maintenance.do(self.bot.wiring.records.keeping.finish(self.clock.now()))
            self._tasks.start(finishing, "a redaction that was interrupted")
            self._tasks.start(self._stay_on_irc(), "irc")
            await self._tell_service()
            self.service.ready()  # it serves; an IRC network that is down must not keep it from starting
            self._tasks.start(self.service.keep_alive(), "signs of life")
            await self.turns.run()
        finally:
            log.info("trainbot is stopping; labs and gateway keep running")
            self.service.stopping()
            await self._close()
        self.copies.refuse_superseded()

    async def _serve_metrics(self) -> None:
        """Serves metrics if bot.ini says so.  Where that fails, the bot goes on without them."""
        if not self.config.metrics.listen:
            return
        from trainbot.adapters.metrics.server import MetricsServer  # brings a library that few need

        self.metrics = MetricsServer(self.config.metrics.listen, self)
        try:
            bound = await self.metrics.start()
            log.info("metrics at %s", ", ".join(f"http://{host}:{port}/metrics" for host, port in bound))
        except BackendError as error:
            log.error("%s", error)

    async def _stay_on_irc(self) -> None:
        try:
            await self.irc.run()
        except Exception:
            log.exception("the IRC connection failed")
        finally:
            self.stop()

    def reload(self) -> None:
        """Reads bot.ini again (SIGHUP).  A faulty file changes nothing; options that need a restart are logged."""
        self.service.reloading()
        self._reload()
        self.service.ready()

    def _reload(self) -> None:
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
        self.maintenance.close()
        self.turns.stop()

    async def _tick(self) -> None:
        self.timers.look_again()
        self.copies.look(self.bot.wiring)
        self.post(Tick())

    async def _due(self) -> None:
        self.post(Tick())

    async def _tell_service(self) -> None:
        self.service.status(self.status.summary())

    async def _ask_hosts(self) -> None:
        self.probes.ask_hosts([view.config for view in self.bot.wiring.scheduler.machines.values() if view.up])

    def _carry_out(self, outcome: Outcome) -> None:
        if outcome.routes is not None:  # first, so that a password already works when it is read
            table = to_json(outcome.routes, outcome.guests, outcome.visits)
            self._table = self._publish_to_gateway(ROUTES, table) or self._table + 1
        if outcome.lines is not None:
            self._publish_to_gateway("lines", outcome.lines)
        passwords = [out for out in outcome.say if isinstance(out, Line) and out.secret]
        if passwords:
            self.irc.send(*(out for out in outcome.say if not isinstance(out, Line) or not out.secret))
            self.passwords.send(passwords, self._table)
        else:
            self.irc.send(*outcome.say)
        for answer in outcome.answers:
            answer.give()
        if outcome.publish is not None:
            self.calendar.begin(outcome.publish)
        if outcome.due_at is not None:
            self.timers.at(outcome.due_at, "due", self._due)
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
                    self.workers[work.host.partition("/")[0]].refresh()
                    self.listener.listen(work)
                case RunScript():
                    self.script_runner.run(work)
                case KeepFiles() | RestoreFiles() | DeleteKept():
                    self._keeper().begin(work)

    def _publish_to_gateway(self, topic: str, value: dict[str, Any]) -> int | None:
        """The value's number; None if it could not be sent."""
        try:
            return self.control.publish(topic, value)
        except ValueError:
            log.exception("could not send the gateway its %s", topic)
            return None

    # -- shell commands --------------------------------------------------------------------------------

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("op"):
            case "command" if isinstance(request.get("text"), str):
                lines: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
                self.post(ShellCommand(request["text"], partial(settle, lines)))
                return {"lines": await lines}
            case "rehearse":
                return await self._asked(RehearsalAsked, request)
            case "door":
                told = await self._asked(GatewayAsked, request)
                if request.get("do") == "manage":  # the answer may contain a password
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PATIENCE):
                            await self.control.taken(ROUTES, self._table)
                return told
            case "keeping":
                text = await self.maintenance.do(self.bot.wiring.records.keeping.answer(request, self.clock.now()))
                self.post(Tick())  # the gateway hears at once of who is gone
                return {"text": text}
            case "copy":
                return {"text": await self.copies.by_hand()}
            case "status":
                return await self.report()
            case "labs" | "capacity" as what:
                return await self._looked_at(partial(self._shown, what))
        raise UserError("the bot knows the operations command, rehearse, status, copy, labs, capacity and keeping")

    async def _asked(self, kind: type[ControlRequest], request: dict[str, Any]) -> dict[str, Any]:
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.post(kind(request, partial(settle, told)))
        return await told

    async def _looked_at(self, look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What ``look`` sees in the database.  DatabaseLocked if another program goes on writing for ``LOCKED`` seconds."""
        until = time.monotonic() + LOCKED
        while True:
            try:
                async with self.maintenance.free:
                    with self.store.transaction(BRIEF):
                        return look()
            except DatabaseLocked:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(AGAIN)

    def _shown(self, what: str) -> dict[str, Any]:
        if what == "labs":
            return {"labs": self.bot.wiring.labs.overview.labs_value(self.clock.now())}
        return self.bot.wiring.labs.overview.capacity_value(self.clock.now())

    async def report(self) -> dict[str, Any]:
        gateway = await self.supervisor.status() if self.config.hosts else None
        return await self._looked_at(lambda: self.status.report(gateway, self.clock.now(), self.copies.status))

    async def _close(self) -> None:
        await self.timers.close()
        await self.supervisor.close()
        await self.probes.close()
        await self.listener.close()
        await self.script_runner.close()
        if self._file_keeper is not None:
            await self._file_keeper.close()
        await self.passwords.close()
        await self.calendar.close()
        if self.metrics is not None:
            await self.metrics.close()
        await self.irc.close(self.copies.farewell)
        await self._tasks.close()
        await asyncio.gather(*(worker.close() for worker in self.workers.values()))
        await self.control.close()
        await self.copies.close()
        await self.pulse.close()
        async with self.maintenance.free:
            self.store.close()


async def run(config: Config) -> None:
    """Runs until SIGTERM or SIGINT.  SIGHUP makes it read bot.ini again.  ConfigError if nobody is organiser."""
    if not config.roles.rules.get(Role.ORGANISER):
        raise ConfigError(NO_ORGANISER)
    service = ServiceManager.from_environment()
    service.status("opening the database")
    app = App(config, service=service)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    await app.run()
