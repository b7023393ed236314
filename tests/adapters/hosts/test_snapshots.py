"""Snapshots and rollbacks of labs on libvirt's test driver, with real overlays made by qemu-img; we are killed at
every point in between."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import libvirt
import pytest
from paper_host import paper_host

from trainbot.adapters.hosts.disks import MOST_LEVELS, LocalOverlays
from trainbot.adapters.hosts.domain_xml import domain_from_xml
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.model.host import DomainState, HostConfig


class Killed(BaseException):
    """Nothing of ours runs after it, as after kill -9."""


class Rack:
    """A driver, its host and its disks."""

    def __init__(self, folder: Path, uri: str, owner: str, spec) -> None:
        self.folder, self.spec = folder / "labs", spec
        self.driver = LibvirtDriver(HostConfig("paper", uri), owner)
        self.driver.open()
        self.disks = self.driver._storage.disks = LocalOverlays(self.folder)
        self.connection = self.driver._link.connection

    @property
    def lab(self):
        return self.connection.lookupByUUIDString(self.spec.id)

    @property
    def disk(self) -> str:
        """That the lab has now, without its id."""
        ours = domain_from_xml(self.lab.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        return ours.disk.name.removeprefix(self.spec.id)

    def write(self, text: bytes) -> None:
        """As the lab would: into the disk that it has."""
        path = self.folder / f"{self.spec.id}{self.disk}"
        subprocess.run(
            ["qemu-io", "-f", "qcow2", "-c", f"write -P {text[0]} 0 512", path], check=True, capture_output=True
        )

    def read(self) -> bytes:
        """The first byte that the lab sees."""
        path = self.folder / f"{self.spec.id}{self.disk}"
        command = ["qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=512", "count=1", f"if={path}"]
        done = subprocess.run([*command, f"of={self.folder.parent}/seen"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return (self.folder.parent / "seen").read_bytes()[:1]

    def runs(self) -> bool:
        return self.driver.report().domains[0].state is DomainState.RUNNING

    def files(self) -> list[str]:
        return sorted(path.name.removeprefix(self.spec.id) for path in self.folder.iterdir())


@pytest.fixture
def rack(tmp_path, owner, lab_spec):
    base = tmp_path / "disk.img"
    base.write_bytes(bytes(1 << 20))
    rack = Rack(tmp_path, paper_host(tmp_path), owner, lab_spec(disk=base))
    rack.driver.make(rack.spec)
    yield rack
    rack.driver.close()


def test_back_to_what_was_kept(rack):
    """After a rollback the lab has the disk that the last snapshot kept, as often as it likes, and what it wrote since
    is gone; after a reset it has its image's, and nothing of the rest is left."""
    rack.write(b"a")
    rack.driver.snapshot(rack.spec)
    assert rack.runs() and rack.read() == b"a"
    rack.write(b"b")
    rack.driver.snapshot(rack.spec)
    for _ in range(2):
        rack.write(b"c")
        rack.driver.rollback(rack.spec)
        assert rack.runs() and rack.read() == b"b"
    assert rack.files() == [".1.qcow2", ".2.qcow2", ".qcow2"]
    rack.driver.reset(rack.spec)
    assert rack.read() == b"\0" and rack.files() == [".qcow2"]
    rack.driver.destroy(rack.spec.id)
    assert rack.files() == []


def test_what_is_kept_is_never_written(rack):
    """The disk that a snapshot kept stays as it is, byte for byte, whatever the lab does."""
    rack.write(b"a")
    kept = (rack.folder / f"{rack.spec.id}.qcow2").read_bytes()
    rack.driver.snapshot(rack.spec)
    rack.write(b"b")
    rack.driver.rollback(rack.spec)
    rack.driver.snapshot(rack.spec)
    rack.driver.reboot(rack.spec.id)
    rack.driver.make(rack.spec)
    assert (rack.folder / f"{rack.spec.id}.qcow2").read_bytes() == kept


def test_formats_are_never_guessed(rack):
    """Each level names what it stands on with its format: a guest's bytes are never asked."""
    rack.driver.snapshot(rack.spec)
    rack.driver.snapshot(rack.spec)
    path = rack.folder / f"{rack.spec.id}.2.qcow2"
    said = json.loads(
        subprocess.run(
            ["qemu-img", "info", "--backing-chain", "--output=json", path], check=True, capture_output=True
        ).stdout
    )
    assert [level.get("backing-filename-format") for level in said] == ["qcow2", "qcow2", "raw", None]


def test_a_lab_without_a_snapshot(rack):
    """There is nothing to go back to, which is said with what makes one; the lab runs on untouched."""
    number = rack.lab.ID()
    with pytest.raises(NoSuchThing, match="no snapshot: !lab snapshot makes one"):
        rack.driver.rollback(rack.spec)
    assert rack.lab.ID() == number


@pytest.mark.parametrize("action", ["snapshot", "rollback"])
def test_no_lab_at_all(rack, lab_spec, action):
    """A lab that is not there is said to be that."""
    with pytest.raises(NoSuchThing, match="does not have this lab"):
        getattr(rack.driver, action)(lab_spec(2))


