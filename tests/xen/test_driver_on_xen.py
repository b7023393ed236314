"""LibvirtDriver on a real Xen: libxl behaves in ways of its own, and none of it reaches the caller."""

from __future__ import annotations

import pytest
from watched import POOL
from xen_host import XenHost, until

from trainbot.errors import BackendError
from trainbot.hosts.libvirt_driver import LibvirtDriver
from trainbot.hosts.model import Domain, DomainState, GuestType

pytestmark = pytest.mark.xen

STRANGER = """<domain type='xen'><name>{name}</name><uuid>6ba7b810-9dad-41d1-80b4-00000000dead</uuid>{mark}
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='xenpv'>linux</type>
<kernel>/var/lib/tiny/vmlinuz</kernel><initrd>/var/lib/tiny/initrd</initrd></os></domain>"""
ANOTHERS = "<metadata><t:lab xmlns:t='urn:trainbot:lab:1' owner='another' image='tiny' port='0'/></metadata>"


def domains(host: XenHost) -> list[str]:
    """The names that the host itself tells, with the number of those that run."""
    return sorted(host.ssh("virsh -q list --all | awk '{print $1, $2}'").splitlines())


def volumes(host: XenHost) -> str:
    return host.ssh(f"ls {POOL} 2>/dev/null || true")


def endpoint(driver: LibvirtDriver, id: str) -> tuple[str, int]:
    """As soon as the lab has an address."""
    return until(lambda: next(domain.endpoint for domain in driver.report().domains if domain.id == id),
                 "an address for the lab")


def greeting(host: XenHost, driver: LibvirtDriver, id: str) -> str:
    """What the tiny lab says of its kind and its boots."""
    there = endpoint(driver, id)
    return until(lambda: host.greeting(there), f"a greeting from {there}").removeprefix("SSH-2.0-tiny ")


@pytest.mark.parametrize("transport", ["tcp", "ssh_uri"])
@pytest.mark.parametrize("mark", ["", ANOTHERS], ids=["unmarked", "another's"])
def test_strangers_are_not_seen_and_not_touched(first, drivers, tiny, transport, mark):
    """Domain-0 and domains that are not ours, even with our lab's name, are in no report, are in nobody's way, and run
    on whatever is asked for them."""
    spec = tiny()
    first.ssh(f"cat > /tmp/x.xml <<'END'\n{STRANGER.format(name=spec.name, mark=mark)}\nEND\n"
              "virsh -q define /tmp/x.xml && virsh -q start " + spec.name)
    before = domains(first)
    driver = drivers(getattr(first, transport))
    report = driver.report()
    assert report.domains == ()
    assert report.hypervisor.startswith("Xen 4.17.")
    assert report.memory_mib > report.free_mib > 0 and report.cpus == 1
    with pytest.raises(BackendError, match=f"another domain called {spec.name}"):
        driver.make(spec)
    stranger = "6ba7b810-9dad-41d1-80b4-00000000dead"
    for action, argument in (("destroy", stranger), ("reboot", stranger), ("reset", tiny(2, id=stranger))):
        with pytest.raises(BackendError, match="not touched"):
            getattr(driver, action)(argument)
    assert domains(first) == before and len(before) == 2
    assert volumes(first) == ""


@pytest.mark.parametrize(("guest", "transport"), [(GuestType.PVH, "tcp"), (GuestType.PV, "ssh_uri")])
def test_the_life_of_a_lab(first, drivers, tiny, guest, transport):
    """A lab runs as it was asked for, making it again changes nothing, a reboot keeps its disk, a reset does not but
    keeps its address, and destroying it, twice, leaves neither a domain nor a volume."""
    driver, spec = drivers(getattr(first, transport)), tiny(guest=guest)
    made = driver.make(spec)
    assert (made.id, made.name, made.state) == (spec.id, spec.name, DomainState.RUNNING)
    assert greeting(first, driver, spec.id) == f"{guest.value.upper()} boots=1"
    address, running = endpoint(driver, spec.id), domains(first)
    assert driver.make(spec) == Domain(spec.id, spec.name, DomainState.RUNNING, address)
    assert domains(first) == running
    driver.reboot(spec.id)
    until(lambda: greeting(first, driver, spec.id).endswith("boots=2"), "the second boot on the same disk")
    driver.reset(spec)
    until(lambda: greeting(first, driver, spec.id).endswith("boots=1"), "the first boot on a fresh disk")
    assert endpoint(driver, spec.id) == address
    driver.destroy(spec.id)
    driver.destroy(spec.id)
    assert driver.report().domains == ()
    assert domains(first) == ["0 Domain-0"] and volumes(first) == ""


def test_the_debian_lab(first, drivers, full, lab_image, debian):
    """The shipped image boots on Xen with SE Linux enforcing, gets an address, lets in the installation's key through
    dom0, shows its own host key, and a reboot from inside keeps what was written."""
    driver = drivers(first.tcp)
    driver.make(full)

    def inside(command):
        return first.lab_ssh(endpoint(driver, full.id), lab_image.key, debian.host_key, command)

    there = endpoint(driver, full.id)
    until(lambda: first.greeting(there).startswith("SSH-2.0-OpenSSH"), f"an ssh server at {there}")
    assert inside("id -un; getenforce; cat /sys/hypervisor/guest_type") == "root\nEnforcing\nPVH"
    boot = inside("echo mine > /root/work; sync; cat /proc/sys/kernel/random/boot_id")
    inside("systemctl reboot --no-block --force")

    def after():
        try:
            return inside("cat /proc/sys/kernel/random/boot_id /root/work").split()
        except AssertionError:  # on its way down, or up
            return [boot]

    assert until(lambda: said if (said := after())[0] != boot else None, "another boot")[1] == "mine"
    assert [domain.state for domain in driver.report().domains] == [DomainState.RUNNING]


@pytest.mark.parametrize("guest", list(GuestType))
def test_no_room(first, drivers, tiny, guest):
    """Where Xen has given out its memory, the sentence says how much there is and how much it would need, and nothing
    of the lab stays."""
    driver = drivers(first.tcp)
    with pytest.raises(BackendError, match=r"rack has \d+ MiB free and lab-tiny-1 needs 3000"):
        driver.make(tiny(guest=guest, memory_mib=3000))
    assert domains(first) == ["0 Domain-0"] and volumes(first) == ""
    assert driver.make(tiny(guest=guest)).state is DomainState.RUNNING


def test_what_others_did_to_a_lab(first, drivers, tiny):
    """A lab that somebody ended on the host is reported as off and one whose kernel panicked as crashed, and making
    either starts it again on its own disk."""
    driver, spec = drivers(first.tcp), tiny()
    driver.make(spec)
    assert greeting(first, driver, spec.id) == "PVH boots=1"

    def state():
        return driver.report().domains[0].state

    first.ssh(f"xl destroy {spec.name}")
    until(lambda: state() is DomainState.OFF, "the lab is off")
    driver.make(spec)
    until(lambda: greeting(first, driver, spec.id) == "PVH boots=2", "its second boot")
    first.ssh(f"xl sysrq {spec.name} c")
    until(lambda: state() is DomainState.CRASHED, "the lab has crashed")
    driver.make(spec)
    until(lambda: greeting(first, driver, spec.id) == "PVH boots=3", "its third boot")
