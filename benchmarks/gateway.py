"""What the ssh door costs, beside a direct ssh to the same lab in the same run.

    .venv/bin/python benchmarks/gateway.py [lab] [crowd] [visit] [start [CHECKOUT]] [compare CHECKOUT]

``lab``: one real machine through the embedded QEMU driver: time to a prompt, echo of a keystroke, scp of 100 MB.
``crowd``: 200 open sessions of 200 people (of a stand-in lab; no machine here holds 200 real ones): the gateway's CPU and
memory.  ``visit``: the echo of others' keys while a guest is at a terminal at which nothing happens, at one that prints 10 MB/s in
tmux, and at one whose lab sends all that it can in tmux's place.  ``start``: until a gateway listens, and its memory then.  ``compare``: this gateway beside the one of another checkout, in front of OpenSSH's sshd.  What is compared
alternates, so that a busy machine is as unfair to both.
"""

from __future__ import annotations

import asyncio
import fcntl
import getpass
import logging
import os
import pty
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

import asyncssh

from benchmarks.labs import percentiles, row, running
from tests.gateway.conftest import Lab, World, keygen
from tests.gateway.terminal import Terminal
from tests.whole.running import CHANNEL, Participant
from trainbot import shipped
from trainbot.adapters.state_folder import lab_key
from trainbot.gateway import process as gateway_process
from trainbot.gateway.routes import Guest, VisitRoute
from trainbot.images.build.build import build_image
from trainbot.images.build.progress_bar import for_terminal
from trainbot.ops.demo.world import cache_folder

LOGINS, KEYS, SCP_MB, SESSIONS, SECONDS = 10, 200, 100, 200, 10
ROUNDS, COMPARED_MB, STARTS = 5, 50, 10
TMUX = "tmux -u new-session -A -s direct"


class Way:
    """One way to the lab: ssh with these options and this destination."""

    def __init__(self, name: str, folder: Path, port: int, key: Path, where: str, command: str = "") -> None:
        self.name, self.where, self.command, self.port = name, where, command, port
        options = [
            f"IdentityFile={key}",
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            f"UserKnownHostsFile={folder}/known-{port}",
            "GlobalKnownHostsFile=/dev/null",
        ]
        self.options = ["-F", "none", *(word for option in options for word in ("-o", option))]

    def open(self) -> tuple[subprocess.Popen[bytes], int]:
        """A login with a terminal."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(master, (24, 80))
        process = subprocess.Popen(
            ["ssh", *self.options, "-tt", "-p", str(self.port), self.where, *([self.command] if self.command else [])],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        return process, master

    def scp(self, *words: str) -> float:
        """Seconds."""
        began = time.perf_counter()
        subprocess.run(["scp", "-q", *self.options, "-P", str(self.port), *words], check=True, capture_output=True)
        return time.perf_counter() - began


def until(master: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        if not select.select([master], [], [], 60)[0]:
            raise TimeoutError(seen)
        seen += os.read(master, 65536)


def prompt(way: Way) -> float:
    began = time.perf_counter()
    process, master = way.open()
    until(master, b"# ")
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    os.close(master)
    return took


def echoes(*ways: Way) -> list[list[float]]:
    """Seconds from a key to its echo, typed at the shell's prompt of each way in turn."""
    opened = [way.open() for way in ways]
    took: list[list[float]] = [[] for _ in ways]
    for _, master in opened:
        until(master, b"# ")
    for n in range(KEYS):
        sign = b"abcdefghij"[n % 10 : n % 10 + 1]
        for (_, master), found in zip(opened, took, strict=True):
            began = time.perf_counter()
            os.write(master, sign)
            until(master, sign)
            found.append(time.perf_counter() - began)
            if n % 40 == 39:
                os.write(master, b"\x15")
                until(master, b"\x1b")
    for process, master in opened:
        process.kill()
        process.wait()
        os.close(master)
    return took


def measure(folder: Path, ways: list[Way]) -> None:
    found: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:
        prompt(way)  # the first of each warms the lab up
    for _ in range(LOGINS):
        for way in ways:
            found[way.name].append(prompt(way))
    for way in ways:
        row(f"time to a prompt, {way.name}", percentiles(found[way.name]))
    plain, direct, tmux, by_hand = (statistics.median(found[way.name]) * 1000 for way in ways)
    row("   the gateway adds, to a shell and to tmux", f"{plain - direct:+7.1f} ms {tmux - by_hand:+7.1f} ms")
    for way in ways:
        row(f"echo of a key, {way.name}", percentiles(echoes(way)[0]))
    file = folder / "file"
    file.write_bytes(os.urandom(SCP_MB << 20))
    for what, words in (
        ("to the lab", lambda way: (str(file), f"{way.where}:file")),
        ("from the lab", lambda way: (f"{way.where}:file", str(folder / "back"))),
    ):
        rates = {}
        for way in (ways[1], ways[0], ways[1], ways[0]):
            rates.setdefault(way.name, []).append(SCP_MB / way.scp(*words(way)))
        through, straight = max(rates[ways[0].name]), max(rates[ways[1].name])
        row(
            f"scp of {SCP_MB} MB {what}: through, direct",
            f"{through:7.1f} MB/s {straight:7.1f} MB/s  {through / straight:.0%}",
        )
    assert (folder / "back").read_bytes() == file.read_bytes()


