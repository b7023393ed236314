"""Whatever a worker sends: at most the worker ends, and the gateway never has an error of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.test_gateway_routes import route
from trainbot.adapters.state_folder import PEPPER
from trainbot.features.labs import passwords
from trainbot.gateway import routes, wire, workers
from trainbot.gateway.hub import Hub
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.userauth import SignedRequest

OPERATIONS = st.sampled_from(
    "ready pong log gone password key signed broke enter session session_gone forward forward_gone dial sign manage typed "
    "eof closed answer come start".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["QUFB", "hole"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = "n to view dial level text user password key data signature pty command".split()
MESSAGES = st.fixed_dictionaries(
    {"do": OPERATIONS | JSON, "id": st.just(1) | JSON},
    optional={name: JSON | st.integers(0, 3) | st.just("QUFB") for name in FIELDS},
)
NO_PROCESS = (1 << 22) + 1  # no system has a process with this number (proc(5), pid_max)
PACKETS = MESSAGES.map(lambda message: json.dumps(message).encode()) | st.binary(max_size=200)


class Gateway:
    """A gateway whose one worker is what a test sends."""

    def __init__(self, folder) -> None:
        config = GatewayConfig(
            listen=(), state=folder, control=folder / "none", lab_key=folder / "none", wrong_delay=0.0, boot_wait=0.0
        )
        self.errors = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.errors.append(context))
        self.hub = Hub(config)
        self.hub.bot_is(False)
        pepper = passwords.load_or_make_secret(folder / PEPPER)
        self.route = route("a", person=7, password="0000-1111-2222-3333")
        self.route = type(self.route)(
            **{**self.route.to_json(), "digest": passwords.digest(pepper, "0000-1111-2222-3333")}
        )
        self.hub.take_table(routes.to_json([self.route]))
        self.workers = workers.Workers(self.hub, b"key")
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.workers._add(NO_PROCESS, near)
        (self.worker,) = self.workers._workers
        self.stranger, sock = socket.socketpair()
        self.worker.take(1, sock, "127.0.0.1")
        self.lost = asyncio.Event()
        before = self.worker.lost
        self.worker.lost = lambda why: (before(why), self.lost.set())

    def send(self, packet: bytes) -> None:
        self.far.send(packet)

    async def close(self) -> None:
        self.workers.close()
        await self.hub.tasks.close()
        self.hub.consoles.close()
        self.stranger.close()
        self.far.close()


@pytest.fixture
def no_process(monkeypatch):
    """A worker is the other end of its socket, and no other is started."""
    monkeypatch.setattr(workers, "AGAIN", 3600.0)


class Tracebacks(logging.Handler):
    """Failures of tasks: they are logged."""

    def __init__(self, errors) -> None:
        super().__init__()
        self.errors = errors

    def emit(self, record) -> None:
        if record.exc_info:
            self.errors.append(record)


def play(folder, packets, log_in=False):
    """Sends them all; the errors of the gateway's loop and tasks."""

    async def run():
        gateway = Gateway(folder)
        tracebacks = Tracebacks(gateway.errors)
        logging.getLogger().addHandler(tracebacks)
        try:
            if log_in:
                for message in (
                    {"do": "password", "id": 1, "n": 1, "user": "x", "password": "0000-1111-2222-3333"},
                    {"do": "enter", "id": 1, "n": 2},
                ):
                    gateway.send(json.dumps(message).encode())
                    for _ in range(5):
                        await asyncio.sleep(0)
                assert gateway.hub.everybody()
            for packet in packets:
                try:
                    gateway.send(packet)
                except OSError:
                    break
                for _ in range(3):
                    await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            assert gateway.hub.refusal("192.0.2.1") == ""  # it goes on
        finally:
            logging.getLogger().removeHandler(tracebacks)
            await gateway.close()
        return gateway.errors

    return asyncio.run(run())


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("log_in", [False, True])
def test_any_bytes_from_a_worker(tmp_path_factory, log_in):
    """Messages of any kind with anything in them, and packets that are none."""
    folder = tmp_path_factory.mktemp("gateway")

    @settings(max_examples=100, deadline=None)
    @given(st.lists(PACKETS, min_size=1, max_size=6))
    def each(packets):
        assert play(folder, packets, log_in) == []

    each()


@given(st.binary(max_size=300))
def test_any_data_to_sign(data):
    """Only what is a login request with a key is read as one."""
    try:
        request = SignedRequest.read(data)
    except ValueError:
        return
    assert b"publickey" in data and request.session


@pytest.mark.usefixtures("no_process")
async def test_a_worker_that_does_not_answer_is_replaced(tmp_path):
    """Its loop is stuck: after some pings it is given up."""
    gateway = Gateway(tmp_path)
    for _ in range(workers.SILENT):
        gateway.worker.ping()
    assert not gateway.lost.is_set()
    gateway.worker.ping()
    assert gateway.lost.is_set() and gateway.stranger.recv(1) == b""
    await gateway.close()


@pytest.mark.usefixtures("no_process")
async def test_a_worker_that_reads_nothing_is_replaced(tmp_path, monkeypatch):
    """What waits for it is bounded."""
    monkeypatch.setattr(wire, "STUCK", 1 << 18)
    gateway = Gateway(tmp_path)
    for _ in range(100):
        gateway.worker.send({"do": "tell", "id": 1, "sentence": "x" * 10_000})
    await asyncio.wait_for(gateway.lost.wait(), 10)
    await gateway.close()


@pytest.mark.usefixtures("no_process")
async def test_no_worker_of_another_version_is_started(tmp_path, monkeypatch):
    """After an upgrade the old gateway goes on with the workers that it has; without any it leaves, for the bot to start the
    new one."""
    monkeypatch.setattr(workers, "AGAIN", 0.0)
    gateway = Gateway(tmp_path)
    monkeypatch.setattr(workers, "program", lambda: "another")
    gateway.worker.lost("it is gone")
    await asyncio.wait_for(gateway.hub.left.wait(), 10)
    assert gateway.workers._workers == []
    await gateway.close()
