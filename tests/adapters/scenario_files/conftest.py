"""A throw-away lab for playing exercises: plain QEMU, an overlay, ssh on a port of loopback, no way out."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.qmp import Qmp

BOOT = 300  # seconds; 25 to 40 without hardware virtualisation on a quiet machine
PROMPT = "lab-is-ready> "
_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Lab:
    """A running lab.  Scripts run as the product runs them; ``typed`` is what a learner's hands do."""

    def __init__(self, ssh: list[str]) -> None:
        self.ssh = ssh

    def run(self, script: str, timeout: int) -> tuple[int, str]:
        """Exit code and output of a script, which is put into a file and run without input."""
        wrapped = 'f=$(mktemp) && cat > "$f" && bash "$f" < /dev/null; code=$?; rm -f "$f"; exit $code'
        done = subprocess.run(
            [*self.ssh, wrapped],
            input=script,
            text=True,
            timeout=timeout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.returncode, done.stdout

    def typed(self, lines: list[str], timeout: int) -> str:
        """Each line typed at the prompt of a login shell on a terminal; what the terminal showed."""
        shell = subprocess.Popen(
            [*self.ssh, "-tt", "TERM=dumb bash --noprofile --norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        shown, deadline = "", time.monotonic() + timeout
        try:
            # the prompt is put together there, so that its echo is not taken for it
            for line in [f"PS1='{PROMPT[:4]}''{PROMPT[4:]}'", *lines]:
                shell.stdin.write(line.encode() + b"\n")
                shell.stdin.flush()
                shown += self._until_prompt(shell, deadline)
        finally:
            shell.kill()
            shell.wait()
            shell.stdin.close()
            shell.stdout.close()
        return shown

    @staticmethod
    def _until_prompt(shell: subprocess.Popen, deadline: float) -> str:
        seen = ""
        with selectors.DefaultSelector() as ready:
            ready.register(shell.stdout, selectors.EVENT_READ)
            while not seen.endswith(PROMPT):
                if not ready.select(max(deadline - time.monotonic(), 0)):
                    raise TimeoutError(f"no prompt after: {seen[-2000:]}")
                data = os.read(shell.stdout.fileno(), 65536)
                if not data:
                    raise EOFError(f"the shell ended: {seen[-2000:]}")
                seen = _CODES.sub("", seen + data.decode(errors="replace"))
        return seen


@pytest.fixture(scope="session")
def machine(lab_image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Qmp, Lab]]:
    """A machine of the Debian image."""
    with booted(lab_image, tmp_path_factory.mktemp("machine")) as found:
        yield found


@pytest.fixture(scope="module")
def second_machine(trixie_image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Qmp, Lab]]:
    """A machine of Debian 13's image beside it."""
    with booted(trixie_image, tmp_path_factory.mktemp("second")) as found:
        yield found


@contextmanager
def booted(lab_image, tmp_path: Path) -> Iterator[tuple[Qmp, Lab]]:
    """A machine of that image, enforcing, booted; its state then is kept in its disk as ``fresh``."""
    folder = Path(lab_image.folder).resolve()
    about = json.loads((folder / "image.json").read_text())
    disk, log = tmp_path / "disk.qcow2", tmp_path / "console.log"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", folder / "disk.img", disk], check=True
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = tmp_path / "key"
    shutil.copyfile(lab_image.key, key)
    key.chmod(0o600)
    process = subprocess.Popen(
        [
            "qemu-system-x86_64",
            "-accel",
            "tcg",
            "-cpu",
            "max",
            "-m",
            str(about["memory_mib"]),
            "-nodefaults",
            "-display",
            "none",
            "-serial",
            f"file:{log}",
            "-no-reboot",
            "-qmp",
            "stdio",
            "-kernel",
            folder / "vmlinuz",
            "-initrd",
            folder / "initrd",
            "-append",
            # an emulated timer may come too late for the kernel's test of it, which ends in a panic
            f"{about['cmdline']} console=ttyS0 {about['enforcing']} no_timer_check",
            "-drive",
            f"file={disk},if=virtio,format=qcow2,cache=unsafe",
            "-device",
            "virtio-rng-pci",
            "-netdev",
            f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22",
            "-device",
            "virtio-net-pci,netdev=n",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    ssh = [
        "ssh",
        "-q",
        "-i",
        str(key),
        "-p",
        str(port),
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "ConnectTimeout=20",
        f"{about['user']}@127.0.0.1",
    ]
    try:
        deadline = time.monotonic() + BOOT
        while subprocess.run([*ssh, "true"], stdin=subprocess.DEVNULL).returncode:
            assert process.poll() is None, "the machine ended while it booted"
            assert time.monotonic() < deadline, "no ssh: " + log.read_text(errors="replace")[-2000:]
            time.sleep(0.5)  # the port is open from the start; only a login tells that sshd is there
        qmp = Qmp(process)
        assert qmp("human-monitor-command", **{"command-line": "savevm fresh"}) == ""
        yield qmp, Lab(ssh)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def lab(machine: tuple[Qmp, Lab]) -> Lab:
    """A lab as new: booting one for each test would take most of the time."""
    fresh(machine[0])
    return machine[1]


@pytest.fixture
def second_lab(second_machine: tuple[Qmp, Lab]) -> Lab:
    """The other lab, as new."""
    fresh(second_machine[0])
    return second_machine[1]


def fresh(qmp: Qmp) -> None:
    """Memory and disk are what they were just after the boot."""
    assert qmp("human-monitor-command", **{"command-line": "loadvm fresh"}) == ""
