"""The emulator of an embedded host's labs: a process that stands in for one that a lab has taken over."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainbot.adapters.hosts import confinement
from trainbot.adapters.hosts.confined_emulator import named

with_landlock = pytest.mark.skipif(not confinement.confined(), reason="this kernel has no Landlock")

#: Tries each thing that its last argument lists, and prints what came of it.
TAKEN_OVER = """#!/usr/bin/python3 -IS
import json, os, socket, sys
def tcp(port): socket.create_connection(("127.0.0.1", port), 5)
def listen(port): socket.create_server(("127.0.0.1", port))
def unix(path): socket.socket(socket.AF_UNIX).connect(path)
def abstract(path): socket.socket(socket.AF_UNIX).connect("\\0" + path)
def read(path): open(path, "rb").read(1)
def write(path): open(path, "r+b").write(b"x")
def create(path): open(path, "xb")
def signal(pid): os.kill(pid, 0)
def run(path): os.execv(path, [path])
def trace(pid):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, 0, 0) < 0: raise OSError(ctypes.get_errno(), "")
def user(_): return os.getuid()
said = []
for name, value in json.loads(sys.argv[-1]):
    try: said.append(globals()[name](value) or "done")
    except OSError as error: said.append(error.errno)
print(json.dumps(said))
"""


@pytest.fixture
def lab(tmp_path: Path) -> dict[str, Path]:
    """An installation with its secrets, and a lab's own files."""
    files = {name: tmp_path / "state" / name for name in ("pepper", "lab_key", "trainbot.db", "other.qcow2")}
    files |= {name: tmp_path / "lab" / name for name in ("own.qcow2", "below.qcow2", "disk.img", "vmlinuz", "initrd")}
    files |= {"key": tmp_path / "root" / "master-key.aes", "emulator": tmp_path / "bin" / "qemu"}
    for path in files.values():
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
        path.chmod(0o600)
    files["emulator"].write_text(TAKEN_OVER)
    files["emulator"].chmod(0o755)
    files["folder"] = tmp_path
    return files


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def arguments(lab: dict[str, Path], port: int) -> list[str]:
    """As libvirt writes them (domain_xml): the lab's disk, a snapshot below it, the image."""
    nodes: list[dict[str, object]] = []
    for number, (name, kind) in enumerate((("disk.img", "raw"), ("below.qcow2", "qcow2"), ("own.qcow2", "qcow2"))):
        storage = {"driver": "file", "filename": str(lab[name]), "node-name": f"s{number}", "auto-read-only": True}
        top = {"node-name": f"f{number}", "read-only": name != "own.qcow2", "driver": kind, "file": f"s{number}"}
        nodes += [storage, top]
    line = ["-name", "guest=tb-debian-a,debug-threads=on", "-S", "-machine", "pc-q35-7.2,usb=off"]
    line += ["-object", json.dumps({"qom-type": "secret", "id": "masterKey0", "file": str(lab["key"])})]
    line += ["-kernel", str(lab["vmlinuz"]), "-initrd", str(lab["initrd"]), "-append", "root=LABEL=a none,"]
    line += [part for node in nodes for part in ("-blockdev", json.dumps(node))]
    return [*line, "-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"]


