"""``trainbot image try``: boots a lab of an image in a machine of its own on this machine, looks at it, and reports.

It touches no host that bot.ini names and no lab of the bot's: the machine has its own folder, which is removed with it.
"""

from __future__ import annotations

import platform
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainbot import __version__, shipped
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.bot.installation import build_for
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.images.build.accel import working_accelerator
from trainbot.images.build.image_folder import BuiltImage, read_image
from trainbot.images.build.progress_bar import Progress
from trainbot.model.host import HostConfig, LabSpec, Mode
from trainbot.model.host_address import console_socket

_ASK_AGAIN = 3.0  # seconds between two attempts to log in
_LOGIN = 240  # seconds for one: emulated on a busy machine, the key exchange alone takes a minute
_CONSOLE = 240.0  # seconds that the console has to answer in
_TERMINAL = re.compile(rb"\x1b\[[?0-9;]*[A-Za-z]|\r")  # what a shell tells a terminal besides text
_GONE = re.compile(r"[^\x20-\x7e]")

# What is asked in the lab: a name, the command, and what its output has to match ('': it is only reported).
_QUESTIONS = (
    ("system", ". /etc/os-release; echo $PRETTY_NAME", ""),
    ("kernel", "uname -r", ""),
    ("systemd", "systemctl is-system-running; systemctl --failed --plain --no-legend | cut -d' ' -f1", r"^running\b"),
    ("SE Linux", "echo $(cat /sys/fs/selinux/enforce) $(id -Z)", r"^{enforcing} \S*unconfined_t"),
    ("policy", "sestatus | sed -n 's/^Loaded policy name: *//p;s/^Max kernel policy version: *//p'", ""),
    ("denials", "journalctl -b -o cat | grep -c 'avc:  denied' || :", r"^0$"),
    ("unlabelled files", "find / -xdev -context '*unlabeled_t*' | wc -l", r"^0$"),
    ("network", "ip -4 -o addr show scope global | sed 's/ *\\\\.*//'; ip -4 route show default", r"inet \d+\."),
    ("host keys", "cd /etc/ssh; ls ssh_host_*_key", r"^ssh_host_ed25519_key$"),
    ("packages", "if command -v rpm >/dev/null && rpm -q openssh-server >/dev/null 2>&1; then rpm -qa | wc -l; "
                 "else dpkg-query -W | wc -l; fi", r"^[1-9]\d+$"),
    ("tmux", "command -v tmux", "tmux"),
    ("memory", "free -m | sed -n 's/^Mem: *//p'", ""),
)  # fmt: skip


