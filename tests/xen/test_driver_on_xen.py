"""LibvirtDriver on a real Xen: libxl behaves in ways of its own, and none of it reaches the caller."""

from __future__ import annotations

import pytest
from outside import domains, end, make_stranger, volumes
from watched import endpoint, greeting
from xen_host import until

from trainbot.core.errors import BackendError
from trainbot.model.host import Domain, DomainState, GuestType

pytestmark = pytest.mark.xen


def test_strangers_are_not_seen_and_not_touched(first, drivers, tiny):
    """Domain-0 and domains that are not ours, even with our labs' names, are in no report, and run on whatever is asked
    for them; a lab whose name one of them has is refused with a sentence."""
    strangers = {tiny(1).name: tiny(11).id, tiny(2).name: tiny(12).id}
    for (name, id), owner in zip(strangers.items(), (None, "another"), strict=True):
        make_stranger(first, name, id, owner)
    before = domains(first)
    assert set(before) == set(strangers) and -1 not in before.values()
    for uri in (first.tcp, first.ssh_uri):
        report = drivers(uri).report()
        assert report.domains == ()
        assert report.hypervisor.startswith("Xen 4.17.")
        assert report.memory_mib > report.free_mib > 0 and report.cpus == 1
    driver = drivers(first.tcp)
    for number, id in enumerate(strangers.values(), 1):
        with pytest.raises(BackendError, match=f"another domain called lab-tiny-{number}"):
            driver.make(tiny(number))
        spec = tiny(3, id=id)
        for action, argument in (("make", spec), ("reset", spec), ("reboot", id), ("destroy", id)):
            with pytest.raises(BackendError, match="not touched"):
                getattr(driver, action)(argument)
    assert domains(first) == before
    assert volumes(first) == []


def test_the_life_of_a_lab(first, drivers, tiny):
    """A lab runs as it was asked for, making it again changes nothing, a reboot keeps its disk, a reset does not but
    keeps its address, and destroying it, twice, leaves neither a domain nor a volume."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PVH)
    made = driver.make(spec)
    assert (made.id, made.name, made.state) == (spec.id, spec.name, DomainState.RUNNING)
    assert greeting(first, driver, spec.id) == "PVH boots=1"
    address, running = endpoint(driver, spec.id), domains(first)
    assert driver.make(spec) == Domain(spec.id, spec.name, DomainState.RUNNING, address, str(running[spec.name]))
    assert domains(first) == running
    driver.reboot(spec.id)
    assert greeting(first, driver, spec.id).endswith("boots=2")
    driver.reset(spec)
    assert greeting(first, driver, spec.id).endswith("boots=1")
    assert endpoint(driver, spec.id) == address
    driver.destroy(spec.id)
    driver.destroy(spec.id)
    assert driver.report().domains == ()
    assert domains(first) == {} and volumes(first) == []


@pytest.mark.parametrize("guest", list(GuestType))
def test_no_room(first, drivers, tiny, guest):
    """Where Xen has given out its memory, the sentence says how much there is and how much it would need, and nothing
    of the lab stays."""
    driver = drivers(first.tcp)
    with pytest.raises(BackendError, match=r"rack has \d+ MiB free and lab-tiny-1 needs 3000"):
        driver.make(tiny(guest=guest, memory_mib=3000))
    assert domains(first) == {} and volumes(first) == []


def test_what_happens_to_a_lab(first, drivers, tiny):
    """A lab that reboots from inside runs on, one whose kernel panicked is reported as crashed and is started again on
    its own disk by make, and one that somebody else ended is reported as off."""
    driver, spec = drivers(first.ssh_uri), tiny(guest=GuestType.PV)
    driver.make(spec)
    assert greeting(first, driver, spec.id) == "PV boots=1"
    before = domains(first)

    def state():
        return driver.report().domains[0].state

    first.ssh(f"xl reboot {spec.name}")
    until(lambda: domains(first) != before and state() is DomainState.RUNNING, "it runs under another number")
    assert greeting(first, driver, spec.id) == "PV boots=2"
    first.ssh(f"xl sysrq {spec.name} c")
    until(lambda: state() is DomainState.CRASHED, "the lab has crashed")
    driver.make(spec)
    assert greeting(first, driver, spec.id) == "PV boots=3"
    end(first, spec.name)
    assert state() is DomainState.OFF
