"""One Xen host in a QEMU process of our own, without hardware virtualisation and without a way out.

It boots once; its memory and disk are then kept beside its image, and every other host goes on from there, in
seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

from host_image import HostImage

from tests.peers import waiting
from tests.peers.qmp import Qmp
from tests.peers.waiting import one_builder
from trainbot.images.build.progress_bar import Progress
from trainbot.ops.demo.ngircd import free_port

BOOT = 900  # seconds at most; about 40 on an idle core
RESUME = 120  # seconds at most; about 5
_CLOCK_STEP = 5.0  # seconds
# dom0's share of the memory; the rest is for labs.  No defence against speculation: it costs time in emulation.
_XEN = (
    "dom0_mem=768M,max:768M dom0_max_vcpus=1 console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning "
    "spec-ctrl=no xpti=no"
)

until = partial(waiting.until, seconds=BOOT)


class XenHost:
    """``folder`` (its disk, its log, its known_hosts) is gone when ``end`` was called.  ``name`` is its host name.
    ``second``: another disk, for a host that boots; what is written there is lost with it.  Its ssh and its libvirtd (TCP and TLS) are at the same ports of our loopback for as long as this object lives."""

    def __init__(self, image: HostImage, name: str) -> None:
        self.image = image
        self.name = name
        self.ssh_port, self.tcp_port, self.tls_port = free_port(), free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"tb-xen-{name}-"))
        self.disk = self.folder / "disk.qcow2"
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.ssh_port} {image.host_key}\n")
        self.second: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    # -- life ---------------------------------------------------------------------------------

    def resume(self, booted: Path) -> None:
        """As it was when it had booted; only the clock and the name are its own."""
        _overlay(booted / "disk.qcow2", "qcow2", self.disk)
        qmp = self._run("-incoming", f"exec:cat {shlex.quote(str(booted / 'memory'))}")
        qmp.migrated(RESUME)
        qmp("cont")
        self.wait(RESUME, f"hostname {self.name}")
        self.set_clock()

    def boot(self) -> None:
        """From its own disk if it has one: what a machine does whose power comes back.  Returns at once."""
        if not self.disk.exists():
            _overlay(self.image.folder / "disk.img", "raw", self.disk)
        self._run()

    def wait(self, seconds: float = BOOT, command: str | None = None) -> None:
        """Until somebody can log in and ``command`` is done; without one, until it has booted and is ready."""
        until(lambda: self._ssh("true").returncode == 0, f"ssh on {self.name}; see {self.folder}", seconds=seconds)
        self.ssh(command or self.image.ready)

    def save(self, to: Path) -> None:
        """Its memory and disk into ``to``; the machine is over then."""
        assert self._process
        qmp = Qmp(self._process)
        qmp("stop")
        qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
        qmp("migrate", uri=f"exec:cat > {shlex.quote(str(to / 'memory'))}")
        qmp.migrated(RESUME)
        qmp("quit")
        self._process.wait()
        shutil.move(self.disk, to / "disk.qcow2")

    def set_clock(self, ahead: float = 0.0) -> None:
        """To ours and so many seconds more: it falls behind whenever this machine is busy (``machine``)."""
        self.ssh(f"date -s @{time.time() + ahead:.0f} >/dev/null")

    @contextlib.contextmanager
    def right_clock(self) -> Iterator[None]:
        """Its clock goes with ours meanwhile: ``trainbot host prepare`` refuses a host that is half a minute behind."""
        enough = threading.Event()

        def keep() -> None:
            while not enough.wait(_CLOCK_STEP):
                self.set_clock()

        self.set_clock()
        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(keep)
            try:
                yield
            finally:
                enough.set()
                kept.result()

    def freeze(self) -> None:
        """Mute, as if somebody had pulled its network plug: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Its power is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- ways in ------------------------------------------------------------------------------

    @property
    def tcp(self) -> str:
        return f"xen+tcp://127.0.0.1:{self.tcp_port}/system"

    @property
    def ssh_uri(self) -> str:
        """With an ssh of its own, so that the known_hosts of whoever runs the tests is neither read nor written."""
        command = self.folder / "ssh"
        command.write_text(f'#!/bin/sh\nexec {shlex.join(self._ssh_command())} "$@"\n')
        command.chmod(0o755)
        return f"xen+ssh://root@127.0.0.1:{self.ssh_port}/system?command={command}"

    def ssh(self, command: str, seconds: float = BOOT) -> str:
        """What ``command`` said as root of dom0; AssertionError when it failed."""
        done = self._ssh(command, seconds)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stderr}"
        return done.stdout.strip()

    def feed(self, command: str, file: IO[bytes]) -> None:
        """The same, with what ``file`` holds on its standard input."""
        subprocess.run(
            [*self._ssh_command(), "-p", str(self.ssh_port), "root@127.0.0.1", command],
            stdin=file,
            check=True,
            timeout=BOOT,
        )

    def greeting(self, address: str, port: int) -> str:
        """What speaks there, heard through dom0; empty when nothing does."""
        return self._ssh(f"nc -w 5 {address} {port} </dev/null | head -n 1").stdout.strip()

    def lab_ssh(self, endpoint: tuple[str, int], key: Path, host_key: str, command: str) -> str:
        """What ``command`` said as root of a lab, with dom0 as the jump host."""
        address, port = endpoint
        known = self.folder / "known_labs"
        known.write_text(f"{address} {host_key}\n")
        jump = shlex.join([*self._ssh_command(), "-p", str(self.ssh_port), "-W", "%h:%p", "root@127.0.0.1"])
        options = ["-o", f"ProxyCommand={jump}", "-p", str(port), f"root@{address}", command]
        done = _run([*_ssh_with(key, known), *options])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _ssh_command(self) -> list[str]:
        return _ssh_with(self.image.key, self.folder / "known_hosts")

    def _ssh(self, command: str, seconds: float = BOOT) -> subprocess.CompletedProcess[str]:
        """Over one connection, since each handshake takes dom0 a second; it ends with the host."""
        shared = ["-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o", f"ControlPath={self.folder / 'master'}"]
        return _run([*self._ssh_command(), *shared, "-p", str(self.ssh_port), "root@127.0.0.1", command], seconds)

    # -- the process --------------------------------------------------------------------------

    def _run(self, *more: str) -> Qmp:
        """The kernel ends it when we die: nothing is left over, however the tests end."""
        command = ["setpriv", "--pdeathsig", "KILL", *machine(self.image), *more]
        command += ["-drive", f"file={self.disk},if=none,id=own,format=qcow2,cache=unsafe"]
        if self.second:
            command += ["-drive", f"file={self.second},if=none,id=second,format=raw,snapshot=on"]
            command += ["-device", "virtio-blk-pci,drive=second"]
        ports = {self.ssh_port: 22, self.tcp_port: 16509, self.tls_port: 16514}
        ways = "".join(f",hostfwd=tcp:127.0.0.1:{ours}-:{theirs}" for ours, theirs in ports.items())
        command += ["-netdev", f"user,id=net,restrict=on{ways}"]
        command += ["-serial", f"file:{self.folder / 'console'}", "-name", self.name]
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.image.folder,
                start_new_session=True,
            )
        return Qmp(self._process)

    def _signal(self, which: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(which)


def machine(image: HostImage) -> list[str]:
    """What all hosts have in common.  +npt: PVH labs need it, emulated as well.  +rdrand: without it a lab's ssh server
    waits ten seconds for entropy.  -icount: a host's clock goes by the instructions that it has executed, so that it is as
    slow as the host itself when this machine is busy; otherwise Xen's tools give up after 40 s of ours, which are few
    seconds of theirs.  Relative paths, since a comma or a blank in -initrd means something."""
    recipe = image.recipe
    return [
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-machine",
        "q35",
        "-accel",
        "tcg,thread=single,tb-size=256",
        "-icount",
        "shift=2,sleep=on",
        "-cpu",
        "qemu64,+npt,+rdrand",
        "-smp",
        "1",
        "-m",
        str(recipe.memory_mib),
        "-qmp",
        "stdio",
        "-kernel",
        "xen",
        "-append",
        _XEN,
        "-initrd",
        f"vmlinuz {recipe.cmdline},initrd",
        "-device",
        "virtio-blk-pci,drive=own",
        "-device",
        "virtio-net-pci,netdev=net,mac=52:54:00:00:00:01,romfile=",
    ]


def booted(image: HostImage, progress: Progress) -> Path:
    """The folder with ``memory`` and ``disk.qcow2`` of a host that has booted; made once for each machine and QEMU."""
    version = _run(["qemu-system-x86_64", "--version"]).stdout
    key = hashlib.sha256(f"{version} {machine(image)}".encode()).hexdigest()[:12]
    folder = image.folder / f"booted-{key}"
    with one_builder(image.folder / ".booted.lock", progress):
        if folder.is_dir():
            return folder
        for older in image.folder.glob("booted-*"):
            shutil.rmtree(older)
        progress.stage(f"booting the Xen host ({image.recipe.name}) once, to go on from there")
        began = time.monotonic()
        work = Path(tempfile.mkdtemp(prefix="booted-", dir=image.folder))
        host = XenHost(image, "xenhost")
        try:
            host.boot()
            host.wait()
            up = time.monotonic() - began
            host.save(work)
        finally:
            host.end()
        work.rename(folder)
        progress.done(f"the Xen host ({image.recipe.name}) booted in {up:.0f} s and was kept")
    return folder


def _overlay(base: Path, kind: str, to: Path) -> None:
    done = _run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(to)])
    assert done.returncode == 0, done.stderr


def _ssh_with(key: Path, known_hosts: Path) -> list[str]:
    settings = (
        f"UserKnownHostsFile={known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "ConnectTimeout=10",
        "LogLevel=ERROR",
    )
    return ["ssh", "-F", "none", "-i", str(key), *(word for setting in settings for word in ("-o", setting))]


def _run(command: list[str], seconds: float = BOOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
