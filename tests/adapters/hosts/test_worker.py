"""A scripted driver stands for a host: it waits, fails and dies exactly when a test says so."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from trainbot.adapters.hosts import worker
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.core.errors import BackendError, HostDown
from trainbot.model.host import Domain, DomainState, HostConfig, HostDoubted, HostLost, HostReport, HostUp, HostWorkDone

REPORT = HostReport("paper")


class Script:
    """What the host does at each kind of call: nothing, raise, or wait until the test lets it go on."""

    def __init__(self):
        self.calls: list[str] = []
        self.faults: dict[str, list[Exception]] = {}
        self.gates: dict[str, threading.Event] = {}
        self.opening = threading.Semaphore(0)
        self.closed = threading.Semaphore(0)
        self.changed = None

    def new_driver(self, changed):
        self.changed = changed
        return ScriptedDriver(self)

    def step(self, call: str) -> None:
        self.calls.append(call)
        if gate := self.gates.get(call):
            gate.wait()
        if faults := self.faults.get(call):
            raise faults.pop(0)


class ScriptedDriver:
    def __init__(self, script):
        self._script = script

    def open(self):
        self._script.opening.release()
        self._script.step("open")

    def close(self):
        self._script.closed.release()

    def report(self):
        self._script.step("report")
        return REPORT

    def ping(self):
        self._script.step("ping")

    def make(self, spec):
        self._script.step("make")
        return Domain(spec.id, spec.name, DomainState.RUNNING)

    def reset(self, spec):
        self._script.step("reset")
        return Domain(spec.id, spec.name, DomainState.RUNNING)

    def reboot(self, id):
        self._script.step("reboot")

    def destroy(self, id):
        self._script.step("destroy")


class Host:
    """A worker with its script and the events that it delivered."""

    def __init__(self, name="paper", **options):
        self.script = Script()
        self.events: asyncio.Queue = asyncio.Queue()
        config = HostConfig(
            name, options.pop("uri", "test:///default"), folder=Path("/"), deadline=options.pop("deadline", 60.0)
        )
        options = {"backoff": (0.0,), "reread": 3600.0, **options}
        self.worker = HostWorker(config, self.script.new_driver, self.events.put_nowait, **options)

    async def event(self):
        return await asyncio.wait_for(self.events.get(), 30)

    async def closings(self, count):
        """Waits until that many drivers were closed."""
        for _ in range(count):
            assert await asyncio.to_thread(self.script.closed.acquire, timeout=30)


@pytest.fixture
async def host():
    hosts = []

    def make(*arguments, **options):
        hosts.append(Host(*arguments, **options))
        return hosts[-1]

    yield make
    for each in hosts:
        for gate in each.script.gates.values():
            gate.set()
        await each.worker.close()


def said(event, words):
    """A logging call that sets ``event`` when it is given ``words``."""
    return lambda message, *arguments: event.set() if words in message else None


async def started(host):
    host.worker.start()
    assert await host.event() == HostUp(REPORT)
    return host


async def test_works_in_order(host, lab_spec):
    """What is submitted is done one after the other, each with one end, a bare one or with the domain."""
    paper = await started(host())
    spec = lab_spec()
    paper.worker.submit("make", spec.id, spec)
    paper.worker.submit("reset", spec.id, spec)
    paper.worker.submit("reboot", spec.id)
    paper.worker.submit("destroy", spec.id)
    domain = Domain(spec.id, spec.name, DomainState.RUNNING)
    assert [await paper.event() for _ in range(4)] == [
        HostWorkDone("paper", spec.id, "make", domain),
        HostWorkDone("paper", spec.id, "reset", domain),
        HostWorkDone("paper", spec.id, "reboot"),
        HostWorkDone("paper", spec.id, "destroy"),
    ]


async def test_work_before_the_host_is_open_waits(host, lab_spec):
    """What is asked for while the host is being opened is done when it is."""
    paper = host()
    spec = lab_spec()
    paper.worker.submit("destroy", spec.id)
    paper.worker.start()
    assert [await paper.event(), await paper.event()] == [HostUp(REPORT), HostWorkDone("paper", spec.id, "destroy")]


@pytest.mark.parametrize("action", ["dance", "make", "reset"])
async def test_wrong_calls(host, action):
    """An action that is none, or lacks its spec, is a bug of the caller and is said at once."""
    with pytest.raises(ValueError, match=action):
        host().worker.submit(action, "x")


async def test_a_failure_is_of_that_lab_alone(host, lab_spec):
    """A lab that cannot be made ends with its sentence; the next one is made, and the host is not lost."""
    paper = await started(host())
    paper.script.faults["make"] = [BackendError("no room")]
    for number in (1, 2):
        paper.worker.submit("make", lab_spec(number).id, lab_spec(number))
    first, second = await paper.event(), await paper.event()
    assert (first.error, first.down, second.error) == ("no room", False, None)


async def test_a_bug_is_of_that_lab_alone(host, lab_spec, caplog):
    """A fault of ours in a driver gives a sentence without its insides to people, and its traceback to the log."""
    paper = await started(host())
    paper.script.faults["reboot"] = [ZeroDivisionError("insides")]
    paper.worker.submit("reboot", lab_spec().id)
    event = await paper.event()
    assert event.error and "insides" not in event.error and not event.down
    assert "ZeroDivisionError" in caplog.text


async def test_a_listener_that_fails_stops_nothing(host, lab_spec):
    """An event that nobody could take does not end the work on the host."""
    paper = await started(host())
    taken, faults = paper.events.put_nowait, [RuntimeError("listener")]

    def deliver(event):
        if faults:
            raise faults.pop()
        taken(event)

    paper.worker._deliver = deliver
    paper.worker.submit("reboot", lab_spec(1).id)
    paper.worker.submit("reboot", lab_spec(2).id)
    assert (await paper.event()).lab == lab_spec(2).id


async def test_a_hung_host_holds_up_no_other(host, lab_spec):
    """While one host hangs in a call, another does its work."""
    hung, well = await started(host("hung")), await started(host("well"))
    hung.script.gates["make"] = threading.Event()
    hung.worker.submit("make", lab_spec().id, lab_spec())
    well.worker.submit("make", lab_spec().id, lab_spec())
    assert (await well.event()).error is None
    assert hung.events.empty()


async def test_a_call_past_its_deadline_is_given_up(host, lab_spec):
    """Work in flight and waiting ends as down, the host is lost and opened anew; what the old call says when it
    comes back at last is ignored, and its connection is closed."""
    paper = await started(host(deadline=0.05))
    gate = paper.script.gates["make"] = threading.Event()
    spec = lab_spec()
    paper.worker.submit("make", spec.id, spec)
    paper.worker.submit("reboot", spec.id)
    events = [await paper.event() for _ in range(4)]
    assert [(type(event), getattr(event, "down", None)) for event in events] == [
        (HostWorkDone, True),
        (HostLost, None),
        (HostWorkDone, True),
        (HostUp, None),
    ]
    gate.set()
    await paper.closings(1)
    paper.worker.submit("destroy", spec.id)
    assert await paper.event() == HostWorkDone("paper", spec.id, "destroy")


async def test_hanging_threads_are_few(host, monkeypatch):
    """A host that hangs at each opening costs a bounded number of threads; when one comes back, it is tried again."""
    paper = host(deadline=0.05, most_abandoned=2)
    gate = paper.script.gates["open"] = threading.Event()
    enough = asyncio.Event()
    monkeypatch.setattr(logging.getLogger("trainbot.adapters.hosts.worker"), "warning", said(enough, "calls hang"))
    paper.worker.start()
    assert isinstance(await paper.event(), HostLost)
    await asyncio.wait_for(enough.wait(), 30)
    assert paper.script.calls == ["open", "open"]
    gate.set()
    assert await paper.event() == HostUp(REPORT)


async def test_a_host_that_dies_is_lost_once_and_opened_for_ever(host, lab_spec):
    """HostLost comes once, whatever number of openings fail; then the host is there again with what it has."""
    paper = await started(host())
    paper.script.faults["reboot"] = [HostDown("connection reset")]
    paper.script.faults["open"] = [HostDown(f"refused {n}") for n in range(20)]
    paper.worker.submit("reboot", lab_spec().id)
    assert [await paper.event() for _ in range(3)] == [
        HostWorkDone("paper", lab_spec().id, "reboot", None, "connection reset", True),
        HostLost("paper", "connection reset"),
        HostUp(REPORT),
    ]
    assert paper.script.calls.count("open") == 22


async def test_work_on_a_lost_host_ends_at_once(host, lab_spec):
    """Nobody waits for a host that is known not to answer."""
    paper = host(backoff=(3600.0,))
    paper.script.faults["open"] = [BackendError("another trainbot uses this root")]
    paper.worker.start()
    assert await paper.event() == HostLost("paper", "another trainbot uses this root")
    paper.worker.submit("make", lab_spec().id, lab_spec())
    assert paper.events.empty()  # not from inside submit
    event = await paper.event()
    assert event.down and event.error


async def test_work_while_a_lost_host_is_tried_again_ends_at_once(host, lab_spec):
    """A host that is mute takes its time to be opened: nobody waits for that either; one that is new is waited for."""
    paper = host()
    gate = paper.script.gates["open"] = threading.Event()
    paper.worker.start()
    paper.worker.submit("reboot", lab_spec().id)
    gate.set()
    assert [await paper.event(), await paper.event()] == [
        HostUp(REPORT),
        HostWorkDone("paper", lab_spec().id, "reboot"),
    ]
    gate.clear()
    paper.script.faults["reboot"] = [HostDown("connection reset")]
    paper.worker.submit("reboot", lab_spec().id)
    assert [type(await paper.event()) for _ in range(2)] == [HostWorkDone, HostLost]
    await asyncio.to_thread(lambda: [paper.script.opening.acquire() for _ in range(2)])
    paper.worker.submit("destroy", lab_spec().id)
    assert (await paper.event()).down
    gate.set()
    assert await paper.event() == HostUp(REPORT)


async def test_a_reading_that_fails_loses_the_host(host):
    """A host that cannot be read cannot be used: it is opened anew."""
    paper = await started(host())
    paper.script.faults["report"] = [BackendError("internal error")]
    paper.worker.refresh()
    assert [await paper.event(), await paper.event()] == [HostLost("paper", "internal error"), HostUp(REPORT)]


async def test_many_changes_are_one_reading(host, lab_spec):
    """However often a driver says that something changed while a call is under way, one reading follows."""
    paper = await started(host())
    gate = paper.script.gates["reboot"] = threading.Event()
    paper.worker.submit("reboot", lab_spec().id)
    await asyncio.to_thread(lambda: [paper.script.changed() for _ in range(50)])
    gate.set()
    assert await paper.event() == HostWorkDone("paper", lab_spec().id, "reboot")
    assert await paper.event() == HostUp(REPORT)
    paper.worker.submit("destroy", lab_spec().id)
    assert await paper.event() == HostWorkDone("paper", lab_spec().id, "destroy")
    assert paper.script.calls.count("report") == 2


async def test_reads_again_by_itself(host):
    """An event may get lost: the host is read again although nothing asked for it."""
    paper = await started(host(reread=0.01))
    assert [await paper.event(), await paper.event()] == [HostUp(REPORT), HostUp(REPORT)]


REMOTE = "xen+tcp://paper/system"


async def test_a_host_that_is_late_is_doubted_and_not_lost(host, lab_spec, monkeypatch):
    """Again and again while a call has no answer; nothing is given up before the deadline."""
    monkeypatch.setattr(worker, "LATE_ACTION", 0.01)
    paper = await started(host(uri=REMOTE))
    gate = paper.script.gates["make"] = threading.Event()
    paper.worker.submit("make", lab_spec().id, lab_spec())
    for _ in range(2):
        assert await paper.event() == HostDoubted("paper", "no answer to make for 0.01 s")
    gate.set()
    while isinstance(event := await paper.event(), HostDoubted):
        pass
    assert isinstance(event, HostWorkDone) and paper.worker.up


async def test_a_host_with_nothing_to_do_is_asked_whether_it_is_there(host, monkeypatch):
    """The connection may have died without a word; one on this machine cannot."""
    monkeypatch.setattr(worker, "PING", 0.0)
    paper, here = await started(host(uri=REMOTE)), await started(host("here"))
    gate = paper.script.gates["ping"] = threading.Event()
    paper.script.faults["ping"] = [HostDown("keepalive")]
    gate.set()
    assert [await paper.event(), await paper.event()] == [HostLost("paper", "keepalive"), HostUp(REPORT)]
    assert here.script.calls == ["open", "report"] and here.events.empty()


async def test_a_lost_host_is_opened_when_somebody_asks(host):
    """It is missed: it is tried now, and not only when its turn comes."""
    paper = host(backoff=(3600.0,))
    paper.script.faults["open"] = [HostDown("refused"), HostDown("still refused")]
    paper.worker.start()
    assert await paper.event() == HostLost("paper", "refused")
    while not paper.worker.up:
        paper.worker.refresh()
        await asyncio.sleep(0)
    assert await paper.event() == HostUp(REPORT)


async def test_close_lets_the_connection_go(host, lab_spec):
    """After close the driver is closed, nothing is delivered and nothing more is done; labs are not stopped."""
    paper = await started(host())
    await paper.worker.close()
    await paper.closings(1)
    paper.worker.submit("destroy", lab_spec().id)
    paper.worker.refresh()
    await paper.worker.close()
    assert paper.events.empty()
    assert paper.script.calls == ["open", "report"]
