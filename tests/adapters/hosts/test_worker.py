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
        self.at_once = 1
        self.under_way: list[str] = []  # labs
        self.doubled: set[str] = set()  # labs with two calls at a time ("": the host itself)
        self.most = 0  # calls that were under way at the same time
        self.began = threading.Semaphore(0)

    def new_driver(self, changed):
        self.changed = changed
        return ScriptedDriver(self)

    def step(self, call: str, lab: str = "") -> None:
        self.calls.append(call)
        self.doubled |= {lab} & set(self.under_way)
        self.under_way.append(lab)
        self.most = max(self.most, len(self.under_way))
        self.began.release()
        try:
            for name in (call, lab):
                if gate := self.gates.get(name):
                    gate.wait()
        finally:
            self.under_way.remove(lab)
        if faults := self.faults.get(call):
            raise faults.pop(0)


class ScriptedDriver:
    def __init__(self, script):
        self._script = script
        self.at_once = script.at_once

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
        self._script.step("make", spec.id)
        return Domain(spec.id, spec.name, DomainState.RUNNING)

    def reset(self, spec):
        self._script.step("reset", spec.id)
        return Domain(spec.id, spec.name, DomainState.RUNNING)

    def reboot(self, id):
        self._script.step("reboot", id)

    def destroy(self, id):
        self._script.step("destroy", id)


class Host:
    """A worker with its script and the events that it delivered."""

    def __init__(self, name="paper", **options):
        self.script = Script()
        self.events: asyncio.Queue = asyncio.Queue()
        config = HostConfig(
            name, options.pop("uri", "test:///default"), folder=Path("/"), deadline=options.pop("deadline", 60.0)
        )
        self.script.at_once = options.pop("at_once", 1)
        options = {"backoff": (0.0,), "reread": 3600.0, **options}
        self.worker = HostWorker(config, self.script.new_driver, self.events.put_nowait, **options)

    async def event(self):
        return await asyncio.wait_for(self.events.get(), 30)

    async def begins(self, count):
        """Waits until that many calls more are under way."""
        for _ in range(count):
            assert await asyncio.to_thread(self.script.began.acquire, timeout=30)

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


# -- several calls at a time --------------------------------------------------------------------------

TWELVE = 12


async def twelve(host, **options):
    """A host whose driver takes twelve calls at a time; opening and reading count as begun."""
    paper = await started(host(at_once=TWELVE, **options))
    await paper.begins(2)
    return paper


async def ends(paper, *labs):
    """What the calls of these labs end with, by lab."""
    found = {}
    while found.keys() != set(labs):
        event = await paper.event()
        if isinstance(event, HostWorkDone):
            assert event.lab not in found, "ended twice"
            found[event.lab] = event
    return found


async def test_twelve_at_a_time_and_no_more(host, lab_spec):
    """Forty-five labs: twelve are made at a time, each once, and all of them."""
    paper = await twelve(host)
    gate = paper.script.gates["make"] = threading.Event()
    specs = [lab_spec(number) for number in range(45)]
    for spec in specs:
        paper.worker.submit("make", spec.id, spec)
    await paper.begins(TWELVE)
    assert paper.script.most == TWELVE
    gate.set()
    found = await ends(paper, *(spec.id for spec in specs))
    assert all(event.error is None for event in found.values())
    assert paper.script.most == TWELVE and paper.script.calls.count("make") == 45
    assert paper.script.doubled == set()


async def test_a_driver_that_takes_one_gets_one(host, lab_spec):
    """Whatever waits, and also when it was opened again."""
    paper = await started(host())
    paper.script.faults["make"] = [HostDown("reset")]
    paper.worker.submit("make", lab_spec(1).id, lab_spec(1))
    assert [type(await paper.event()) for _ in range(3)] == [HostWorkDone, HostLost, HostUp]
    for number in range(20):
        paper.worker.submit("make", lab_spec(number).id, lab_spec(number))
    await ends(paper, *(lab_spec(number).id for number in range(20)))
    assert paper.script.most == 1


async def test_the_actions_of_one_lab_are_in_order(host, lab_spec):
    """One after the other, while those of others go past."""
    paper = await twelve(host)
    first, other = lab_spec(1), lab_spec(2)
    gate = paper.script.gates[first.id] = threading.Event()
    paper.worker.submit("make", first.id, first)
    paper.worker.submit("reboot", first.id)
    paper.worker.submit("destroy", first.id)
    paper.worker.submit("destroy", other.id)
    assert (await paper.event()).lab == other.id
    gate.set()
    assert [(await paper.event()).action for _ in range(3)] == ["make", "reboot", "destroy"]
    assert paper.script.doubled == set()


async def test_a_reading_says_nothing_about_what_moved_meanwhile(host, lab_spec):
    """It does not wait for actions, so it may be older than their ends: those labs are named."""
    paper = await twelve(host)
    slow, quick, still = (lab_spec(number) for number in (1, 2, 3))
    gate, reading = threading.Event(), threading.Event()
    paper.script.gates |= {slow.id: gate, "report": reading}
    paper.worker.submit("make", slow.id, slow)
    paper.worker.refresh()
    await paper.begins(2)
    paper.worker.submit("make", quick.id, quick)
    assert (await paper.event()).lab == quick.id
    reading.set()
    assert await paper.event() == HostUp(REPORT, frozenset({slow.id, quick.id}))
    gate.set()
    assert (await paper.event()).lab == slow.id
    paper.worker.submit("make", still.id, still)
    assert (await paper.event()).lab == still.id
    paper.worker.refresh()
    assert await paper.event() == HostUp(REPORT)


