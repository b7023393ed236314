"""Storage pools that are made by two at once, on libvirt's test driver."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import libvirt
import pytest

from trainbot.adapters.hosts import pools
from trainbot.adapters.hosts.pools import POOL, disk_pool, file_pool

FOLDER = Path("/nowhere")


@pytest.fixture
def connections():
    """Two to the same host; it has no pool of ours, before and after."""
    both = [libvirt.open("test:///default") for _ in range(2)]
    yield both
    clear(both[0])
    for connection in both:
        connection.close()


def clear(connection) -> None:
    for pool in connection.listAllStoragePools():
        if pool.name() == POOL:
            if pool.isActive():
                pool.destroy()
            pool.undefine()


class Overtaken:
    """A connection on which the other one makes the pool just before the call ``at``."""

    def __init__(self, connection, other, at: str) -> None:
        self._connection, self._other, self._at = connection, other, at

    def _before(self, call: str) -> None:
        if call == self._at:
            self._at = ""
            disk_pool(self._other, FOLDER)

    def listAllStoragePools(self, flags):
        return [_Pool(pool, self) for pool in self._connection.listAllStoragePools(flags)]

    def storagePoolDefineXML(self, xml, flags):
        self._before("define")
        return _Pool(self._connection.storagePoolDefineXML(xml, flags), self)


class _Pool:
    def __init__(self, pool, connection: Overtaken) -> None:
        self._pool, self._connection = pool, connection

    def __getattr__(self, name):
        if name in ("build", "setAutostart", "create"):
            self._connection._before(name)
        return getattr(self._pool, name)


@pytest.mark.parametrize("at", ["define", "build", "setAutostart", "create"])
def test_overtaken(connections, at):
    """Wherever in the making of a pool somebody else has made it, there is one, and it is on for both."""
    mine, theirs = connections
    pool = disk_pool(Overtaken(mine, theirs, at), FOLDER)
    assert pool.isActive() and pool.UUIDString() == disk_pool(theirs, FOLDER).UUIDString()


def test_two_threads(connections):
    """Two that begin in the same moment, again and again: both have the pool, and nobody an error."""
    ready = threading.Barrier(2)

    def make(connection) -> str:
        ready.wait()
        return disk_pool(connection, FOLDER).UUIDString()

    with ThreadPoolExecutor(2) as threads:
        for _ in range(50):
            assert len(set(threads.map(make, connections))) == 1
            clear(connections[0])


def test_what_fails_for_good_is_said(connections, monkeypatch):
    """A pool that cannot be made is no endless story: the error is libvirt's."""
    tries = []

    def refuse(pool, flags):
        tries.append(pool.name())
        raise libvirt.libvirtError("no such folder")

    monkeypatch.setattr(libvirt.virStoragePool, "create", refuse)
    with pytest.raises(libvirt.libvirtError, match="no such folder"):
        file_pool(connections[0], POOL, FOLDER)
    assert len(tries) <= 2


def test_only_folders_are_built(connections, monkeypatch):
    """A pool of our name on a disk of its own is started and never built, which would empty that disk."""
    xml = (
        f"<pool type='fs'><name>{POOL}</name><source><device path='/dev/sdz'/></source>"
        "<target><path>/x</path></target></pool>"
    )
    connections[0].storagePoolDefineXML(xml)
    monkeypatch.setattr(libvirt.virStoragePool, "build", lambda *_: pytest.fail("built"))
    assert disk_pool(connections[0], FOLDER).isActive()
    assert pools.find_pool(connections[1], POOL) is not None
