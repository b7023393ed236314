"""LibvirtDriver on libvirt's own test driver: a host without machines, which behaves like one."""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys

import libvirt
import pytest
from paper_host import STRANGER, paper_host

from trainbot.adapters.hosts.disks import LocalOverlays
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.core.errors import BackendError, HostDown, NoSuchThing
from trainbot.model.host import Domain, DomainState, HostConfig, HostUp, HostWorkDone


@pytest.fixture
def uri(tmp_path):
    return paper_host(tmp_path)


@pytest.fixture
def driver(uri, owner):
    driver = LibvirtDriver(HostConfig("paper", uri), owner)
    driver.open()
    yield driver
    driver.close()


@pytest.fixture
def connection(driver):
    """The same host, seen by somebody else than the driver."""
    return driver._link.connection


def running(spec):
    return Domain(spec.id, spec.name, DomainState.RUNNING)


def test_reports_what_is_ours(driver, lab_spec):
    """A report holds the host's size and our labs; strangers (or Xen's Domain-0) are not in it."""
    before = driver.report()
    driver.make(lab_spec(2))
    driver.make(lab_spec(1))
    after = driver.report()
    assert (before.name, before.domains, before.memory_mib, before.cpus) == ("paper", (), 8192, 4)
    assert after.domains == (running(lab_spec(1)), running(lab_spec(2)))
    assert before.free_mib - after.free_mib == 2 * 384


def test_make_again_is_the_same_lab(driver, connection, lab_spec):
    """make is safe to repeat: what runs is left running, under the same number."""
    spec = lab_spec()
    assert driver.make(spec) == running(spec)
    number = connection.lookupByUUIDString(spec.id).ID()
    assert driver.make(spec) == running(spec)
    assert connection.lookupByUUIDString(spec.id).ID() == number


def test_make_starts_what_is_off(driver, connection, lab_spec):
    """A lab that is defined but off (we were killed between the two) is started by make."""
    spec = lab_spec()
    driver.make(spec)
    connection.lookupByUUIDString(spec.id).destroy()
    assert driver.report().domains[0].state is DomainState.OFF
    assert driver.make(spec) == running(spec)


def test_make_resumes_what_is_paused(driver, connection, lab_spec):
    """A lab that its host paused (its disk was full) goes on at make."""
    driver.make(lab_spec())
    handle = connection.lookupByUUIDString(lab_spec().id)
    handle.suspend()
    driver.make(lab_spec())
    assert handle.state()[0] == libvirt.VIR_DOMAIN_RUNNING


def test_make_after_half_a_reset(driver, connection, lab_spec, tmp_path):
    """Killed between the old disk and the fresh one, a lab is off and has none: make gives it one and starts it."""
    base = tmp_path / "disk.img"
    base.write_bytes(bytes(1 << 20))
    overlays = driver._storage.disks = LocalOverlays(tmp_path / "labs")
    spec = lab_spec(disk=base)
    driver.make(spec)
    connection.lookupByUUIDString(spec.id).destroy()
    overlays.remove(spec.id)
    assert driver.make(spec) == running(spec)
    assert overlays.levels(spec.id) == {0}
    driver.destroy(spec.id)
    assert overlays.levels(spec.id) == set()


def test_reset_and_reboot_restart(driver, connection, lab_spec):
    """After reset and after reboot the lab runs, as another boot."""
    spec = lab_spec()
    driver.make(spec)
    numbers = [connection.lookupByUUIDString(spec.id).ID()]
    driver.reboot(spec.id)
    numbers.append(connection.lookupByUUIDString(spec.id).ID())
    assert driver.reset(spec) == running(spec)
    numbers.append(connection.lookupByUUIDString(spec.id).ID())
    assert len(set(numbers)) == 3


def test_reset_takes_over_what_changed(driver, connection, lab_spec):
    """A reset lab is as its spec says now (its memory, its mode), not as it was made."""
    driver.make(lab_spec())
    driver.reset(lab_spec(memory_mib=512))
    assert connection.lookupByUUIDString(lab_spec().id).info()[1] == 512 * 1024


def test_reset_makes_what_is_not_there(driver, lab_spec):
    """Resetting a lab that the host lost gives a fresh one."""
    assert driver.reset(lab_spec()) == running(lab_spec())


def test_destroy_until_nothing_is_left(driver, connection, lab_spec):
    """A destroyed lab is neither running nor defined, and destroying it again is no error."""
    driver.make(lab_spec())
    driver.destroy(lab_spec().id)
    driver.destroy(lab_spec().id)
    assert [domain.name() for domain in connection.listAllDomains()] == ["stranger"]


def test_reboot_of_nothing(driver, lab_spec):
    """A lab that is not there cannot be rebooted, and that is what is said."""
    with pytest.raises(NoSuchThing, match="does not have this lab"):
        driver.reboot(lab_spec().id)


def test_a_name_that_is_taken(driver, connection, lab_spec):
    """A name that a stranger's domain has is refused with a sentence, and the stranger runs on untouched."""
    before = connection.lookupByName("stranger").XMLDesc()
    with pytest.raises(BackendError, match="another domain called stranger"):
        driver.make(lab_spec(name="stranger"))
    assert connection.lookupByName("stranger").XMLDesc() == before
    assert driver.report().domains == ()


@pytest.mark.parametrize("action", ["make", "reset", "reboot", "destroy"])
def test_strangers_are_not_touched(driver, connection, lab_spec, action):
    """A domain without our mark is never started, stopped or removed, even if its UUID is asked for."""
    before = connection.lookupByUUIDString(STRANGER)
    number = before.ID()
    with pytest.raises(BackendError, match="not touched"):
        argument = lab_spec(id=STRANGER) if action in ("make", "reset") else STRANGER
        getattr(driver, action)(argument)
    assert connection.lookupByUUIDString(STRANGER).ID() == number