async def lab() -> None:
    cache = cache_folder()
    inside = cache / "lab_key"
    image = build_image(shipped.folder("images") / "debian", cache, lab_key(inside), for_terminal())
    async with running(
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": image.folder},
        gateway={"lab_key": inside},
    ) as (bot, server, russell):
        await bot.signal(15)
        bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
        await bot.arrive(russell)
        await bot.logs("host here answers")
        alice = await Participant.connect(server.port, "alice")
        await alice.join(CHANNEL)
        key = bot.folder / "id"
        await alice.whisper(f"key {keygen(key)}", "key kept")
        line = await alice.ask("!lab debian", r"ssh -p (\d+) debian@", "")
        await bot.logs("lab tb-debian-\\S+ on here is ready", 180)
        ((port,),) = bot.rows("select ssh_port from lab")
        ways = [
            Way("through, a plain shell", bot.folder, int(line[1]), key, "plain@127.0.0.1"),
            Way("direct, a plain shell", bot.folder, port, inside, "root@127.0.0.1"),
            Way("through, tmux", bot.folder, int(line[1]), key, "debian@127.0.0.1"),
            Way("direct, tmux by hand", bot.folder, port, inside, "root@127.0.0.1", TMUX),
        ]
        await asyncio.to_thread(measure, bot.folder, ways)
        await alice.close()


def cpu(world: World) -> float:
    """Seconds of one core, of the gateway, its workers and what started them (proc(5))."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in (world.pid, *world.workers())]
    return sum(int(field) for each in fields for field in each[11:15]) / os.sysconf("SC_CLK_TCK")


def memory(world: World) -> float:
    """MiB of the gateway and its workers; what they share counts once (proc(5), smaps_rollup: Pss)."""
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in (world.pid, *world.workers())]
    return sum(int(rollup.split("\nPss:")[1].split()[0]) for rollup in rollups) / 1024


class OtherWorld(World):
    """A world whose gateway is that of another checkout."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.checkout = checkout
        super().__init__(folder)

    def gateway_command(self, **other) -> list[str]:
        return ["env", f"--chdir={self.checkout}", f"PYTHONPATH={self.checkout}", *super().gateway_command(**other)]