@dataclass
class Trial:
    """What was found; ``lines`` are for people, ``wrong`` those of them that are not as they should be."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str, found: str, good: bool = True) -> None:
        line = f"{what}: {_GONE.sub(' ', found).strip() or 'nothing'}"
        self.lines.append(line if good else f"{line}   <-- not as it should be")
        if not good:
            self.wrong.append(line)


def ready_image(config: Config, name: str, progress: Progress) -> tuple[BuiltImage, bool]:
    """The image of that name in bot.ini, built first if it is not there and has a recipe, and whether KVM boots it."""
    section = next((image for image in config.images if image.name == name), None)
    if section is None:
        raise BackendError(f"bot.ini has no [image.{name}] section: add one")
    try:
        image = read_image(section.folder)
    except BackendError:
        if not (shipped.folder("images") / name).is_dir():
            raise
        image = read_image(build_for(config, name, progress))
    return image, working_accelerator(section.folder.parent.parent, name) == "kvm"


def try_image(image: BuiltImage, key: Path, kvm: bool, mode: Mode, within: float, progress: Progress) -> Trial:
    """Boot `image` in that mode, log in with the private key, look, take a snapshot and go back to it.

    ``within``: seconds that each boot may take until somebody can log in.
    """
    trial = Trial()
    trial.note(
        "trainbot", f"{__version__}, {platform.platform()}, {'KVM' if kvm else 'emulated'}, {datetime.now(UTC):%F}"
    )
    trial.note("image", f"{image.name} ({image.suite}), {image.folder.name}, {image.source or 'built here'}")
    with _lab(image, key, kvm, mode) as lab:
        try:
            look(lab, trial, within, progress)
        except BackendError as error:
            trial.note("ended early", str(error), good=False)
            trial.lines += ["the end of its console:", *lab.console_end()]
    progress.done(
        f"{image.name}: {len(trial.wrong)} not as they should be" if trial.wrong else f"{image.name}: all is well"
    )
    return trial


def look(lab: TrialLab, trial: Trial, within: float, progress: Progress) -> None:
    progress.stage("booting the lab")
    trial.note("ssh after the boot", f"{lab.boot(within):.0f} s")
    progress.stage("looking at the lab")
    for what, command, pattern in _QUESTIONS:
        found = " ".join(lab.ask(command).split())
        wanted = pattern.replace("{enforcing}", "1" if lab.mode is Mode.ENFORCING else "0")
        trial.note(what, found, not wanted or re.search(wanted, found) is not None)
    trial.note("console", *lab.ask_console())
    progress.stage("taking a snapshot")
    lab.ask("echo before > /root/trial; sync")
    lab.driver.snapshot(lab.spec)
    lab.wait(within)
    lab.ask("echo after > /root/trial; sync")
    progress.stage("going back to the snapshot")
    lab.driver.rollback(lab.spec)
    lab.wait(within)
    found = lab.ask("cat /root/trial").strip()
    trial.note("snapshot and back", found, found == "before")


class TrialLab:
    def __init__(self, driver: LibvirtDriver, spec: LabSpec, mode: Mode, ssh: list[str], console: Path | None) -> None:
        self.driver, self.spec, self.mode, self._ssh, self._console = driver, spec, mode, ssh, console
        self._said = b""

    def boot(self, within: float) -> float:
        """Seconds until somebody can log in."""
        began = time.monotonic()
        self.driver.make(self.spec)
        self.wait(within)
        return time.monotonic() - began

    def wait(self, within: float) -> None:
        """Until somebody can log in; BackendError if that takes longer than it may."""
        ends, again = time.monotonic() + within, threading.Event()
        with self._following():
            while True:
                try:
                    self.ask("true", _LOGIN)
                    return
                except BackendError as error:
                    if time.monotonic() > ends:
                        raise BackendError(f"nobody could log in within {within:.0f} s: {error}") from error
                again.wait(_ASK_AGAIN)

    def ask(self, command: str, seconds: float = 300) -> str:
        """What the command says on stdout; BackendError if ssh does not get there."""
        try:
            ran = subprocess.run(
                [*self._ssh, command], capture_output=True, text=True, errors="replace", timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise BackendError(f"no answer to {shlex.quote(command)} within {seconds:.0f} s") from None
        if ran.returncode == 255:  # ssh's own
            raise BackendError(" ".join(ran.stderr.split()) or "ssh failed without a reason")
        return ran.stdout

    def ask_console(self) -> tuple[str, bool]:
        """Whether root's shell answers on the console."""
        if self._console is None:
            return "this host has none", False
        said = b""
        with socket.socket(socket.AF_UNIX) as console, suppress(TimeoutError):
            console.connect(str(self._console))
            console.settimeout(_CONSOLE)
            console.sendall(b"\n id -un; echo tried-$((6 * 7))\n")
            while b"tried-42" not in said and (piece := console.recv(4096)):
                said += piece
        plain = _TERMINAL.sub(b"", said)
        good = b"tried-42" in plain and re.search(rb"^root$", plain, re.MULTILINE) is not None
        return ("root's shell answers" if good else said.decode(errors="replace")[-200:]), good

    def console_end(self) -> list[str]:
        """The last lines that it said while it was booting."""
        lines = [_GONE.sub("", line) for line in self._said.decode(errors="replace").splitlines()]
        return [line for line in lines if line.strip()][-30:]

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Keep what the console says meanwhile."""
        self._said = b""
        if self._console is None:
            yield
            return
        with socket.socket(socket.AF_UNIX) as console:
            console.connect(str(self._console))

            def read() -> None:
                with suppress(OSError):
                    while piece := console.recv(4096):
                        self._said = (self._said + piece)[-16384:]

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            try:
                yield
            finally:
                console.shutdown(socket.SHUT_RDWR)
                reader.join()


@contextmanager
def _lab(image: BuiltImage, key: Path, kvm: bool, mode: Mode) -> Iterator[TrialLab]:
    """A lab on a host of its own, which is removed with all that belongs to it."""
    with tempfile.TemporaryDirectory(prefix="tb-try-") as name:
        folder = Path(name)
        uri, id = f"qemu:///embed?root={folder / 'root'}", str(uuid.uuid4())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / "known_hosts").write_text(f"lab {image.host_key}\n", encoding="ascii")
        options = {
            "UserKnownHostsFile": str(folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": "lab",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": str(_LOGIN // 2),
            "ServerAliveInterval": "60",
        }
        said = [word for option in options.items() for word in ("-o", "=".join(option))]
        ssh = ["ssh", "-F", "/dev/null", "-i", str(key), "-p", str(port), *said, f"{image.user}@127.0.0.1"]
        driver = LibvirtDriver(HostConfig("try", uri, folder=folder / "labs", kvm=kvm), f"try-{id}")
        spec = LabSpec(
            id=id,
            name=f"try-{image.name}",
            image=image.name,
            disk=image.disk,
            kernel=image.kernel,
            initrd=image.initrd,
            cmdline=f"{image.cmdline} {image.enforcing if mode is Mode.ENFORCING else image.permissive}",
            memory_mib=image.memory_mib,
            port=port,
            owner=f"try-{id}",
            slot=1,
        )
        undo: list[Callable[[], None]] = [lambda: driver.destroy(id), driver.close]
        try:
            driver.open()
            yield TrialLab(driver, spec, mode, ssh, console_socket(uri, id))
        finally:
            for step in undo:
                with suppress(BackendError):
                    step()