async def test_a_reading_does_not_wait_for_the_queue(host, lab_spec):
    """However many labs wait, the host is read as soon as one of twelve is done."""
    paper = await twelve(host)
    specs = [lab_spec(number) for number in range(TWELVE + 5)]
    gates = {spec.id: threading.Event() for spec in specs}
    paper.script.gates |= gates
    for spec in specs:
        paper.worker.submit("make", spec.id, spec)
    paper.worker.refresh()
    gates[specs[0].id].set()
    assert (await paper.event()).lab == specs[0].id
    assert isinstance(await paper.event(), HostUp)
    for gate in gates.values():
        gate.set()
    await ends(paper, *(spec.id for spec in specs[1:]))


async def test_one_call_that_hangs_is_given_up_alone(host, lab_spec):
    """The host answers others: it is not lost, and eleven go on.  What the call says at last is ignored."""
    paper = await twelve(host, deadline=0.3)
    hung, well = lab_spec(1), lab_spec(2)
    gate = paper.script.gates[hung.id] = threading.Event()
    paper.worker.submit("make", hung.id, hung)
    await paper.begins(1)
    paper.worker.submit("make", well.id, well)
    assert (await paper.event()).lab == well.id
    event = await paper.event()
    assert (event.lab, event.down) == (hung.id, True) and paper.worker.up
    paper.worker.submit("reboot", well.id)
    assert (await paper.event()).error is None
    gate.set()
    paper.worker.submit("destroy", well.id)
    assert await paper.event() == HostWorkDone("paper", well.id, "destroy") and paper.worker.up


async def test_a_host_that_answers_none_of_twelve_is_lost(host, lab_spec):
    """Each call ends once, as down; it is opened anew, and does what is asked then."""
    paper = await twelve(host, deadline=0.3)
    gate = paper.script.gates["make"] = threading.Event()
    specs = [lab_spec(number) for number in range(TWELVE + 3)]
    for spec in specs:
        paper.worker.submit("make", spec.id, spec)
    found, others = {}, []
    while len(found) < len(specs):
        event = await paper.event()
        if isinstance(event, HostWorkDone):
            assert event.lab not in found and event.down
            found[event.lab] = event
        else:
            others.append(event)
    assert [type(event) for event in others][:1] == [HostLost]
    while HostUp(REPORT) not in others and not any(isinstance(event, HostUp) for event in others):
        others.append(await paper.event())
    gate.set()
    paper.worker.submit("reboot", specs[0].id)
    assert (await ends(paper, specs[0].id))[specs[0].id].error is None


async def test_the_loss_of_a_connection_leaves_others_their_end(host, lab_spec):
    """One call hears that the host is gone; what another has done all the same is told, after the host is up again."""
    paper = await twelve(host)
    done, gone, waits = (lab_spec(number) for number in (1, 2, 3))
    gate = paper.script.gates[done.id] = threading.Event()
    paper.worker.submit("make", done.id, done)
    await paper.begins(1)
    paper.script.faults["reboot"] = [HostDown("connection reset")]
    paper.worker.submit("reboot", gone.id)
    assert [type(await paper.event()) for _ in range(3)] == [HostWorkDone, HostLost, HostUp]
    paper.worker.submit("reboot", done.id)
    paper.worker.submit("destroy", waits.id)
    assert (await paper.event()).lab == waits.id
    gate.set()
    assert await paper.event() == HostWorkDone(
        "paper", done.id, "make", Domain(done.id, done.name, DomainState.RUNNING)
    )
    assert await paper.event() == HostWorkDone("paper", done.id, "reboot")
    assert paper.script.doubled == set()
    await paper.closings(1)


async def test_a_host_with_much_to_do_is_not_doubted(host, lab_spec, monkeypatch):
    """As long as it answers anything; when it answers nothing any more, it is."""
    monkeypatch.setattr(worker, "LATE_ACTION", 0.4)
    paper = await twelve(host, uri=REMOTE)
    slow = lab_spec(0)
    gate = paper.script.gates[slow.id] = threading.Event()
    paper.worker.submit("make", slow.id, slow)
    await paper.begins(1)
    armed = paper.worker._working[next(iter(paper.worker._working))].late
    paper.worker.submit("make", lab_spec(1).id, lab_spec(1))
    assert (await paper.event()).lab == lab_spec(1).id
    assert armed.cancelled() and paper.worker.up  # its time begins again
    assert isinstance(await paper.event(), HostDoubted)
    gate.set()
    await ends(paper, slow.id)


async def test_close_with_calls_under_way(host, lab_spec):
    """Nothing is delivered afterwards; the driver is closed once, when the last call has returned."""
    paper = await twelve(host)
    gates = [threading.Event() for _ in range(3)]
    for number, gate in enumerate(gates):
        paper.script.gates[lab_spec(number).id] = gate
        paper.worker.submit("make", lab_spec(number).id, lab_spec(number))
    await paper.begins(3)
    closing = asyncio.create_task(paper.worker.close())
    for gate in gates:
        gate.set()
    await closing
    await paper.closings(1)
    assert paper.events.empty() and not paper.script.closed.acquire(blocking=False)
