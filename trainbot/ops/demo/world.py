"""Everything that the demo needs: an IRC server, a bot with an embedded host, an image; set up and cleared away."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainbot import shipped
from trainbot.adapters.state_folder import HOST_KEY, lab_key, state_folder
from trainbot.config import Config, load
from trainbot.core.errors import BackendError
from trainbot.core.files import make_once
from trainbot.core.tasks import Tasks
from trainbot.gateway import hostkey
from trainbot.gateway import process as gateway_process
from trainbot.images.build.accel import working_accelerator
from trainbot.images.build.build import image_is_current
from trainbot.model.database_url import database_exists
from trainbot.ops.demo.ngircd import Ngircd, free_port

CHANNEL = "#class"
NICK = "trainbot"
PRESENTER_HOST = "presenter.demo"  # ngircd has no accounts: the presenter is recognised by a host that only we can have
ZONES = "Australia/Melbourne Europe/Berlin America/New_York"
LONGEST_TMP = 20  # bytes of the folder's folder
BUILD_ENDS = 60.0  # seconds that an interrupted image build has to clean up

INI = """\
; Made by trainbot demo; bot.ini of a real class looks much the same (see README.md).
[irc]
server = 127.0.0.1
port = {irc_port}
tls = no
nick = {nick}
channels = {channel}
flood_burst = 10
flood_interval = 0.2

[store]
url = sqlite:///trainbot.db
state = state

[roles]
presenter = mask:*!*@{presenter}
organiser = mask:*!*@{presenter}
require_account = no

[schedule]
folder = schedules
zones = {zones}

[exercises]
folder = {exercises}

[labs]
spare = 1
overcommit = 4
public_address = 127.0.0.1

[host.here]
uri = qemu:///embed?root={folder}/libvirt
labs = 4
kvm = {kvm}

[image.debian]
folder = {cache}/images/debian

[gateway]
listen = 127.0.0.1:{ssh_port}
lab_key = {cache}/lab_key

[records]
folder = public
log = yes
"""

SCHEDULE = """\
[course]
title = "SE Linux, hands on"
zone = "UTC"
exercise = "{exercise}"
presenter = "presenter"
minutes = 120

