"""A minimal Debian in a folder, in which one process runs, so that what others start there runs on beside it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Self

from trainbot.ops.demo.world import cache_folder

ROOT = Path(__file__).parents[2]
ENVIRONMENT = (
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "TERM=dumb",
    "DEBIAN_FRONTEND=noninteractive",
)
DEADLINE = 60.0  # seconds


def bare() -> ModuleType:
    """scripts/bare: this machine's mirrors and network settings."""
    loader = SourceFileLoader("bare", str(ROOT / "scripts" / "bare"))
    spec = spec_from_loader("bare", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def release() -> dict[str, str]:
    """os-release(5), of this machine."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.MULTILINE))


class Machine:
    """Has this machine's network.  Needs root."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="tb-deb-"))
        self._holder: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        archive = cache_folder() / "deb" / f"{release()['VERSION_CODENAME']}.tar"
        if not archive.exists():
            make(archive)
        subprocess.run(["tar", "--extract", "--numeric-owner", "--directory", self.root, "--file", archive], check=True)
        for name in ("/etc/hosts", "/etc/resolv.conf"):
            shutil.copyfile(name, self.root / name[1:])
        self._holder = subprocess.Popen(
            [ROOT / "scripts" / "bare-enter", self.root, "root", "echo ready; exec sleep infinity"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None and self._holder.stdout.readline() == "ready\n"
        self.run("apt-get", "update", "-qq")
        return self

    def __exit__(self, *_error: object) -> None:
        if self._holder is not None:
            self._holder.kill()  # and with it everything in its namespaces
            self._holder.communicate()
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", self.root], check=True)

    def command(self, *words: str, user: str = "root") -> list[str]:
        """What runs that in there.  As another user: with the environment that systemd gives a service."""
        assert self._holder is not None
        (inner,) = children(self._holder.pid)
        home = "/root" if user == "root" else f"/var/lib/{user}"
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user != "root" else []
        enter = ["nsenter", f"--target={inner}", "--mount", "--pid", "--root", f"--wd=/proc/{inner}/root"]
        return [*enter, "--", "env", "-i", *ENVIRONMENT, f"HOME={home}", f"USER={user}", *become, *words]

    def ran(self, *words: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """How that ended; stderr is in stdout."""
        command = self.command(*words, user=user)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        print(f"--- {' '.join(words)}: {done.returncode}", done.stdout, sep="\n")  # pytest shows it where a test failed
        return done

    def run(self, *words: str, user: str = "root") -> str:
        """What that says; it has to succeed."""
        done = self.ran(*words, user=user)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *names: str) -> str:
        """Without what is only recommended.  A changed conffile is kept, as unattended-upgrades does it."""
        options = ("-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold")
        return self.run("apt-get", "install", *options, *names)

    def pretend_systemd(self) -> None:
        """From now on packages see a systemd that runs; what they ask of it is only noted: see ``asked``."""
        program = self.root / "usr/bin/deb-systemd-invoke"  # apt does not look anywhere else
        program.write_text('#!/bin/sh\necho "$@" >> /tmp/asked\n')
        program.chmod(0o755)
        self.run("mkdir", "--parents", "/run/systemd/system")

    def asked(self) -> list[str]:
        """What deb-systemd-invoke(1p) was to do with our units since this was last looked at."""
        note = self.root / "tmp/asked"
        lines = note.read_text().splitlines()
        note.unlink()
        return sorted(line for line in lines if "trainbot" in line)

    def about(self, path: str) -> str:
        """Its mode, owner and group."""
        return self.run("stat", "--format=%a %U:%G", path).strip()

    def unit(self, name: str) -> dict[str, str]:
        """The installed unit's lines; of several with the same name, the last."""
        (path,) = (self.root / "lib/systemd/system").glob(f"{name}.service")
        return dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE))

    async def service(self, name: str) -> Service:
        """What systemd would start, as the user that the unit names."""
        unit = self.unit(name)
        process = await asyncio.create_subprocess_exec(
            *self.command(*unit["ExecStart"].split(), user=unit["User"]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return Service(process)


class Service:
    """A program in there."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            print(raw.decode("utf-8", "replace"), end="")
            self._lines.put_nowait(raw.decode("utf-8", "replace"))

    async def says(self, pattern: str) -> None:
        """Waits for a line of its log that matches."""
        async with asyncio.timeout(DEADLINE):
            while not re.search(pattern, await self._lines.get()):
                pass

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(DEADLINE):
            code = await self._process.wait()
            await self._reader
        return code

    async def stop(self) -> int:
        """SIGTERM, as systemd does it."""
        (pid,) = children(self._process.pid)  # of nsenter, which waits for it
        os.kill(pid, signal.SIGTERM)
        return await self.ended()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def make(archive: Path) -> None:
    """The minimal system as a tar.  Takes a minute."""
    tools = bare()
    archive.parent.mkdir(parents=True, exist_ok=True)
    draft = archive.with_name(f".{archive.name}")  # its name says to mmdebstrap that it is a tar
    suite = release()["VERSION_CODENAME"]
    options = [f"--aptopt={line.removesuffix(';')}" for line in tools.apt_settings()]
    command = ["mmdebstrap", "--mode=root", "--variant=important", "--dpkgopt=force-unsafe-io", *options]
    subprocess.run([*command, suite, draft, *tools.mirrors(suite)], check=True)
    draft.rename(archive)
