"""The whole bot as a process, as an operator starts it, and the people who talk to it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.peers.client import Client
from tests.stage import EXERCISE
from trainbot.config import Config, load
from trainbot.gateway import process as gateway_process
from trainbot.images.build.image_folder import BuiltImage, write_image
from trainbot.ops.demo.ngircd import free_port
from trainbot.ops.demo.world import SCHEDULE

CHANNEL, NICK = "#class", "trainbot"
DEADLINE = 25.0  # seconds: two busy cores
PRESENTER = "127.0.0.2"
HELPER = "127.0.0.3"
END_LABS = """
import sys
from pathlib import Path
from trainbot.config import load
from trainbot.ops.demo.world import end_labs
end_labs(load(Path(sys.argv[1])))
"""


class Participant(Client):
    """Somebody in the channel who talks to the bot.  ``said``: all that they ever said."""

    def send(self, line: str | bytes) -> None:
        self.said = [*getattr(self, "said", ()), line if isinstance(line, str) else repr(line)]
        super().send(line)

    async def join(self, channel: str = CHANNEL) -> None:
        await super().join(channel)

    async def hear(self, pattern: str, to: str | None = None, within: float = DEADLINE) -> re.Match[str]:
        """The next line of the bot that matches; ``to``: the channel, or '' for us alone."""
        target = r"\S+" if to is None else re.escape(to or self.nick)
        return await self.expect(rf"^:{NICK}!\S+ PRIVMSG {target} :.*?{pattern}", within)

    async def ask(self, text: str, pattern: str, to: str | None = None) -> re.Match[str]:
        """Says it in the channel, and waits for the answer."""
        self.say(CHANNEL, text)
        return await self.hear(pattern, to)

    async def whisper(self, text: str, pattern: str) -> re.Match[str]:
        """Says it to the bot alone, and waits for the answer, which is for us alone."""
        self.say(NICK, text)
        return await self.hear(pattern, "")

    async def lab(self, image: str = "debian", more: str = "") -> tuple[str, str]:
        """Asks for a lab; its ssh command and password.  ``more``: what follows the password."""
        password = await self.ask(f"!lab {image}", rf"your {image} lab: password (\S+){more}", "")
        return (await self.hear(rf"(ssh -p \d+ {image}@\S+)$", ""))[1], password[1]

    async def lab_is_ready(self) -> None:
        """Asks until it is."""
        while not (await self.whisper("lab list", r"on xen[0-9]: (ready)?"))[1]:
            pass

    async def bot_joins(self) -> None:
        await self.expect(rf"^:{NICK}!\S+ JOIN", DEADLINE)

    async def bot_goes(self) -> re.Match[str]:
        return await self.expect(rf"^:{NICK}!\S+ QUIT(.*)", DEADLINE)


@dataclass(frozen=True)
class Ran:
    """A shell command that came to its end."""

    code: int
    out: str
    err: str


class RunningBot:
    """``trainbot run`` on a bot.ini of its own in ``folder``.  ``close`` leaves nothing running, whatever happened.

    ``sections``: options of bot.ini by section, over the usual ones; None takes an option or a section away.
    """

    def __init__(self, folder: Path, port: int, **sections: Any) -> None:
        self.folder, self.ini = folder, folder / "bot.ini"
        self.process: asyncio.subprocess.Process | None = None
        self.lines: list[str] = []  # of all its lives
        self._looked_at = 0
        self._more = asyncio.Condition()
        self._readers: list[asyncio.Task[None]] = []
        self.environment: dict[str, str] = {}  # variables for the bot, besides ours
        for name in ("exercises/selinux", "schedules"):
            (folder / name).mkdir(parents=True)
        for name, text in EXERCISE.items():
            (folder / "exercises" / "selinux" / name).write_text(text)
        self.sections: dict[str, dict[str, Any] | None] = usual(folder, port)
        self.change(**sections)

    # -- bot.ini ---------------------------------------------------------------------------------------

    def change(self, **sections: Any) -> None:
        """Writes bot.ini anew; a section host_xen1 is [host.xen1]."""
        for name, options in sections.items():
            name = name.replace("_", ".")
            before = self.sections.get(name) or {}
            self.sections[name] = None if options is None else {**before, **options}
        lines = []
        for name, options in self.sections.items():
            if options is not None:
                lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items() if value is not None)]
        self.ini.write_text("\n".join(lines) + "\n")

    @property
    def config(self) -> Config:
        return load(self.ini)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    # -- the process -----------------------------------------------------------------------------------

    async def start(self, *words: str) -> None:
        """Started; not yet connected."""
        self._looked_at = len(self.lines)
        self.process = await asyncio.create_subprocess_exec(
            *self.command("run", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **self.environment},
            limit=1 << 20,
        )
        self._readers.append(asyncio.create_task(self._read(self.process)))

    async def arrive(self, person: Client, *words: str) -> None:
        """Started, and seen in the channel by ``person``."""
        await self.start(*words)
        await person.expect(rf"^:{NICK}!\S+ JOIN", DEADLINE)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with (self.folder / "bot.log").open("ab") as log:
            async for raw in process.stdout:
                log.write(raw)
                log.flush()
                async with self._more:
                    self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                    self._more.notify_all()

    async def logs(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The next line of its log that matches."""
        async with self._more, asyncio.timeout(within):
            while True:
                while self._looked_at < len(self.lines):
                    self._looked_at += 1
                    if found := re.search(pattern, self.lines[self._looked_at - 1]):
                        return found
                await self._more.wait()

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself and all it said is read."""
        assert self.process is not None
        async with asyncio.timeout(DEADLINE):
            code = await self.process.wait()
            await self._readers[-1]
        self.process = None
        return code

    async def signal(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await self.ended()

    async def kill(self) -> None:
        """kill -9."""
        await self.signal(signal.SIGKILL)

    async def close(self) -> None:
        try:
            if self.process is not None and self.process.returncode is None:
                with suppress(ProcessLookupError):
                    self.process.terminate()
                try:
                    await asyncio.wait_for(self.process.wait(), 20)
                except TimeoutError:
                    self.process.kill()
                    await self.process.wait()
        finally:
            for reader in self._readers:
                reader.cancel()
            with suppress(Exception):
                await asyncio.to_thread(gateway_process.stop, self.state)
            if "embed" in self.ini.read_text():
                ender = await asyncio.create_subprocess_exec(sys.executable, "-c", END_LABS, self.ini)
                await ender.wait()
            print(f"--- {self.folder}/bot.log", *self.lines, sep="\n")  # pytest shows it where a test failed

    # -- a shell beside it -------------------------------------------------------------------------------

    def command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "trainbot", *words, "-c", str(self.ini))

    async def shell(self, *words: str, within: float = DEADLINE) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *self.command(*words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(within):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What its database says, read beside it."""
        with sqlite3.connect(f"file:{self.folder}/trainbot.db?mode=ro", uri=True) as database:
            return database.execute(query, values).fetchall()

    # -- secrets -----------------------------------------------------------------------------------------

    def leaks(self, *secrets: str) -> list[str]:
        """Every place where one of ``secrets`` can be read: logs, database, command lines of our processes."""
        times_in = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.suffix in (".log", ".md", ".html", ".json") or path.name.startswith("trainbot.db")
        }
        for pid in self.pids():
            with suppress(OSError):
                times_in[f"command line of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert "bot.log" in times_in and "trainbot.db" in times_in
        return [
            f"{secret} in {place}" for place, text in times_in.items() for secret in secrets if secret.encode() in text
        ]

    def pids(self) -> list[int]:
        """The bot, its gateway, and whatever else names this test's folder on its command line."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and os.fsencode(self.folder) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found


def usual(folder: Path, port: int) -> dict[str, dict[str, Any] | None]:
    """A bot on ngircd with libvirt's test driver, that may talk freely."""
    return {
        "irc": {
            "server": "127.0.0.1",
            "port": port,
            "tls": "no",
            "nick": NICK,
            "channels": CHANNEL,
            "flood_burst": 100,
            "flood_interval": 0,
        },
        "store": {"url": "sqlite:///trainbot.db", "state": "state"},
        "roles": {
            "organiser": f"mask:*!*@{PRESENTER}",
            "presenter": f"mask:*!*@{PRESENTER}",
            "helper": f"mask:*!*@{HELPER}",
            "require_account": "no",
        },
        "schedule": {"folder": "schedules", "zones": "Australia/Melbourne Europe/Berlin"},
        "exercises": {"folder": "exercises"},
        "labs": {"spare": 1, "public_address": "lab.trainbot.test"},
        "host.xen1": {"uri": "test:///default", "labs": 8},
        "image.debian": {"folder": make_image(folder / "images" / "debian")},
        "gateway": {"listen": f"127.0.0.1:{free_port()}", "lab_key": "lab_key"},
        "records": {"folder": "public", "log": "yes"},
    }


def plan(bot: RunningBot, minutes: int = 10) -> None:
    """One session that begins in ``minutes``."""
    start = (datetime.now(UTC) + timedelta(minutes=minutes)).replace(second=0, microsecond=0, tzinfo=None)
    text = SCHEDULE.format(exercise="selinux", start=start.isoformat())
    (bot.folder / "schedules" / "course.toml").write_text(text)


def make_image(folder: Path, memory: int = 384) -> Path:
    """An image as libvirt's test driver needs it: nothing boots.  ``memory``: of each lab, in MiB; the driver's host has 3 GiB."""
    folder.mkdir(parents=True)
    for name in ("disk.img", "vmlinuz", "initrd"):
        (folder / name).touch()
    write_image(
        BuiltImage(
            folder,
            "debian",
            "bookworm",
            "none",
            "LABEL=debian",
            "root=LABEL=debian",
            "enforcing=0",
            "enforcing=1",
            "root",
            "ssh-ed25519 AAAA",
            memory,
            1 << 30,
            {},
            datetime.now(UTC),
        )
    )
    return folder


def parsed(ran: Ran) -> Any:
    """What a command said with --json."""
    assert ran.code == 0, ran
    return json.loads(ran.out)
