"""What a reading of a host says, and what it costs."""

from __future__ import annotations

import queue
from collections import Counter
from pathlib import Path

import libvirt
import pytest
from paper_host import STRANGER, paper_host

from trainbot.adapters.hosts.disks import LocalOverlays
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.libvirt_load import CpuLoad
from trainbot.adapters.hosts.libvirt_network import LibvirtNetwork, static_addresses
from trainbot.adapters.hosts.pools import empty_xml, pool_xml
from trainbot.core.errors import NoSuchThing
from trainbot.model.host import HostConfig
from trainbot.model.image_files import POOL as IMAGES

_NETWORK = """<network><name>trainbot</name>
<uuid>6ba7b810-9dad-41d1-80b4-00000000beef</uuid><bridge name='tb0'/>
<ip address='10.77.0.1' netmask='255.255.252.0'><dhcp>
<host mac='00:16:3E:74:00:01' ip='10.77.0.2'/>{}</dhcp></ip></network>"""


@pytest.fixture
def told():
    """What the driver hears from the host."""
    return queue.SimpleQueue()


@pytest.fixture
def driver(tmp_path, owner, told):
    driver = LibvirtDriver(HostConfig("paper", paper_host(tmp_path)), owner, lambda: told.put("changed"))
    driver.open()
    yield driver
    driver.close()


@pytest.fixture
def connection(driver):
    return driver._link.connection


@pytest.fixture
def calls(monkeypatch):
    """How often each method of a domain was called from now on."""
    counted: Counter[str] = Counter()

    def count(name, call):
        def instead(*arguments):
            counted[name] += 1
            return call(*arguments)

        return instead

    for name in ("XMLDesc", "state", "info", "interfaceAddresses"):
        monkeypatch.setattr(libvirt.virDomain, name, count(name, getattr(libvirt.virDomain, name)))
    return counted


def test_a_reading_is_one_call_a_domain(driver, lab_spec, calls):
    """A definition is read once; from then on each domain that runs costs one call, and no more."""
    for number in (1, 2, 3):
        driver.make(lab_spec(number))
    first = driver.report()
    calls.clear()
    assert driver.report() == first
    assert calls == {"info": 4}  # the stranger runs as well


def test_a_domain_that_became_a_strangers(driver, connection, lab_spec, owner, told):
    """A lab in whose place somebody put a domain of theirs, with its UUID and its name and as off as it was, is no lab
    of ours any more as soon as the host says that something changed; and one that became ours is."""

    def reported() -> list[str]:
        return [domain.id for domain in driver.report().domains]

    driver.make(lab_spec())
    connection.lookupByUUIDString(lab_spec().id).destroy()
    assert reported() == [lab_spec().id]
    xml = connection.lookupByUUIDString(lab_spec().id).XMLDesc()
    for changed, wanted in ((xml.replace(owner, "another"), []), (xml, [lab_spec().id])):
        connection.defineXML(changed)
        while reported() != wanted:
            told.get(timeout=30)


def test_strangers_are_asked_about_once(driver, calls):
    """Whose a stranger's domain is, is not asked again either."""
    driver.report()
    calls.clear()
    assert driver.report().domains == ()
    assert calls["XMLDesc"] == 0
    assert STRANGER in driver._reading._known


def test_where_disks_are(driver, tmp_path):
    """Of overlays in a folder it is known how much room there is, also before the folder is there; on a host of paper
    it is not, nor how busy it is."""
    report = driver.report()
    assert (report.disk_free_mib, report.images, report.busy) == (None, None, None)
    driver._storage.disks = LocalOverlays(tmp_path / "not" / "yet")
    driver._storage._looked_at = -100.0
    assert driver.report().disk_free_mib > 0


@pytest.fixture
def images(driver, monkeypatch):
    """The driver of a host that keeps its own images, whose files are looked at at each reading."""
    monkeypatch.setattr("trainbot.adapters.hosts.libvirt_storage.FRESH", 0.0)
    driver._storage._config = HostConfig("paper", "test:///default", images=Path("/srv/images"))
    return driver


