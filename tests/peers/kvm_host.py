"""A Debian machine that is a host for labs, in namespaces of its own: systemd, sshd, and libvirtd with its QEMU driver.

Its system is made once out of Debian's packages and kept; a machine is an overlay over it, up within seconds, and is gone,
with all that runs on it, when this process is.  It has the machine's kernel, a network of its own with one cable to ours,
and no way out.  Labs are emulated (TCG).  Needs root.

CACHE/kvm-host-0123456789ab/   root/, host_key.pub: a host with what ``trainbot host prepare`` installs
CACHE/kvm-plain-0123456789ab/  the same without it; the packages are there for apt-get, offline
CACHE/kvm_key                  opens their ssh; for tests alone
"""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from tests.peers import waiting
from tests.peers.waiting import one_builder
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.command import BuildLog
from trainbot.images.build.overlay import write_overlay
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import load_recipe, recipe_hash
from trainbot.images.build.rootfs import make_rootfs, scratch

_RECIPES = Path(__file__).with_name("kvm")
_INSIDE = _RECIPES / "inside"
_VERSION = "1"  # raise it when this module makes something else of the same recipe
BOOT = 120.0  # seconds at most; about 3

until = partial(waiting.until, seconds=BOOT)


@dataclass(frozen=True)
class KvmSystem:
    """``root`` is never changed.  ``key`` is the private half of what root's authorized_keys holds, ``host_key`` the public
    key that the machine's sshd shows."""

    root: Path
    key: Path

    @property
    def host_key(self) -> str:
        return (self.root.parent / "host_key.pub").read_text(encoding="ascii").strip()


def kvm_system(name: str, cache: Path, progress: Progress) -> KvmSystem:
    """``host`` or ``plain``: at once when it is there already, otherwise after a minute or two."""
    key = cache / "kvm_key"
    with one_builder(cache / ".kvm_key.lock", progress):
        public_key = lab_key(key)
    with one_builder(cache / f".kvm-{name}.lock", progress):
        recipe = load_recipe(_RECIPES / name)
        wanted = hashlib.sha256(f"{_VERSION} {recipe_hash(recipe.folder, public_key)}".encode()).hexdigest()
        version = cache / f"kvm-{name}-{wanted[:12]}"
        if not version.is_dir():
            for older in [*cache.glob(f"kvm-{name}-{'?' * 12}"), *cache.glob(f".kvm-{name}-build-*")]:
                shutil.rmtree(older)
            _build(name, public_key, version, progress)
        return KvmSystem(version / "root", key)


def _build(name: str, public_key: str, version: Path, progress: Progress) -> None:
    """Builds beside ``version``, which appears complete or not at all."""
    recipe, began = load_recipe(_RECIPES / name), time.monotonic()
    log = BuildLog(version.parent / f"kvm-{name}-build.log")
    work = Path(tempfile.mkdtemp(prefix=f".kvm-{name}-build-", dir=version.parent))
    try:
        progress.stage(f"a host for the tests ({recipe.name}): it is built once and kept")
        log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "host_key")])
        write_overlay(recipe, public_key, work / "host_key", work / "overlay.tar")
        make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
        finished = work / version.name
        (finished / "root").mkdir(parents=True)
        finished.chmod(0o755)
        shutil.copy(work / "host_key.pub", finished)
        tar = ["tar", "-x", "--numeric-owner", "--xattrs", "--xattrs-include=security.capability", "--exclude=./dev/*"]
        log.run([*tar, "-f", str(work / "system.tar"), "-C", str(finished / "root")], env=scratch(work))
        finished.rename(version)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress.done(f"the host ({recipe.name}) is built, in {time.monotonic() - began:.0f} s")


