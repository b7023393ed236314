"""The gateway as a real process between OpenSSH's own clients and a stand-in lab; the bot is a ControlServer."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gateway.jump_host_peer import JumpHostPeer, keygen
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.state_folder import PEPPER
from trainbot.features.labs import passwords
from trainbot.gateway import hostkey, process, routes
from trainbot.gateway.routes import Guest, Route, VisitRoute
from trainbot.gateway.template import how_many

HERE = Path(__file__).parent
GATEWAY = """
import json, sys
from pathlib import Path
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.process import main
told = json.loads(sys.argv[1])
if "worker" in told:
    from trainbot.gateway import template
    template.PROGRAM = told.pop("worker")
sys.exit(main(GatewayConfig(listen=tuple((h, p) for h, p in told.pop("listen")), state=Path(told.pop("state")),
    control=Path(told.pop("control")), lab_key=Path(told.pop("lab_key")), **told)))
"""


def until(what, seconds=20.0):
    """Waits for an outer thing (a process, a port) that has no event to await."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


def last_words(inside: subprocess.Popen[bytes]) -> bytes:
    """The errors of a session that the gateway ends.  Its input stays open: the end of it could come before."""
    inside.wait(timeout=30)
    return inside.communicate()[1]


@contextmanager
def many_files() -> Iterator[None]:
    """As many open files as the system allows, where an ordinary user begins with 1,024.  A gateway that was started
    before has no part in it: it raises its own limit."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


class Bot:
    """The bot's side of the control socket, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table: dict[str, Route] = {}
        self.server: ControlServer | None = None
        self.lines: dict[str, dict[str, str]] = {}
        self.guests: list[Guest] = []
        self.visits: dict[str, VisitRoute] = {}  # by word
        self.asked: list[dict] = []  # what the gateway wanted to know
        self.logins: list[dict] = []  # that it reported
        self.answers = lambda request: {}
        self.kept = {"kept": True}  # the answer to each login
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def start(self) -> None:
        async def answer(request):
            if request.get("do") == "login":
                self.logins.append(request)
                return self.kept
            self.asked.append(request)
            return self.answers(request)

        self.server = ControlServer(self.path, answer)
        self.do(self.server.start())
        self.publish()

    def die(self) -> None:
        self.do(self.server.close())

    def publish(self) -> None:
        async def publish():
            self.server.publish("routes", routes.to_json(self.table.values(), self.guests, self.visits.values()))
            self.server.publish("lines", self.lines)
            for _ in range(5):  # the line is in the socket when this returns
                await asyncio.sleep(0)

        self.do(publish())

    def close(self) -> None:
        self.die()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Lab:
    """A lab of one's own: a process with an ssh server and a folder."""

    def __init__(self, folder: Path, lab_key: str, port: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder / "home"
        self.folder.mkdir(exist_ok=True)
        self.host_key = keygen(folder / "host_key") if not (folder / "host_key").exists() else ""
        (folder / "authorized").write_text(lab_key + "\n")
        self._arguments = [
            sys.executable,
            str(HERE / "lab_sshd.py"),
            self.folder,
            folder / "host_key",
            folder / "authorized",
        ]
        self.port = port
        self.process: subprocess.Popen | None = None

    def start(self) -> Lab:
        self.process = subprocess.Popen(
            [*self._arguments, str(self.port)], stdout=subprocess.PIPE, text=True, env={**os.environ, "LAB": "1"}
        )
        self.port = int(self.process.stdout.readline())
        return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    @property
    def endpoint(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)


class World:
    """A bot, a gateway, a lab, and people who come with OpenSSH's clients.  ``started``: whether the gateway runs."""

    def __init__(self, folder: Path, *, started: bool = True, **limits) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.lab_key = folder / "lab_key"
        self.lab_public = keygen(self.lab_key)
        self.bot = Bot(folder / "c" / "control")
        self.lab = Lab(folder / "lab", self.lab_public).start()
        self.limits = {"wrong_delay": 0.05, "tmux": False, **limits}
        self.pepper = passwords.load_or_make_secret(self.state / PEPPER)
        self.bot.start()
        if started:
            self.start_gateway()
        self._leases = 0
        self.jump_hosts: list[JumpHostPeer] = []
        self.tracebacks = False  # whether a test provokes them on purpose
        (folder / "askpass").write_text('#!/bin/sh\nprintf "%s\\n" "$LEARNER_PASSWORD"\n')
        (folder / "askpass").chmod(0o700)

    def gateway_command(self, **other) -> list[str]:
        told = {
            "listen": [["127.0.0.1", 0]],
            "state": str(self.state),
            "control": str(self.bot.path),
            "lab_key": str(self.lab_key),
            **self.limits,
            **other,
        }
        return [sys.executable, "-c", GATEWAY, json.dumps(told)]

    def start_gateway(self) -> None:
        self.pid = process.start_detached(Path("unused"), self.state, self.gateway_command(), timeout=60.0)
        (_, self.port), *_ = process.listening(self.state)
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {hostkey.public_key(self.state)}\n")

    def jump_host(self, port: int | None = None, **other) -> JumpHostPeer:
        """A host whose lab is ours (or listens on ``port``), and that the gateway may go through."""
        path = self.state / "door_key"
        key = keygen(path) if not path.exists() else path.with_name("door_key.pub").read_text()
        jump_host = JumpHostPeer(
            self.folder / f"host{len(self.jump_hosts)}", key, port or self.lab.port, **other
        ).start()
        self.jump_hosts.append(jump_host)
        with (self.state / "known_hosts").open("a") as known:
            known.write(jump_host.known)
        return jump_host

    def workers(self) -> list[int]:
        """The process ids of the gateway's workers (proc(5), children)."""
        return list(map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()))

    def all_workers_are_ready(self, lost: int = 0) -> None:
        """Waits until there are as many as in the beginning, after ``lost`` or more of them were lost."""
        count = how_many()
        until(lambda: (was := self.log().count(" was lost (")) >= lost and self.log().count(" is ready") == count + was)

    def log(self) -> str:
        return (self.state / "gateway.log").read_text()

    def lease(self, person=None, **other) -> tuple[Route, str]:
        """A new lease and its password."""
        self._leases += 1
        password = passwords.new_password()
        route = Route(
            lease=f"lease-{self._leases}",
            person=person or 1000 + self._leases,
            name="alice",
            image="debian",
            user="root",
            endpoint=self.lab.endpoint,
            why="",
            host_key=self.lab.host_key,
            digest=passwords.digest(self.pepper, password),
            keys=(),
            since=float(self._leases),
        )
        route = replace(route, **other)
        self.tell(route)
        return route, password

    def tell(self, route: Route, **other) -> Route:
        route = replace(route, **other)
        self.bot.table[route.lease] = route
        self.bot.publish()
        return route

    def end(self, route: Route) -> None:
        del self.bot.table[route.lease]
        self.bot.publish()

    def options(self, key: Path | None = None) -> list[str]:
        only = [
            f"IdentityFile={key or 'none'}",
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.folder / 'known'}",
            "GlobalKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "NumberOfPasswordPrompts=1",
            "ConnectTimeout=30",
        ]
        return ["-F", "none", *(word for option in only for word in ("-o", option))]

    def environment(self, password: str = "") -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LEARNER_PASSWORD": password,
            "SSH_ASKPASS": str(self.folder / "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
            "TERM": "xterm",
        }

    def command(self, *words, key=None, user="whoever", options=()) -> list[str]:
        # of an option that is there twice ssh takes the first
        return ["ssh", *options, *self.options(key), "-p", str(self.port), "-l", user, "127.0.0.1", *words]

    def ssh(self, *words, password="", key=None, user="whoever", options=(), input=b"", env=None):
        """ssh with these words, to its end."""
        return subprocess.run(
            self.command(*words, key=key, user=user, options=options),
            input=input,
            timeout=60,
            capture_output=True,
            env={**self.environment(password), **(env or {})},
        )

    def open(self, *words, password="", key=None, user="whoever", options=()):
        """ssh with these words, left running with pipes."""
        return subprocess.Popen(
            self.command(*words, key=key, user=user, options=options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(password),
        )

    def close(self) -> None:
        process.stop(self.state)
        self.lab.kill()
        for jump_host in self.jump_hosts:
            jump_host.kill()
        self.bot.close()
        assert self.tracebacks or not (self.state / "gateway.log").exists() or "Traceback" not in self.log(), self.log()


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("gw"))
    yield made
    made.close()


@pytest.fixture(scope="package")
def jump_host(world):
    """A jump host for the lab of ``world``."""
    return world.jump_host()


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory):
    """Makes worlds with other limits, which a module's tests share: one for each set of them."""
    made: dict[str, World] = {}

    def make(**limits) -> World:
        name = str(sorted(limits.items()))
        if name not in made:
            made[name] = World(tmp_path_factory.mktemp("shared"), **limits)
        return made[name]

    yield make
    for each in made.values():
        each.close()


@pytest.fixture
def own_world(tmp_path_factory):
    """Makes worlds that a test may break, with limits of its own."""
    made: list[World] = []

    def make(**limits) -> World:
        made.append(World(tmp_path_factory.mktemp("own"), **limits))
        return made[-1]

    yield make
    for each in made:
        each.close()
