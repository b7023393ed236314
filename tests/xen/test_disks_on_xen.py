"""Snapshots, rollbacks and full disks on a real Xen: what the lab itself sees of its disk."""

from __future__ import annotations

import re
import time
from pathlib import Path

import libvirt
import pytest
from outside import connected, domains, volumes
from watched import greeting

from trainbot.adapters.hosts.domain_xml import domain_from_xml
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.model.host import DomainState, GuestType, HostConfig
from trainbot.ops.host_setup.facts import facts_script, read
from trainbot.ops.host_setup.plan import plan
from trainbot.ops.host_setup.state import DesiredState, SetupStep

pytestmark = pytest.mark.xen


def boots(host, driver, spec) -> int:
    """How often the disk that the lab has was booted, as it counts on that disk."""
    return int(greeting(host, driver, spec.id).rpartition("=")[2])


@pytest.mark.xenlong
def test_back_to_a_snapshot(first, drivers, tiny):
    """A snapshot keeps the disk with what was written until then, a rollback gives it back as often as it is asked for,
    a reset forgets all, and each is another boot of the lab."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PV)
    runs = [driver.make(spec).run]
    assert boots(first, driver, spec) == 1
    with pytest.raises(NoSuchThing, match="no snapshot"):
        driver.rollback(spec)
    assert domains(first)[spec.name] == int(runs[0])
    runs.append(driver.snapshot(spec).run)
    assert boots(first, driver, spec) == 2
    for _ in range(2):
        runs.append(driver.rollback(spec).run)
        assert boots(first, driver, spec) == 2
    assert volumes(first) == [f"{spec.id}.1.qcow2", f"{spec.id}.qcow2"]
    driver.reset(spec)
    assert boots(first, driver, spec) == 1
    assert volumes(first) == [f"{spec.id}.qcow2"]
    assert len(set(runs)) == len(runs) and "" not in runs


def test_what_is_kept_is_not_written(first, drivers, tiny):
    """The file that a snapshot keeps is the same, byte for byte, after the lab has booted and been rolled back; and
    every level says what it stands on, and in which format."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PV)
    driver.make(spec)
    assert boots(first, driver, spec) == 1
    driver.snapshot(spec)
    driver.snapshot(spec)
    kept = f"/var/lib/libvirt/trainbot/{spec.id}"
    before = first.ssh(f"sha256sum {kept}.qcow2 {kept}.1.qcow2")
    driver.rollback(spec)
    assert boots(first, driver, spec) > 1
    assert first.ssh(f"sha256sum {kept}.qcow2 {kept}.1.qcow2") == before
    said = first.ssh(f"qemu-img info -U --backing-chain {kept}.2.qcow2 | grep 'backing file format'").splitlines()
    assert [line.split()[-1] for line in said] == ["qcow2", "qcow2", "raw"]


def test_cut_off_in_a_rollback(first, drivers, tiny):
    """Killed between taking the top disk away and the fresh one, the lab is off without it: the next make gives it what
    the snapshot kept."""
    driver, spec = drivers(first.tcp), tiny(guest=GuestType.PV)
    driver.make(spec)
    assert boots(first, driver, spec) == 1
    driver.snapshot(spec)
    report = drivers(first.tcp).report()
    assert (
        report.domains[0].disk is not None and 0 < report.domains[0].disk.written_mib <= report.domains[0].disk.size_mib
    )
    assert report.disk_mib > report.disk_free_mib > 0
    with connected(first) as connection:
        handle = connection.lookupByName(spec.name)
        handle.destroy()
        disk = domain_from_xml(handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).disk
        connection.storageVolLookupByPath(str(disk)).delete()
    driver.make(spec)
    assert boots(first, driver, spec) == 2


def test_a_quota_of_the_host(doomed):
    """On XFS with prjquota, host prepare's step limits the labs' folder: what is written there ends at the limit, a tenth of
    the file system stays for the host, and the step has nothing more to do."""
    folder = Path("/srv/xfs/labs")
    doomed.ssh("truncate -s 1G /srv/xfs.img && mkfs.xfs -q /srv/xfs.img && mkdir -p /srv/xfs")
    doomed.ssh(f"mount -o loop,prjquota /srv/xfs.img /srv/xfs && mkdir {folder}")
    wanted = DesiredState(HostConfig("xen1", "xen:///system", folder=folder), "", None, (), time.time())

    def step() -> SetupStep:
        facts = read(doomed.ssh(facts_script(wanted)))
        return next(step for step in plan(facts, wanted) if step.name == "disk quota")

    before = step()
    assert before.due and before.now == "labs may fill all of it"
    doomed.ssh(before.script)
    after = step()
    limit = int(re.fullmatch(r"labs may fill (\d+) of (\d+) MiB", after.now)[1])
    assert not after.due and 800 < limit < 1000
    doomed.ssh(f"head -c 2G /dev/zero > {folder}/lab.qcow2 || true")
    assert limit - 2 <= int(doomed.ssh(f"stat -c %s {folder}/lab.qcow2")) >> 20 <= limit
    doomed.ssh("head -c 50M /dev/zero > /srv/xfs/the-hosts-own && umount /srv/xfs && rm /srv/xfs.img")


def test_a_full_disk(doomed, drivers, tiny):
    """Where the host's disk is full, no lab is made and nothing of it stays, a snapshot leaves the lab running on the
    disk that it had, and the sentence says what is full and what to do."""
    doomed.ssh("mount -t tmpfs -o size=600k,mode=711 none /var/lib/libvirt/images")
    doomed.ssh("mkdir -p /var/lib/libvirt/trainbot && mount --bind /var/lib/libvirt/images /var/lib/libvirt/trainbot")
    driver, spec = drivers(doomed.tcp), tiny(guest=GuestType.PV)
    driver.make(spec)
    assert boots(doomed, driver, spec) == 1
    assert driver.report().disk_free_mib == 0
    doomed.ssh("head -c 1M /dev/zero > /var/lib/libvirt/trainbot/ballast || true")
    with pytest.raises(BackendError, match="the disk of rack is full: return labs there"):
        driver.snapshot(spec)
    assert [domain.state for domain in driver.report().domains] == [DomainState.RUNNING]
    with pytest.raises(BackendError, match="the disk of rack is full"):
        driver.make(tiny(2))
    assert set(domains(doomed)) == {spec.name}
    doomed.ssh("rm /var/lib/libvirt/trainbot/ballast")
    assert boots(doomed, driver, spec) == 2
    assert volumes(doomed) == [f"{spec.id}.qcow2"]
