"""The driver on a real libvirtd with its QEMU driver: how labs run there, and what becomes of their disks.  Labs need not
boot for that."""

from __future__ import annotations

import re

import pytest

from tests.kvm.conftest import Rack
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.model.host import DomainState

pytestmark = pytest.mark.kvm


@pytest.fixture(autouse=True)
def emptied(rack: Rack):
    yield
    driver = rack.driver()
    for domain in driver.report().domains:
        driver.destroy(domain.id)
    driver.close()


def qemu(rack: Rack, name: str) -> tuple[str, str]:
    """The lab's process: its command line, and its status in /proc."""
    pid = rack.host.ssh(f"cat /run/libvirt/qemu/{name}.pid")
    return rack.host.ssh(f"tr '\\0' ' ' </proc/{pid}/cmdline"), rack.host.ssh(f"cat /proc/{pid}/status")


def test_a_lab_is_shut_in(rack: Rack) -> None:
    """QEMU is not root, has no capability, may not start programs, and has neither graphics nor USB nor a balloon; the disk's
    rate is limited, the card is on the labs' bridge under its slot's name and address, kernel and initrd are the host's; and
    the image that all labs start from is not QEMU's to write."""
    driver, spec = rack.driver(disk_rate=7), rack.lab(2, vcpus=2)
    images = f"stat -c '%U %a %s %n' {rack.config.images}/*"
    before = rack.host.ssh(images)
    made = driver.make(spec)
    assert (made.state, made.endpoint) == (DomainState.RUNNING, ("10.77.0.3", 22))
    line, status = qemu(rack, spec.name)
    facts = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
    assert set(facts["Uid"].split()) == {rack.host.ssh("id -u libvirt-qemu")}
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny" in line
    assert "-accel tcg" in line and "-cpu max" in line and "no_timer_check" in line  # its /dev/kvm is not there
    assert "-display none" in line and f"-kernel {spec.kernel} -initrd {spec.initrd}" in line
    for unwanted in ("vnc", "spice", "VGA", "usb-", "uhci", "xhci", "balloon", "vhost", "kvm=", "vmport=on"):
        assert unwanted not in line, line
    assert '"mac":"00:16:3e:74:00:02"' in line and '"romfile":""' in line
    assert rack.host.ssh("ls /sys/class/net/tb-labs/brif") == "tb2"
    assert "total_bytes_sec: 7340032" in rack.host.ssh(
        f"virsh -c qemu:///system blkdeviotune {spec.name} vda | tr -s ' '"
    )
    assert rack.host.ssh(images) == before
    assert rack.disks() == [f"libvirt-qemu 600 {spec.id}.qcow2"]
    driver.close()


def test_the_life_of_a_lab(rack: Rack) -> None:
    """Snapshots keep what was written, a rollback gives it back, a reset forgets all, each is another run; made again, nothing
    changes; destroyed, twice, nothing is left."""
    driver, spec = rack.driver(), rack.lab(1)
    runs = [driver.make(spec).run]
    assert driver.make(spec).run == runs[0]
    with pytest.raises(NoSuchThing, match="no snapshot"):
        driver.rollback(spec)
    driver.pause(spec.id)
    assert [domain.run for domain in driver.report().domains] == runs
    driver.resume(spec.id)
    runs.append(driver.snapshot(spec).run)
    kept = rack.host.ssh(f"sha256sum {rack.config.folder}/{spec.id}.qcow2")
    runs.append(driver.rollback(spec).run)
    assert rack.host.ssh(f"sha256sum {rack.config.folder}/{spec.id}.qcow2") == kept
    assert rack.disks() == [f"libvirt-qemu 600 {spec.id}{level}.qcow2" for level in (".1", "")]
    driver.reboot(spec.id)
    runs += [domain.run for domain in driver.report().domains]
    runs.append(driver.reset(spec).run)
    assert rack.disks() == [f"libvirt-qemu 600 {spec.id}.qcow2"]
    assert len(set(runs)) == len(runs) and "" not in runs
    driver.destroy(spec.id)
    driver.destroy(spec.id)
    assert driver.report().domains == () and rack.disks() == []
    driver.close()


def test_what_is_promised_is_not_free(rack: Rack) -> None:
    """A lab that was just made has touched little of its memory, and yet all of it is taken; strangers' machines count as
    well, and are not reported."""
    driver = rack.driver()
    before = driver.report()
    driver.make(rack.lab(1, memory_mib=before.free_mib // 2))
    stranger = rack.lab(2, memory_mib=before.free_mib // 4, owner="somebody-else")
    with pytest.raises(BackendError, match="another installation"):
        driver.make(stranger)
    after = driver.report()
    assert after.memory_mib - after.free_mib >= before.free_mib // 2
    assert [domain.name for domain in after.domains] == ["lab-debian-1"]
    driver.close()


def test_a_libvirtd_that_dies_and_labs_that_live(rack: Rack) -> None:
    """Labs outlive libvirtd; the next one has them, with the numbers that they had."""
    driver, spec = rack.driver(), rack.lab(1)
    run = driver.make(spec).run
    before = rack.host.ssh(f"cat /run/libvirt/qemu/{spec.name}.pid")
    rack.host.ssh("systemctl kill --kill-who=main -s KILL libvirtd; systemctl restart libvirtd")
    again = rack.driver()
    assert [(domain.run, domain.state) for domain in again.report().domains] == [(run, DomainState.RUNNING)]
    assert rack.host.ssh(f"cat /run/libvirt/qemu/{spec.name}.pid") == before
    again.close()


def test_kvm_that_is_not_there(rack: Rack) -> None:
    """bot.ini may say that KVM works; where it does not, the sentence says what to do, and nothing of the lab stays."""
    driver = rack.driver(kvm=True)
    with pytest.raises(BackendError, match="kvm1 has no hardware virtualisation that QEMU can use: .* kvm = no"):
        driver.make(rack.lab(1))
    assert driver.report().domains == () and rack.disks() == []
    driver.close()


def test_a_full_disk(rack: Rack) -> None:
    """Where the host's disk is full, no lab is made, nothing of it stays, and the sentence says what is full."""
    rack.host.ssh(f"mount -t tmpfs -o size=64k,mode=711 none {rack.config.folder}")
    try:
        driver = rack.driver()
        with pytest.raises(BackendError, match="the disk of kvm1 is full"):
            driver.make(rack.lab(1))
        assert driver.report().domains == () and rack.disks() == []
        driver.close()
    finally:
        rack.host.ssh(f"umount {rack.config.folder}")