def test_so_many_are_the_most(rack):
    """One too many is refused with the way out, and the lab runs on without having been turned off."""
    for _ in range(MOST_LEVELS):
        rack.driver.snapshot(rack.spec)
    number = rack.lab.ID()
    with pytest.raises(BackendError, match="8 snapshots are the most: !lab reset starts over"):
        rack.driver.snapshot(rack.spec)
    assert rack.lab.ID() == number
    rack.driver.reset(rack.spec)
    rack.driver.snapshot(rack.spec)


def test_no_room_for_a_snapshot(rack, monkeypatch):
    """Where the host's disk is full, the lab runs again on the disk that it had, and the reason is said."""
    rack.write(b"a")

    def full(_id, _level):
        raise BackendError("no space left")

    monkeypatch.setattr(rack.disks, "extend", full)
    with pytest.raises(BackendError, match="no space left"):
        rack.driver.snapshot(rack.spec)
    assert rack.runs() and rack.disk == ".qcow2" and rack.read() == b"a"


def test_no_room_for_a_rollback(rack, monkeypatch):
    """Where the host's disk is full, the lab runs again on the disk that it had, and the reason is said; where that was
    gone already, it is tried once more, and what the snapshot kept is safe."""
    rack.write(b"a")
    rack.driver.snapshot(rack.spec)
    rack.write(b"b")
    extend, tries = rack.disks.extend, []

    def full(id, level):
        tries.append(level)
        if len(tries) != 3:
            raise BackendError("no space left")
        return extend(id, level)

    monkeypatch.setattr(rack.disks, "extend", full)
    with pytest.raises(BackendError, match="no space left"):
        rack.driver.rollback(rack.spec)
    assert rack.runs() and rack.read() == b"b" and tries == [1]
    stop = rack.driver._power.stop
    monkeypatch.setattr(rack.driver._power, "stop", lambda handle: (stop(handle), rack.disks.remove(rack.spec.id, 1)))
    with pytest.raises(BackendError, match="no space left"):
        rack.driver.rollback(rack.spec)
    assert rack.runs() and rack.read() == b"a" and tries == [1, 1, 1]


def test_a_snapshot_that_cannot_start(rack, monkeypatch):
    """Where the host refuses to start the lab on its new disk, it runs again on the one it had."""
    rack.write(b"a")
    start, tries = libvirt.virDomain.create, []

    def refuse_once(handle):
        tries.append(rack.disk)
        if len(tries) == 1:
            raise libvirt.libvirtError("no memory")
        return start(handle)

    monkeypatch.setattr(libvirt.virDomain, "create", refuse_once)
    with pytest.raises(BackendError, match="snapshot of lab-debian-1"):
        rack.driver.snapshot(rack.spec)
    assert tries == [".1.qcow2", ".qcow2"]
    assert rack.runs() and rack.read() == b"a"
    rack.driver.snapshot(rack.spec)
    assert rack.disk == ".1.qcow2"


AFTER = ("make", "snapshot", "rollback", "reset", "destroy")


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("doing", ["snapshot", "rollback", "reset"])
def test_killed_at_every_point(rack, monkeypatch, doing, after):
    """Wherever a snapshot, a rollback or a reset is cut off, whatever is asked next ends well: a lab that runs on a
    disk whose levels are all there, or nothing; what the first snapshot kept is never written, but for the resets."""
    driver, spec = rack.driver, rack.spec
    for point in range(20):
        driver.destroy(spec.id)
        driver.make(spec)
        rack.write(b"a")
        driver.snapshot(spec)
        rack.write(b"b")
        kept = (rack.folder / f"{spec.id}.qcow2").read_bytes()
        with monkeypatch.context() as patched:
            _cut(patched, point)
            try:
                getattr(driver, doing)(spec)
                done = True
            except Killed:
                done = False
        reached = rack.files(), rack.lab.isActive()
        with contextlib.suppress(*[NoSuchThing] if (doing, after) == ("reset", "rollback") else []):
            getattr(driver, after)(*([spec.id] if after == "destroy" else [spec]))
        if after == "destroy":
            assert rack.files() == [] and driver.report().domains == (), reached
        else:
            assert rack.runs(), reached
            assert rack.read() in (b"\0", b"a", b"b"), reached
            if after == "rollback" and doing != "reset":
                assert rack.read() in (b"a", b"b"), reached
            if after == "reset":
                assert rack.read() == b"\0" and rack.files() == [".qcow2"], reached
            if "reset" not in (doing, after):
                assert (rack.folder / f"{spec.id}.qcow2").read_bytes() == kept, reached
                assert rack.disk != ".qcow2", reached  # it would be written to from now on
        if done:
            break
    else:
        raise AssertionError("it has more points than were tried")
    assert point > 2


def _cut(patched, point: int) -> None:
    """Killed before the point-th of the calls that change anything, and after it nothing is done any more."""
    calls = iter(range(100))

    def cut(call):
        def instead(subject, *arguments, **options):
            if (not isinstance(subject, Path) or subject.exists()) and next(calls) == point:
                raise Killed
            return call(subject, *arguments, **options)

        return instead

    for owner, names in (
        (libvirt.virDomain, ("destroy", "create")),
        (libvirt.virConnect, ("defineXML",)),
        (Path, ("unlink", "replace")),
    ):
        for name in names:
            patched.setattr(owner, name, cut(getattr(owner, name)))