def test_images_on_the_host(images, connection):
    """An image is on a host when all of its files are; the pool of that folder is made when it is missing."""
    assert images.report().images == frozenset()
    pool = connection.storagePoolLookupByName(IMAGES)
    assert pool.isActive() and "<path>/srv/images</path>" in pool.XMLDesc()
    for name in ("debian-0123456789ab.img", "debian-0123456789ab.vmlinuz", "other-1.img"):
        pool.createXML(empty_xml(name))
    assert images.report().images == frozenset()
    pool.createXML(empty_xml("debian-0123456789ab.initrd"))
    assert images.report().images == {"debian-0123456789ab"}


def test_no_copy_of_an_image(images, connection, lab_spec):
    """A lab that runs is not even turned off for a reset to an image that its host has no copy of."""
    images.make(lab_spec())
    number = connection.lookupByUUIDString(lab_spec().id).ID()
    with pytest.raises(NoSuchThing, match="paper has no copy of debian-1: trainbot host prepare paper copies it"):
        images.reset(lab_spec(disk=Path("/srv/images/debian-1.img")))
    assert connection.lookupByUUIDString(lab_spec().id).ID() == number


def test_a_folder_of_images_that_is_not_there(images, connection, monkeypatch):
    """It holds no images; the rest of the report is as ever."""
    connection.storagePoolDefineXML(pool_xml(IMAGES, Path("/nonesuch")))

    def refuse(*_):
        raise libvirt.libvirtError("cannot open directory '/nonesuch'")

    monkeypatch.setattr(libvirt.virStoragePool, "create", refuse)
    report = images.report()
    assert report.images == frozenset() and report.memory_mib == 8192


def test_static_addresses():
    """Only who has both a MAC and an IPv4 address is known beforehand; what does not parse says nothing."""
    others = (
        "<host mac='00:16:3e:74:00:02' name='x'/><host ip='10.77.0.9'/><host mac='00:16:3e:74:00:03' ip='nowhere'/>"
    )
    assert static_addresses(_NETWORK.format(others)) == {"00:16:3e:74:00:01": "10.77.0.2"}
    assert static_addresses("<network") == {}


def test_the_network_is_read_when_it_has_to_be(connection, monkeypatch):
    """Once for all labs that are in it; for one that is not, once in each reading; and after it has changed."""
    read = []
    describe = libvirt.virNetwork.XMLDesc
    monkeypatch.setattr(libvirt.virNetwork, "XMLDesc", lambda *given: read.append(1) or describe(*given))
    network = LibvirtNetwork(connection, "trainbot")
    assert network.address("00:16:3e:74:00:01") is None
    connection.networkDefineXML(_NETWORK.format(""))
    assert network.address("00:16:3e:74:00:01") is None
    network.look_again()
    assert network.address("00:16:3e:74:00:01") == "10.77.0.2"
    assert len(read) == 1
    for _ in range(3):
        network.look_again()
        assert network.address("00:16:3e:74:00:01") == "10.77.0.2"
    assert len(read) == 1
    assert [network.address("00:16:3e:74:00:04") for _ in range(3)] == [None] * 3
    assert len(read) == 2
    connection.networkDefineXML(_NETWORK.format("<host mac='00:16:3e:74:00:04' ip='10.77.0.5'/>"))
    network.changed()
    assert network.address("00:16:3e:74:00:04") == "10.77.0.5"


def test_load_of_domains():
    """What all running domains had since the reading before, shared by the cores; a domain that came meanwhile counts
    from its beginning, one that went no more, and two readings in a moment say what the first one said."""
    load = CpuLoad()
    assert load.of_domains(100.0, {0: 5_000_000_000, 1: 0}, 2) is None
    assert load.of_domains(110.0, {0: 10_000_000_000, 2: 5_000_000_000}, 2) == 0.5
    assert load.of_domains(110.2, {0: 99_000_000_000}, 2) == 0.5
    assert load.of_domains(120.0, {0: 90_000_000_000}, 2) == 1.0


def test_load_of_a_machine():
    """Time that waited for a disk is not time that was worked."""
    load = CpuLoad()
    assert load.of_machine(0.0, {"user": 10, "kernel": 0, "idle": 90, "iowait": 0}) is None
    assert load.of_machine(10.0, {"user": 20, "kernel": 15, "idle": 140, "iowait": 25}) == 0.25
    assert load.of_machine(20.0, {"user": 20, "kernel": 15, "idle": 140, "iowait": 25}) == 0.0