def tries(lab: dict[str, Path], monkeypatch: pytest.MonkeyPatch, port: int, *what: tuple[str, object]) -> list[object]:
    """What the taken-over emulator says of each."""
    monkeypatch.setattr(confinement.shutil, "which", lambda name: str(lab["emulator"]))
    emulator = confinement.emulator(lab["folder"] / "root")
    assert emulator is not None
    done = subprocess.run(
        [emulator, *arguments(lab, port), json.dumps(what)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_it_is_told_to_open(lab: dict[str, Path]) -> None:
    read, write, port = named(arguments(lab, 2222))
    assert write == {str(lab["own.qcow2"])} and port == 2222
    assert read == {str(lab[name]) for name in ("below.qcow2", "disk.img", "vmlinuz", "initrd", "key")}


@with_landlock
def test_it_reaches_its_own_lab(lab: dict[str, Path], monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """Its disk, what is below it, kernel and initrd, its port; as root it is somebody else, who still can."""
    own = [("read", str(lab[name])) for name in ("disk.img", "below.qcow2", "vmlinuz", "initrd", "key")]
    wanted = [*own, ("write", str(lab["own.qcow2"])), ("listen", unused_tcp_port), ("read", "/proc/self/maps")]
    said = tries(lab, monkeypatch, unused_tcp_port, *wanted, ("user", 0))
    assert said[:-1] == ["done"] * len(wanted)
    assert said[-1] == (2_007_000_000 if os.geteuid() == 0 else os.geteuid())


@with_landlock
def test_it_reaches_nothing_else(
    lab: dict[str, Path], monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, listening: socket.socket
) -> None:
    """Pepper, keys, database, another lab's disk, its own image's content, the bot's process, its sockets, programs, ports:
    each refused, while the same process can reach all of it before it is confined."""
    control, abstract = lab["folder"] / "state" / "control", f"trainbot-{os.getpid()}"
    program = lab["folder"] / "state" / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    secrets = [lab[name] for name in ("pepper", "lab_key", "trainbot.db", "other.qcow2")]
    wanted: list[tuple[str, object]] = [
        *(("read", str(path)) for path in secrets),
        *(("write", str(path)) for path in (lab["disk.img"], lab["below.qcow2"], lab["vmlinuz"], *secrets)),
        ("create", str(lab["folder"] / "lab" / "new")),
        ("create", str(lab["folder"] / "root" / "new")),
        ("read", f"/proc/{os.getpid()}/environ"),
        ("read", f"/proc/{os.getpid()}/root{lab['pepper']}"),
        ("trace", os.getpid()),
        ("signal", os.getpid()),
        ("unix", str(control)),
        ("abstract", abstract),
        ("tcp", listening.getsockname()[1]),
        ("listen", listening.getsockname()[1] - 1),
        ("run", str(program)),
    ]
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        first.bind(str(control))
        first.listen()
        second.bind("\0" + abstract)
        second.listen()
        free = subprocess.run(
            [sys.executable, lab["emulator"], json.dumps([item for item in wanted if item[0] not in ("run", "trace")])],
            capture_output=True,
            text=True,
            timeout=60,
        )
        reached = json.loads(free.stdout)
        assert [said for said in reached if said != "done"] == []
        for path in (lab["folder"] / "lab" / "new", lab["folder"] / "root" / "new"):
            path.unlink()
        said = tries(lab, monkeypatch, unused_tcp_port, *wanted)
    assert [item for item, what in zip(wanted, said, strict=True) if what not in (1, 13)] == []  # EPERM, EACCES


def test_libvirt_asks_without_a_lab(lab: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What QEMU can do is asked of the same program, unconfined: there is no lab in it, and it makes a socket."""
    monkeypatch.setattr(confinement.shutil, "which", lambda name: str(lab["emulator"]))
    emulator = confinement.emulator(lab["folder"] / "root")
    wanted = json.dumps([("create", str(lab["folder"] / "asked"))])
    line = [emulator, "-S", "-no-user-config", "-machine", "none,accel=kvm:tcg", "-qmp", "unix:x", wanted]
    assert json.loads(subprocess.run(line, capture_output=True, text=True, timeout=60).stdout) == ["done"]


def test_it_is_written_once(lab: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """libvirt asks a changed emulator again what it can do, which takes seconds."""
    monkeypatch.setattr(confinement.shutil, "which", lambda name: str(lab["emulator"]))
    first = confinement.emulator(lab["folder"] / "root")
    assert first is not None
    before = first.stat().st_ctime_ns
    assert confinement.emulator(lab["folder"] / "root") == first and first.stat().st_ctime_ns == before
