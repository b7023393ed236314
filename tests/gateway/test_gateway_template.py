"""The template of the workers: what becomes of it when something fails, and that its forks draw numbers of their own."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.conftest import until
from tests.gateway.test_gateway_wire import NO_PROCESS, Gateway
from tests.gateway.test_gateway_workers import runs
from trainbot.core.errors import BackendError
from trainbot.gateway import process, template, workers
from trainbot.gateway.template import Template


def program(monkeypatch, text: str) -> None:
    monkeypatch.setattr(template, "PROGRAM", ("-c", text))
    monkeypatch.setattr(template, "_adopt", lambda: None)  # this process is none of their gateways


def test_each_worker_has_its_socket(monkeypatch):
    """In the order of the process ids that the template prints."""
    program(
        monkeypatch,
        "import socket, sys\nfor number, fd in enumerate(sys.argv[1:]): socket.socket(fileno=int(fd)).send(b'%d' % number)"
        "\nprint(7, 8)",
    )
    found = Template(2).workers()
    assert [(pid, sock.recv(9)) for pid, sock in found] == [(7, b"0"), (8, b"1")]
    for _, sock in found:
        sock.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "print(7)",
        "print('x y')",
        "raise SystemExit(3)",
        "import os; os.kill(os.getpid(), 9)",
        "import os; os.kill(os.getpid(), 19)",
    ],
    ids=["says nothing", "one too few", "no numbers", "fails", "is killed", "is frozen"],
)
def test_a_template_that_fails_is_given_up(monkeypatch, text):
    """One sentence, no process and no socket is left."""
    program(monkeypatch, text)
    monkeypatch.setattr(template, "START", 1.0)
    before = len(os.listdir("/proc/self/fd"))
    made = Template(2)
    with pytest.raises(BackendError, match=r"workers do not start: see gateway\.log"):
        made.workers()
    assert not runs(made._process.pid) and len(os.listdir("/proc/self/fd")) == before


def test_no_room_for_a_template(monkeypatch):
    """No process or memory is free: one sentence, and no socket is left."""

    def popen(*words, **other):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(template.subprocess, "Popen", popen)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(BackendError, match="cannot start a worker: Resource temporarily unavailable"):
        Template(2)
    assert len(os.listdir("/proc/self/fd")) == before


class Failing:
    """Templates that fail, before one that does not."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.closed = 0

    def __call__(self, count: int):
        if self.failures % 2:
            self.failures -= 1
            raise BackendError("no process is free")
        return self

    def workers(self):
        if self.failures:
            self.failures -= 1
            raise BackendError("the gateway's workers do not start: see gateway.log")
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return [(NO_PROCESS, near)]

    def close(self) -> None:
        self.closed += 1


async def test_a_worker_is_replaced_however_often_that_fails(tmp_path, monkeypatch):
    """No process is free, or a template is killed or frozen: another one is tried, until a worker runs."""
    failing = Failing(5)
    monkeypatch.setattr(workers, "Template", failing)
    monkeypatch.setattr(workers, "AGAIN", 0.0)
    gateway = Gateway(tmp_path)
    gateway.worker.lost("it is gone")
    while gateway.worker in gateway.workers._workers or not gateway.workers._workers:
        await asyncio.sleep(0.001)
    (new,) = gateway.workers._workers
    assert failing.failures == 0 and b'"start"' in failing.far.recv(1 << 16)
    assert failing.closed == 3
    new.close()
    failing.far.close()
    await gateway.close()


def test_a_killed_template_costs_a_gateway_no_start(own_world):
    """kill -9 of the first one: the gateway starts another, and listens."""
    world = own_world(started=False)
    starting = subprocess.Popen(world.gateway_command(), stderr=subprocess.DEVNULL)
    os.kill(first_child(starting.pid), signal.SIGKILL)
    until(lambda: process.listening(world.state))
    starting.terminate()
    assert starting.wait(timeout=30) == 0


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_template_ends_with_the_gateway(own_world, end):
    """A gateway that ends while it starts leaves nothing: no template, none of its workers (their session, proc(5))."""
    world = own_world(started=False)
    starting = subprocess.Popen(world.gateway_command(), stderr=subprocess.DEVNULL)
    session = first_child(starting.pid)
    starting.send_signal(end)
    starting.wait(timeout=30)
    until(lambda: not any(runs(pid) for pid in members(session)))


def first_child(pid) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(until(lambda: children.read_text().split())[0])


def members(session) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == session:
                found.append(int(path.name))
        except ProcessLookupError:
            continue
    return found


def test_forks_draw_different_numbers():
    """Keys of OpenSSL and of the system, also if some were drawn before the fork."""
    text = """
import os
import asyncssh
from trainbot.gateway.worker import process

asyncssh.generate_private_key("ssh-ed25519")
for _ in range(3):
    if not os.fork():
        key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[1]
        os.write(1, f"{os.urandom(8).hex()} {key}\\n".encode())
        break
else:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
"""
    said = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True).stdout
    assert len(set(said.split())) == 6