@pytest.mark.parametrize("action", ["make", "reset", "reboot", "destroy"])
def test_other_installations_are_not_touched(uri, owner, lab_spec, action):
    """The labs of another trainbot on the same host are neither reported nor touched."""
    theirs = LibvirtDriver(HostConfig("paper", "test:///default"), "somebody else")
    ours = LibvirtDriver(HostConfig("paper", "test:///default"), owner)
    theirs.open()
    ours.open()
    spec = lab_spec(owner="somebody else")
    try:
        theirs.make(spec)
        assert ours.report().domains == ()
        with pytest.raises(BackendError):
            getattr(ours, action)(lab_spec() if action in ("make", "reset") else spec.id)
        assert theirs.report().domains == (running(spec),)
    finally:
        theirs.destroy(spec.id)
        theirs.close()
        ours.close()


def test_a_lab_that_cannot_start_leaves_nothing(driver, connection, lab_spec, monkeypatch):
    """Where the start fails after a fresh define, the definition is taken away: the next try begins anew."""

    def refuse(_self):
        raise libvirt.libvirtError("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(libvirt.virDomain, "create", refuse)
        with pytest.raises(BackendError, match="making lab-debian-1"):
            driver.make(lab_spec())
    assert [domain.name() for domain in connection.listAllDomains()] == ["stranger"]
    assert driver.make(lab_spec()) == running(lab_spec())


def test_crashed_is_told(driver, connection, lab_spec, monkeypatch):
    """A lab that crashed is reported as that, since nobody can work in it."""
    driver.make(lab_spec())
    states = [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED]
    info = driver._link.connection.lookupByUUIDString(lab_spec().id).info()
    monkeypatch.setattr(libvirt.virDomain, "info", lambda _self: [libvirt.VIR_DOMAIN_SHUTOFF, *info[1:]])
    monkeypatch.setattr(libvirt.virDomain, "state", lambda _self: states)
    assert driver.report().domains[0].state is DomainState.CRASHED


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (libvirt.VIR_DOMAIN_PAUSED_IOERROR, DomainState.STALLED),
        (libvirt.VIR_DOMAIN_PAUSED_CRASHED, DomainState.CRASHED),
        (libvirt.VIR_DOMAIN_PAUSED_USER, DomainState.RUNNING),
    ],
)
def test_a_paused_lab_is_told_by_what_paused_it(driver, connection, lab_spec, monkeypatch, reason, state):
    """By a full disk, by a panic of its kernel, by us."""
    driver.make(lab_spec())
    info = driver._link.connection.lookupByUUIDString(lab_spec().id).info()
    monkeypatch.setattr(libvirt.virDomain, "info", lambda _self: [libvirt.VIR_DOMAIN_PAUSED, *info[1:]])
    monkeypatch.setattr(libvirt.virDomain, "state", lambda _self: [libvirt.VIR_DOMAIN_PAUSED, reason])
    assert driver.report().domains[0].state is state


def test_calls_without_a_connection(uri, owner, lab_spec):
    """Before open and after close each call says that the host is not connected."""
    driver = LibvirtDriver(HostConfig("paper", uri), owner)
    for _ in range(2):
        with pytest.raises(HostDown, match="paper is not connected"):
            driver.report()
        driver.open()
        driver.close()
        driver.close()


def test_a_host_that_is_not_there(owner, tmp_path):
    """Where nobody listens, opening ends as HostDown; a wrong file as what it is."""
    with pytest.raises(HostDown, match="does not answer"):
        LibvirtDriver(HostConfig("paper", "test+tcp://127.0.0.1:1/default"), owner).open()
    with pytest.raises(BackendError, match="node.xml") as raised:
        LibvirtDriver(HostConfig("paper", f"test://{tmp_path}/node.xml"), owner).open()
    assert not isinstance(raised.value, HostDown)


def test_changes_are_told(uri, owner, lab_spec):
    """When something happens to a lab, the driver says so: read me again."""
    told = queue.SimpleQueue()
    driver = LibvirtDriver(HostConfig("paper", uri), owner, lambda: told.put("changed"))
    driver.open()
    try:
        driver.make(lab_spec())
        assert told.get(timeout=30) == "changed"
    finally:
        driver.close()


def test_libvirt_prints_nothing():
    """libvirt's own complaints do not reach stderr: a terminal with a chat prompt on it stays clean."""
    program = (
        "from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver\n"
        "from trainbot.model.host import HostConfig\n"
        "try: LibvirtDriver(HostConfig('x', 'test+tcp://127.0.0.1:1/default'), 'o').open()\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("HostDown\n", "")


async def test_worker_and_driver_together(uri, owner, lab_spec):
    """A real driver in its worker: what is submitted happens, and the reading after it shows it."""
    events: asyncio.Queue = asyncio.Queue()
    config = HostConfig("paper", uri)
    worker = HostWorker(config, lambda changed: LibvirtDriver(config, owner, changed), events.put_nowait)
    worker.start()
    try:
        assert (await asyncio.wait_for(events.get(), 30)).report.domains == ()
        worker.submit("make", lab_spec().id, lab_spec())
        assert await asyncio.wait_for(events.get(), 30) == HostWorkDone(
            "paper", lab_spec().id, "make", running(lab_spec())
        )
        reading = await asyncio.wait_for(events.get(), 30)
        assert isinstance(reading, HostUp) and reading.report.domains == (running(lab_spec()),)
    finally:
        await worker.close()