[[session]]
id = "today"
start = {start}
"""


def cache_folder() -> Path:
    """Where the image is kept between demos (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trainbot"


class DemoWorld:
    """Everything that a demo starts.  ``close()`` ends all of it, in whatever state it is."""

    def __init__(self, port: int, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.cache = cache_folder()
        # short, since a unix socket's path holds about 100 bytes (unix(7)) and libvirt's are deep below it
        long = len(tempfile.gettempdir()) > LONGEST_TMP
        self.folder = Path(tempfile.mkdtemp(prefix="trainbot-demo-", dir="/tmp" if long else None))  # noqa: S108  mkdtemp makes it ours
        irc_port, irc_lock = _port(port, tell, "the IRC server")
        self.ssh_port, ssh_lock = _port(2222, tell, "ssh")
        self._locks = [irc_lock, ssh_lock]
        password = secrets.token_hex(16)
        self.ircd = Ngircd(self.folder / "irc", port=irc_port, max_penalty=0, webirc=password)
        self.presenter_webirc = f"{password} {PRESENTER_HOST}"
        self.config: Config | None = None
        self.bot: asyncio.subprocess.Process | None = None

    async def prepare(self) -> None:
        """Prepares the image (built once, which takes minutes) and bot.ini."""
        ini = self.folder / "bot.ini"
        values = dict(
            irc_port=self.ircd.port,
            nick=NICK,
            channel=CHANNEL,
            presenter=PRESENTER_HOST,
            zones=ZONES,
            exercises=shipped.folder("exercises"),
            folder=self.folder,
            cache=self.cache,
            ssh_port=self.ssh_port,
        )
        ini.write_text(INI.format(kvm="no", **values), encoding="utf-8")
        config = load(ini)
        await self._image(config)
        kvm = await self._accelerator() == "kvm"
        self.tell(f"labs run with {'KVM' if kvm else 'emulation (KVM does not work here): they boot in half a minute'}")
        ini.write_text(INI.format(kvm="yes" if kvm else "no", **values), encoding="utf-8")
        start = (datetime.now(UTC) + timedelta(minutes=10)).replace(second=0, microsecond=0, tzinfo=None)
        (self.folder / "schedules").mkdir()
        (self.folder / "schedules" / "demo.toml").write_text(
            SCHEDULE.format(exercise="selinux-debian", start=start.isoformat()), encoding="utf-8"
        )
        # the same key in every demo: ssh would refuse the second one, at the same port with another key
        make_once(state_folder(config) / HOST_KEY, await asyncio.to_thread(hostkey.load_or_make, self.cache))
        self.config = load(ini)

    async def _image(self, config: Config) -> None:
        """The current image, built by a process of its own, which clears away what it began if it is interrupted."""
        key = await asyncio.to_thread(lab_key, config.gateway.lab_key)
        if await asyncio.to_thread(image_is_current, shipped.folder("images") / "debian", self.cache, key):
            return
        self.tell("building the Debian lab image first (only once, some minutes)")
        build = await asyncio.create_subprocess_exec(
            *self.trainbot("image", "build", "debian"), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = await build.wait()
        except asyncio.CancelledError:
            build.send_signal(signal.SIGINT)
            with suppress(TimeoutError):
                await asyncio.wait_for(build.wait(), BUILD_ENDS)
            raise
        if code:
            raise BackendError("the lab image was not built, for the reason above: fix that and start the demo again")

    async def _accelerator(self) -> str:
        async with Tasks() as tasks:
            asked = tasks.start(asyncio.to_thread(working_accelerator, self.cache), "looking for KVM", awaited=True)
            if not (await asyncio.wait({asked}, timeout=1))[0]:
                self.tell("testing whether KVM works here (only once, 20 s at most) …")
            return await asked

    async def start_bot(self) -> None:
        """Starts the bot, a process of its own with its log in bot.log."""
        log = os.open(self.folder / "bot.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.bot = await asyncio.create_subprocess_exec(
                *self.trainbot("run"), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        finally:
            os.close(log)

    async def host_answers(self, within: float) -> bool:
        """Whether the bot has reached its host (its log says so) after at most that many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while "host here answers" not in self.log_tail(1000):  # noqa: ASYNC110  a file tells nobody
                    await asyncio.sleep(0.1)
                return True
        return False

    def trainbot(self, *words: str) -> tuple[str, ...]:
        """The words of that ``trainbot`` command for this demo's bot."""
        return (sys.executable, "-m", "trainbot", *words, "-c", str(self.folder / "bot.ini"))

    async def end_bot(self, number: int = signal.SIGTERM) -> None:
        bot, self.bot = self.bot, None
        if bot is None:
            return
        with suppress(ProcessLookupError):
            bot.send_signal(number)
        try:
            await asyncio.wait_for(bot.wait(), 20)
        except TimeoutError:
            bot.kill()
            await bot.wait()

    async def bot_ends(self) -> None:
        """Returns when the bot has stopped unexpectedly."""
        while (bot := self.bot) is not None:
            await bot.wait()
            if bot is self.bot:
                return
        await asyncio.Event().wait()

    def log_tail(self, lines: int = 15) -> str:
        with suppress(OSError):
            return "\n".join((self.folder / "bot.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    async def close(self, keep: bool = False) -> None:
        """Ends and removes the bot, the gateway, every lab, the IRC server and the folder, each even if another one
        can't be."""
        await self._ending("the bot", self.end_bot())
        if self.config is not None:
            await self._ending("the gateway", asyncio.to_thread(gateway_process.stop, self.config.store.state))
            await self._ending("a lab", asyncio.to_thread(end_labs, self.config))
        await self._ending("the IRC server", self.ircd.stop())
        for lock in self._locks:
            lock.close()
        if keep:
            self.tell(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _ending(self, what: str, ending: Awaitable[object]) -> None:
        try:
            await ending
        except Exception as error:  # the rest has to be removed all the same
            self.tell(f"could not stop {what}: {error}")


def end_labs(config: Config) -> None:
    """Destroys the labs that the bot left running (it leaves them so that a restart finds them)."""
    from trainbot.adapters.db import Store
    from trainbot.adapters.hosts.drivers import driver_for

    if not database_exists(config.store.url):
        return
    store = Store(config.store.url)
    with store.transaction():
        owner = store.settings.get("owner")
    store.close()
    for host in config.hosts if owner else ():
        driver = driver_for(host, owner or "")
        driver.open()
        try:
            for domain in driver.report().domains:
                driver.destroy(domain.id)
        finally:
            driver.close()


def _port(wanted: int, tell: Callable[[str], None], what: str) -> tuple[int, socket.socket]:
    """The port ``wanted`` of 127.0.0.1, or another one, which is announced, if that one is taken; and what keeps other
    demos from using it until it is closed (an abstract socket, unix(7): gone with its process)."""
    lock = socket.socket(socket.AF_UNIX)
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended don't count
        probe.bind(("127.0.0.1", wanted))
        port = int(probe.getsockname()[1])
        lock.bind(f"\0trainbot-demo-{port}")
        return port, lock
    other = free_port()
    tell(f"port {wanted} is in use: {what} uses port {other} instead")
    return other, lock
