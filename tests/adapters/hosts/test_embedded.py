"""A real virtual machine through qemu:///embed.

The driver lives in processes of its own here: there is one root in a process and one process a root, and one of
them is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trainbot.adapters.hosts import confined_emulator

BOOT = 240  # seconds at most; about 25 without hardware virtualisation on an idle core


class Process:
    """One process that may own the host."""

    def __init__(self, root, owner, disk_rate=0):
        script = Path(__file__).with_name("embedded_process.py")
        path = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(root), owner, str(disk_rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )

    def answer(self, *call):
        self._process.stdin.write(json.dumps(call, default=str) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def call(self, *call):
        kind, value = self.answer(*call)
        assert kind == "ok", value
        return value

    def end(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def root():
    """A short path (sockets lie in it), without a machine left in it afterwards."""
    with tempfile.TemporaryDirectory(prefix="trainbot-") as folder:
        yield Path(folder)
        for pidfile in Path(folder).glob("run/qemu/lab-*.pid"):  # only where the test failed
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pidfile.read_text()), signal.SIGKILL)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def banner(endpoint) -> bytes:
    """What the lab's sshd says first, as soon as it says anything."""
    end = time.monotonic() + BOOT
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(tuple(endpoint), 5) as connection:
            connection.settimeout(5)
            if heard := connection.recv(64):
                return heard
        time.sleep(0.2)  # QEMU takes the connection before the guest can
    raise AssertionError(f"no ssh at {endpoint} within {BOOT} s")


def until_written(overlay: Path) -> None:
    """The lab has begun to boot from it."""
    empty, end = 4 * 65536, time.monotonic() + BOOT
    while overlay.stat().st_blocks * 512 <= empty:
        assert time.monotonic() < end, f"nothing is written to {overlay} within {BOOT} s"
        time.sleep(0.2)  # nobody tells of it


def log_in(endpoint, key, command) -> str:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"]
    line = ["ssh", "-i", str(key), "-p", str(endpoint[1])]
    line += [part for option in options for part in ("-o", option)]
    line += [f"root@{endpoint[0]}", command]
    return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120).stdout.strip()


def of_image(lab_spec, lab_image, port):
    return lab_spec(
        disk=lab_image.folder / "disk.img",
        kernel=lab_image.folder / "vmlinuz",
        initrd=lab_image.folder / "initrd",
        cmdline=json.loads((lab_image.folder / "image.json").read_text())["cmdline"],
        port=port,
    )