def _removed(cgroup: str) -> bool:
    try:
        os.rmdir(cgroup)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class KvmHost:
    """``name``: its host name.  ``address`` is its own on the cable to us, ``ours`` the other end's; both stay the same as
    long as this object lives.  ``folder``: its disk (what differs from its system), its ssh command, its known_hosts."""

    def __init__(self, system: KvmSystem, name: str = "kvm1") -> None:
        self.system, self.name = system, name
        self._number, self._taken = _number()
        self.ours, self.address = f"10.98.{self._number}.1", f"10.98.{self._number}.2"
        self.cable, self.cgroup = f"tbk{self._number}", _cgroups() / f"trainbot-kvm-{self._number}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"tb-{name}-"))
        self.folder.chmod(0o755)  # others look for files in it
        (self.folder / "known_hosts").write_text(f"{self.address} {system.host_key}\n")
        command = self.folder / "ssh"
        command.write_text(f'#!/bin/sh\nexec {shlex.join(self._ssh_command())} "$@"\n')
        command.chmod(0o755)
        self._holder: subprocess.Popen[bytes] | None = None

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Up, and ready for ssh; from its own disk if it has run before, as a machine whose power comes back."""
        self.cgroup.mkdir(exist_ok=True)
        enter = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'
        spaces = "unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child --propagation private --".split()
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "sh", "-c", enter, "sh", self.cgroup, *spaces),
                *(_INSIDE, self.system.root, self.folder, self.name),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            start_new_session=True,
        )
        until(lambda: self._alive() and _children(self._holder.pid), "its first process")
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", str(self.pid))
        _ip("address", "add", f"{self.ours}/24", "dev", self.cable)
        _ip("link", "set", self.cable, "up")
        net = ["nsenter", f"--target={self.pid}", "--net", "ip"]
        for words in (f"address add {self.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            subprocess.run([*net, *words.split()], check=True)
        until(lambda: self._alive() and self._ssh("true").returncode == 0, f"ssh on {self.name}")

    @property
    def pid(self) -> int:
        """Its first process, as we see it."""
        (pid,) = _children(self._holder.pid)
        return pid

    def _alive(self) -> bool:
        assert self._holder is not None and self._holder.poll() is None, (self.folder / "log").read_text()
        return True

    def freeze(self) -> None:
        """Nothing in it runs on: connections stay, nothing is answered."""
        (self.cgroup / "cgroup.freeze").write_text("1")
        until(lambda: "frozen 1" in (self.cgroup / "cgroup.events").read_text(), f"{self.name} is frozen")

    def thaw(self) -> None:
        (self.cgroup / "cgroup.freeze").write_text("0")

    def unplug(self) -> None:
        """Its cable is pulled."""
        _ip("link", "set", self.cable, "down")

    def plug(self) -> None:
        _ip("link", "set", self.cable, "up")

    def kill(self) -> None:
        """Its power is gone."""
        process, self._holder = self._holder, None
        if process is not None:
            for pid in _children(process.pid) or [process.pid]:
                os.kill(pid, signal.SIGKILL)
            process.wait()
            if self.cgroup.exists():
                self.thaw()
                until(lambda: "populated 0" in (self.cgroup / "cgroup.events").read_text(), f"{self.name} has ended")
            until(lambda: not Path(f"/sys/class/net/{self.cable}").exists(), f"{self.cable} has gone")

    def stop(self) -> None:
        """Nothing of it is left; once more, nothing happens."""
        self.kill()
        for folder, _folders, _files in os.walk(self.cgroup, topdown=False):
            until(lambda folder=folder: _removed(folder), f"{folder} is empty")  # a process that ends is still in it
        shutil.rmtree(self.folder, ignore_errors=True)
        self._taken.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- ways in ------------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """With an ssh of its own, so that the known_hosts of whoever runs the tests is neither read nor written."""
        return f"qemu+ssh://root@{self.address}/system?command={self.folder / 'ssh'}"

    @property
    def files(self) -> Path:
        """Its root, as we see it."""
        return Path(f"/proc/{self.pid}/root")

    def ssh(self, command: str, seconds: float = BOOT) -> str:
        """What ``command`` said as root there; AssertionError when it failed."""
        done = self._ssh(command, seconds)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def _ssh(self, command: str, seconds: float = BOOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._ssh_command(), f"root@{self.address}", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def _ssh_command(self) -> list[str]:
        settings = (
            f"UserKnownHostsFile={self.folder / 'known_hosts'}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "ConnectTimeout=10",
            "LogLevel=ERROR",
        )
        return ["ssh", "-F", "none", "-i", str(self.system.key), *(w for s in settings for w in ("-o", s))]


def _number() -> tuple[int, socket.socket]:
    """One that no other machine of this kind has, and what keeps it ours: a socket's name, which the kernel frees."""
    for number in range(1, 255):
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            taken.bind(f"\0trainbot-kvm-{number}")
            return number, taken
        except OSError:
            taken.close()
    raise AssertionError("no number is free")


def _cgroups() -> Path:
    """Where cgroup2 is mounted."""
    lines = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next(Path(words[1]) for words in lines if words[2] == "cgroup2")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