def start_sshd(folder: Path, public: str) -> tuple[subprocess.Popen[bytes], int, str]:
    """OpenSSH's sshd as a lab; its process, port and host key."""
    folder.mkdir()
    host_key = keygen(folder / "host_key")
    (folder / "authorized").write_text(public + "\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "MaxStartups": "1000",
        "Subsystem": "sftp internal-sftp",
    }
    Path("/run/sshd").mkdir(exist_ok=True)
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return (
        subprocess.Popen([shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-f", "/dev/null", *words]),
        port,
        host_key,
    )


async def compare(checkout: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("new", "old"):
            (folder / each).mkdir()
        worlds = {"this one": World(folder / "new"), "the other": OtherWorld(folder / "old", Path(checkout).resolve())}
        sshds, ways = [], {}
        try:
            for title, world in worlds.items():
                key = folder / f"id-{world.port}"
                public = keygen(key)
                sshd, port, host_key = start_sshd(folder / f"sshd-{world.port}", world.lab_public)
                sshds.append(sshd)
                me = {"endpoint": ("127.0.0.1", port), "host_key": host_key, "user": getpass.getuser()}
                world.lease(keys=(public,), **me)
                ways[title] = Way(title, folder, world.port, key, "plain@127.0.0.1")
            await asyncio.to_thread(measure_both, folder, ways, worlds)
        finally:
            for each in (*worlds.values(), *sshds):
                each.close() if isinstance(each, World) else each.kill()
        for title in list(worlds) * 2:
            print(title)
            await crowd(None if title == "this one" else Path(checkout).resolve())


def start(checkout: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        worlds: dict[str, World] = {}
        try:
            for title, other in {
                "this one": None,
                **({"the other": Path(checkout).resolve()} if checkout else {}),
            }.items():
                (folder := Path(name, title.replace(" ", "-"))).mkdir()
                worlds[title] = World(folder) if other is None else OtherWorld(folder, other)
            took: dict[str, list[float]] = {title: [] for title in worlds}
            used: dict[str, list[float]] = {title: [] for title in worlds}
            sizes: dict[str, list[float]] = {title: [] for title in worlds}
            for _ in range(STARTS):
                for title, world in worlds.items():
                    gateway_process.stop(world.state)
                    began = time.perf_counter()
                    world.start_gateway()
                    took[title].append(time.perf_counter() - began)
                    used[title].append(cpu(world))
                    sizes[title].append(memory(world))
        finally:
            for world in worlds.values():
                world.close()
    for title in worlds:
        row(f"until it listens, {title}", percentiles(took[title]))
        row("   CPU, memory", f"{statistics.median(used[title]):7.2f} s {statistics.median(sizes[title]):7.0f} MiB")
    if checkout:
        ratios = (
            statistics.median(each["this one"]) / statistics.median(each["the other"]) for each in (took, used, sizes)
        )
        row("   this one : the other, time, CPU, memory", "".join(f"{ratio:7.2f}" for ratio in ratios))


def measure_both(folder: Path, ways: dict[str, Way], worlds: dict[str, World]) -> None:
    keys: dict[str, list[float]] = {title: [] for title in ways}
    prompts: dict[str, list[float]] = {title: [] for title in ways}
    for _ in range(ROUNDS):
        for title, way in ways.items():
            prompts[title].append(prompt(way))
        for title, took in zip(ways, echoes(*ways.values()), strict=True):
            keys[title] += took
    for title in ways:
        row(f"time to a prompt, {title}", percentiles(prompts[title]))
        row(f"echo of a key, {title}", percentiles(keys[title]))
    new, old = (statistics.median(keys[title]) for title in ways)
    row("   echo, this one : the other", f"{new / old:7.2f}")
    file = folder / "file"
    file.write_bytes(os.urandom(COMPARED_MB << 20))
    for what, words in (
        ("to the lab", lambda way: (str(file), f"{way.where}:{folder}/there")),
        ("from the lab", lambda way: (f"{way.where}:{folder}/there", str(folder / "back"))),
    ):
        rates: dict[str, list[float]] = {title: [] for title in ways}
        used: dict[str, list[float]] = {title: [] for title in ways}
        for _ in range(2 * ROUNDS):
            for title, way in ways.items():
                before = cpu(worlds[title])
                rates[title].append(COMPARED_MB / way.scp(*words(way)))
                used[title].append(cpu(worlds[title]) - before)
        for kind, unit, found in (("scp", "MB/s", rates), ("   CPU of the gateway", "s", used)):
            new, old = (statistics.median(found[title]) for title in ways)
            row(f"{kind}, {COMPARED_MB} MB {what}", f"{new:7.2f} {unit} {old:7.2f} {unit}  {new / old:.2f}")


async def crowd(checkout: Path | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder)) if checkout is None else OtherWorld(Path(folder), checkout)
        try:
            leases = [world.lease() for _ in range(SESSIONS)]
            empty, before, began = memory(world), cpu(world), time.perf_counter()
            gate = asyncio.Semaphore(10)

            async def come(password: str) -> tuple[asyncssh.SSHClientConnection, asyncssh.SSHClientProcess[str]]:
                async with gate:
                    connection = await _connect(world, password)
                    session = await connection.create_process("cat")
                    session.stdin.write("in\n")
                    await session.stdout.readline()
                    return connection, session

            people = await asyncio.gather(*(come(password) for _, password in leases))
            row(
                f"{SESSIONS} logins, ten at a time: in all, CPU of the gateway for each",
                f"{time.perf_counter() - began:7.2f} s {(cpu(world) - before) / SESSIONS * 1000:7.1f} ms",
            )
            row(f"memory: nobody inside, {SESSIONS} sessions", f"{empty:7.0f} MiB {memory(world):7.0f} MiB")
            before = cpu(world)
            await asyncio.sleep(SECONDS)
            row(f"CPU with {SESSIONS} who do nothing", f"{(cpu(world) - before) / SECONDS:7.1%} of a core")
            before, began, keys, waits = cpu(world), time.perf_counter(), 0, []
            while time.perf_counter() - began < SECONDS:
                for _, session in people:
                    asked = time.perf_counter()
                    session.stdin.write("k\n")
                    await session.stdout.readline()
                    waits.append(time.perf_counter() - asked)
                    keys += 1
                    await asyncio.sleep(1 / SESSIONS)
            took = time.perf_counter() - began
            row(
                f"CPU with {keys / took:.0f} lines a second typed by {SESSIONS}",
                f"{(cpu(world) - before) / took:7.1%} of a core",
            )
            row("   their echo", percentiles(waits))
            for connection, _ in people:
                connection.abort()
        finally:
            world.close()


PRINTS = "while :; do head -c 1000000 /dev/zero | tr '\\0' x; sleep 0.1; done\n"  # 10 MB/s
FLOODS = "#!/bin/sh\n[ $1 = -V ] && exec echo tmux 3.3a\nexec yes $(printf '\\033[31mred\\033[5;5Hthere\\033[K')\n"
OTHERS, TURNS, TYPED = 10, 3, 400


async def visit() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder, tmux=True)
        flooding = Lab(folder / "flooding", world.lab_public)
        others = Lab(folder / "others", world.lab_public).start()
        try:
            fake = flooding.folder / "tmux"
            fake.write_text(FLOODS)
            fake.chmod(0o755)
            before, os.environ["PATH"] = os.environ["PATH"], f"{flooding.folder}:{os.environ['PATH']}"
            flooding.start()
            os.environ["PATH"] = before
            key = folder / "guest"
            world.bot.guests = [Guest(7, "hannah", (keygen(key),))]
            world.bot.answers = lambda request: {"visit": 1, "by": "hannah", "name": "alice", "image": "debian"}
            labs = {"tmux": world.lab, "flood": flooding}
            for word, lab in labs.items():
                route, _ = world.lease(endpoint=lab.endpoint, host_key=lab.host_key)
                world.bot.visits[word] = VisitRoute(word, 7, route.lease, time.time() + 3600)
            passwords = [world.lease(endpoint=others.endpoint, host_key=others.host_key)[1] for _ in range(OTHERS)]
            people = [await _cat(world, password) for password in passwords]
            took: dict[str, list[float]] = {}
            rates: dict[str, float] = {}
            for state in ("nobody", "a quiet terminal", "10 MB/s in tmux", "all that a lab can send") * TURNS:
                guest = None
                if state != "nobody":
                    guest = DrainedTerminal(world, key, "flood" if state.startswith("all") else "tmux")
                    if state.startswith("10"):
                        guest.terminal.type(PRINTS.encode())
                    await asyncio.sleep(2)
                got, began = guest.got if guest is not None else 0, time.perf_counter()
                took.setdefault(state, []).extend(await _keys(people))
                if guest is not None:
                    rates[state] = (guest.got - got) / (time.perf_counter() - began) / 1e6
                    guest.terminal.type(b"\x03")
                    await asyncio.sleep(1)  # it gets there, and what printed stops
                    guest.close()
            for state, waits in took.items():
                row(f"echo of others' keys, guest at: {state}", percentiles(waits))
                p99 = [sorted(each)[len(each) * 99 // 100] for each in (waits, took["nobody"])]
                row(
                    "   its p99 : nobody's, what the guest got",
                    f"{p99[0] / p99[1]:7.2f} {rates.get(state, 0):7.2f} MB/s",
                )
        finally:
            for lab in (flooding, others):
                lab.kill()
            subprocess.run(
                ["tmux", "kill-server"], env={**os.environ, "TMUX_TMPDIR": str(world.lab.folder)}, check=False
            )
            world.close()


class DrainedTerminal:
    """A guest who reads all that comes.  ``got``: bytes."""

    def __init__(self, world: World, key: Path, word: str) -> None:
        self.terminal = Terminal(world, "", key=key, user=f"desk+{word}", rows=50, columns=160)
        self.terminal.until(b"leaves")
        self.got = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self.terminal.master, 65536):
                self.got += len(data)

    def close(self) -> None:
        self.terminal.process.kill()
        self.terminal.process.wait()
        self._thread.join()
        os.close(self.terminal.master)


async def _connect(world: World, password: str) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1",
        world.port,
        username="x",
        password=password,
        known_hosts=None,
        config=None,
        client_keys=None,
        agent_path=None,
    )


async def _cat(world: World, password: str) -> asyncssh.SSHClientProcess[str]:
    return await (await _connect(world, password)).create_process("cat")


async def _keys(people: list[asyncssh.SSHClientProcess[str]]) -> list[float]:
    """Seconds from a line to its echo, typed by each in turn."""
    waits = []
    for n in range(TYPED):
        session = people[n % len(people)]
        asked = time.perf_counter()
        session.stdin.write("k\n")
        await session.stdout.readline()
        waits.append(time.perf_counter() - asked)
        await asyncio.sleep(0.005)
    return waits


def main(wanted: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    if wanted[:1] == ["compare"]:
        asyncio.run(compare(wanted[1]))
        return
    if wanted[:1] == ["start"]:
        start(*wanted[1:])
        return
    for part in (crowd, lab, visit):
        if not wanted or part.__name__ in wanted:
            asyncio.run(part())


if __name__ == "__main__":
    main(sys.argv[1:])