@pytest.mark.attacks
def test_a_lab_against_its_host(lab_image, lab_spec, owner, root, free_port):
    """A lab that writes all it can: no faster than its host allows, which sees how much it has written and how much it may
    still write; paused, it answers nobody, and afterwards goes on where it was.  Its emulator is confined, and nobody else
    can read its disk."""
    spec = of_image(lab_spec, lab_image, free_port)
    rate = 10
    host = Process(root, owner, rate)
    host.call("open")
    lab = host.call("make", dataclasses.asdict(spec))
    assert (root / "labs" / f"{spec.id}.qcow2").stat().st_mode & 0o777 == 0o600
    (emulator,) = [int(file.read_text()) for file in root.glob("run/qemu/lab-*.pid")]
    status = dict(
        line.split(":\t") for line in Path(f"/proc/{emulator}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    if os.geteuid() == 0:
        assert set(status["Uid"].split()) == {str(confined_emulator.USER)}
        assert int(status["CapPrm"], 16) == 1 << confined_emulator.DAC_OVERRIDE
    banner(lab["endpoint"])
    before = host.call("report")["domains"][0]["disk"]["written_mib"]
    script = "dd if=/dev/zero of=/root/big bs=1M count=100 oflag=direct 2>&1 | tail -n 1; touch /run/here"
    said = log_in(lab["endpoint"], lab_image.key, script)
    seconds = float(re.search(r"copied, ([0-9.]+) s", said)[1])
    assert 100 / seconds <= rate * 1.2, said
    host.call("open")  # the disk is read at once then, otherwise every 15 s
    disk = host.call("report")["domains"][0]["disk"]
    assert disk["written_mib"] >= before + 100 and disk["size_mib"] == spec.disk.stat().st_size >> 20
    host.call("pause", spec.id)
    host.call("pause", spec.id)
    assert host.call("report")["domains"][0]["state"] == "running"
    with socket.create_connection(tuple(lab["endpoint"]), 5) as connection:
        connection.settimeout(3)
        with pytest.raises(TimeoutError):
            connection.recv(64)
    host.call("resume", spec.id)
    banner(lab["endpoint"])
    assert log_in(lab["endpoint"], lab_image.key, "ls /run/here") == "/run/here"
    host.call("destroy", spec.id)
    host.end()


def test_a_lab_outlives_the_process_that_made_it(lab_image, lab_spec, owner, root, free_port):
    """A lab is made and logged into; the root belongs to one process; kill -9 of that process does not touch the lab,
    and the next process finds it running at the same endpoint; a snapshot
    keeps what it had, unwritten; reset gives it a fresh disk; destroy leaves nothing."""
    spec = of_image(lab_spec, lab_image, free_port)
    fields = dataclasses.asdict(spec)
    lab = {
        "id": spec.id,
        "name": spec.name,
        "state": "running",
        "endpoint": ["127.0.0.1", free_port],
        "run": "",
        "disk": None,
        "cpu": None,
        "node": "",
    }
    overlay = root / "labs" / f"{spec.id}.qcow2"

    first = Process(root, owner)
    first.call("open")
    assert first.call("make", fields) == lab
    assert banner(lab["endpoint"]).startswith(b"SSH-2.0-")
    assert log_in(lab["endpoint"], lab_image.key, "id -un") == "root"

    second = Process(root, owner)
    kind, sentence = second.answer("open")
    assert kind == "BackendError" and "another trainbot uses this root" in sentence
    second.end()
    first.kill()

    third = Process(root, owner)
    third.call("open")
    report = third.call("report")
    size, written = lab_image.folder.joinpath("disk.img").stat().st_size >> 20, overlay.stat().st_blocks >> 11
    (there,) = report["domains"]
    disk = there["disk"]
    assert there == lab | {"disk": disk, "cpu": there["cpu"]} and there["cpu"] > 0
    assert disk["size_mib"] == size and 0 < disk["written_mib"] <= written + 1 < size
    assert report["disk_mib"] > report["disk_free_mib"]
    assert report["memory_mib"] > report["free_mib"] > 0
    assert banner(lab["endpoint"]).startswith(b"SSH-2.0-")
    assert report["disk_free_mib"] > 0 and report["busy"] is None
    before = overlay.stat()
    third.call("reboot", spec.id)
    assert overlay.stat().st_ino == before.st_ino
    assert third.call("snapshot", fields) == lab
    kept, written = overlay.read_bytes(), overlay.with_suffix(".1.qcow2")
    assert third.call("rollback", fields) == lab
    until_written(written)
    assert overlay.read_bytes() == kept
    with overlay.open("rb"):  # held open, so that the number of its inode is not given to the fresh one
        assert third.call("reset", fields) == lab
        assert overlay.stat().st_ino != before.st_ino
    assert overlay.stat().st_blocks < before.st_blocks
    third.call("destroy", spec.id)
    third.call("destroy", spec.id)
    assert third.call("report")["domains"] == []
    assert not overlay.exists()
    third.end()


def test_a_lab_that_cannot_start_leaves_nothing(lab_spec, owner, root, free_port, tmp_path):
    """Where QEMU refuses (its port is in use), the sentence names the reason, and no domain and no disk stay."""
    files = {name: tmp_path / name for name in ("disk", "kernel", "initrd")}
    for file in files.values():
        file.write_bytes(bytes(1 << 20))
    process = Process(root, owner)
    process.call("open")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        kind, sentence = process.answer("make", dataclasses.asdict(lab_spec(port=free_port, **files)))
    assert kind == "BackendError" and "port" in sentence and "used by another program" in sentence
    assert process.call("report")["domains"] == []
    assert list((root / "labs").iterdir()) == []
    kind, sentence = process.answer("make", dataclasses.asdict(lab_spec(port=free_port, disk=tmp_path / "none")))
    assert kind == "NoSuchThing" and "build the image first" in sentence
    process.end()
