"""How labs run on a real Xen: where they are reached, how they boot, how much of a core they get."""

from __future__ import annotations

from pathlib import Path

import pytest
from outside import POOL, connected, domains
from watched import OWNER, endpoint, greeting
from xen_host import until

from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.model import slots
from trainbot.model.host import GuestType, HostConfig

pytestmark = pytest.mark.xen
SUBNET = "10.77.0.0/28"
_NETWORK = """<network><name>{name}</name><bridge name='tb-slots' stp='off' delay='0'/>
<ip address='10.77.0.1' netmask='255.255.255.240'><dhcp><range start='10.77.0.2' end='10.77.0.14'/>{hosts}</dhcp></ip>
</network>"""


@pytest.fixture
def on_network(first):
    """on_network(**settings): a driver of the first host, whose labs are on a network with slots; that goes afterwards."""
    opened = []

    def connect(**settings) -> LibvirtDriver:
        config = HostConfig("rack", first.tcp, folder=POOL, **{"network": "slots", **settings})
        opened.append(LibvirtDriver(config, OWNER))
        opened[-1].open()
        return opened[-1]

    yield connect
    for driver in opened:
        driver.close()
    with connected(first) as connection:
        for network in connection.listAllNetworks():
            if network.name() == "slots":
                network.destroy()


def make_network(host) -> None:
    """As ``host prepare`` leaves it: an address for each slot's MAC."""
    each = "".join(
        f"<host mac='{slots.mac_address(slot)}' ip='{slots.address(SUBNET, slot)}'/>" for slot in range(1, 10)
    )
    with connected(host) as connection:
        connection.networkCreateXML(_NETWORK.format(name="slots", hosts=each))


def test_a_slot_is_an_address(first, on_network, tiny):
    """A lab with a slot has an address before it has booted, is reached there once it has, and its interface in dom0
    has the slot's name and the rate that the host's labs are held to; where the network is missing, the sentence says
    what makes it, and nothing of the lab stays."""
    driver, spec = on_network(bandwidth=256), tiny(guest=GuestType.PV, slot=7)
    with pytest.raises(BackendError, match="rack has no network slots: trainbot host prepare rack creates it"):
        driver.make(spec)
    assert domains(first) == {}
    make_network(first)
    made = driver.make(spec)
    assert made.endpoint == ("10.77.0.8", 22)
    assert slots.mac_address(7) in first.ssh("cat /var/lib/libvirt/dnsmasq/slots.hostsfile")
    assert "tb-slots" in first.ssh("ip -o link show tb7")
    rate = first.ssh(f"xenstore-read /local/domain/0/backend/vif/{made.run}/0/rate")
    assert rate == f"{256 * 1024 // 20},50000"  # bytes in so many microseconds
    assert greeting(first, driver, spec.id) == "PV boots=1"
    assert endpoint(driver, spec.id) == made.endpoint


@pytest.mark.xenlong
def test_a_share_of_a_core(first, drivers, tiny):
    """A lab is held to its share of a core after each boot, also one that it began itself."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PV, cpu_percent=40)

    def cap() -> int:
        with connected(first) as connection:
            return connection.lookupByName(spec.name).schedulerParameters()["cap"]

    driver.make(spec)
    assert cap() == 40
    driver.reboot(spec.id)
    assert cap() == 40
    driver.reset(spec)
    assert cap() == 40
    assert greeting(first, driver, spec.id) == "PV boots=1"
    before = domains(first)
    first.ssh(f"xl reboot {spec.name}")
    until(lambda: domains(first)[spec.name] not in (-1, before[spec.name]), "it runs under another number")
    until(lambda: driver.report().domains[0].run == str(domains(first)[spec.name]), "it is reported")
    assert cap() == 40


def put(host, file: Path) -> Path:
    """The file on the host, as a volume beside the labs' disks."""
    with connected(host) as connection:
        pool = connection.storagePoolLookupByName("trainbot")
        volume = pool.createXML(f"<volume><name>{file.name}</name><capacity>{file.stat().st_size}</capacity></volume>")
        stream = connection.newStream()
        volume.upload(stream, 0, file.stat().st_size)
        with file.open("rb") as source:
            stream.sendAll(lambda _stream, count, source: source.read(count), source)
        stream.finish()
        return Path(volume.path())


@pytest.mark.xenlong
def test_hvm(first, drivers, tiny):
    """A lab boots as HVM where it is asked to, from a kernel of the host, with PV network and disk; its device model
    has no VGA, no VNC, no USB, no sound and no network card.  (QEMU boots a bzImage, not the ELF file that Xen can.)"""
    driver = drivers(first.tcp)
    kernel = put(first, first.image.folder / "vmlinuz")
    spec = tiny(guest=GuestType.HVM, kernel=kernel, memory_mib=192)
    driver.make(spec)
    assert greeting(first, driver, spec.id) == "HVM boots=1"
    (line,) = first.ssh(f"ps -C xen-qemu-system-i386 -o args= | grep -e '-name {spec.name}'").splitlines()
    assert "-nodefaults" in line and "-vnc none" in line and "-nographic" in line and "-net none" in line
    assert not any(part in line for part in ("-vga", "usb", "-soundhw", "audio", "-device", "rtl8139", "e1000"))
    driver.destroy(spec.id)
    assert domains(first) == {}


def test_what_the_host_has(first, drivers, tiny):
    """A report says how much room there is for disks and how busy the cores were; a lab of an image that is not on the
    host is refused with what brings it there."""
    driver = drivers(first.tcp)
    assert driver.report().busy is None
    until(lambda: driver.report().busy is not None, "a second reading")
    report = driver.report()
    assert 0 <= report.busy <= 1 and report.disk_free_mib > 1000 and report.images is None
    with pytest.raises(NoSuchThing, match=r"rack has no copy of /srv/gone.img: trainbot host prepare rack copies it"):
        driver.make(tiny(disk=Path("/srv/gone.img")))
    copies = LibvirtDriver(HostConfig("rack", first.tcp, folder=POOL, images=Path("/srv/images")), OWNER)
    try:
        copies.open()
        assert copies.report().images == frozenset()
        with pytest.raises(NoSuchThing, match="rack has no copy of debian-1: trainbot host prepare rack copies it"):
            copies.make(tiny(disk=Path("/srv/images/debian-1.img")))
        first.ssh(
            "mkdir /srv/images; touch /srv/images/debian-1.img /srv/images/debian-1.vmlinuz "
            "/srv/images/debian-1.initrd /srv/images/debian-2.img"
        )
        copies._storage._looked_at = -100.0  # what a few seconds more would do
        assert copies.report().images == {"debian-1"}
    finally:
        copies.close()
        first.ssh(
            "virsh -c xen:///system pool-destroy trainbot-images; virsh -c xen:///system pool-undefine "
            "trainbot-images; rm -rf /srv/images"
        )
    assert domains(first) == {}
