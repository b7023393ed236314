from __future__ import annotations

import json
import subprocess
from pathlib import Path

import libvirt
import pytest

from trainbot.adapters.hosts.disks import LocalOverlays, PoolVolumes, disk_format, level_of, whole
from trainbot.adapters.hosts.pools import POOL, overlay_xml, pool_xml
from trainbot.core.errors import BackendError, NoSuchThing

ID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "disk.img"
    with base.open("wb") as file:
        file.truncate(8 << 20)
    return base


def about(path):
    return json.loads(subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True).stdout)


def test_an_overlay_stands_on_its_image(base, tmp_path):
    """A lab's disk is as large as its image's and holds nothing of its own; the image is named with its format, so
    that nothing has to be guessed from bytes that a guest wrote."""
    overlay = LocalOverlays(tmp_path / "labs").create(ID, base)
    found = about(overlay)
    assert (found["format"], found["virtual-size"]) == ("qcow2", 8 << 20)
    assert (found["backing-filename"], found["backing-filename-format"]) == (str(base), "raw")


def test_a_fresh_overlay_each_time(base, tmp_path):
    """Creating it again gives an empty one, and leaves the old file to whoever has it open."""
    overlays = LocalOverlays(tmp_path / "labs")
    overlay = overlays.create(ID, base)
    with overlay.open("r+b") as old:
        old.write(b"what a learner did")
        old.flush()
        assert overlays.create(ID, base) == overlay
        assert overlay.stat().st_ino != Path(f"/proc/self/fd/{old.fileno()}").stat().st_ino
    assert about(overlay)["format"] == "qcow2"


def test_remove_is_safe_to_repeat(base, tmp_path):
    """A disk that is not there is no error, nor a folder that is not."""
    overlays = LocalOverlays(tmp_path / "labs")
    overlays.remove(ID)
    overlay = overlays.create(ID, base)
    overlays.remove(ID)
    overlays.remove(ID)
    assert not overlay.exists() and base.exists()


def test_no_image(tmp_path):
    """An image that was not built is said to be that."""
    with pytest.raises(NoSuchThing, match="build the image first"):
        LocalOverlays(tmp_path).create(ID, tmp_path / "disk.img")


def test_no_folder(base, tmp_path):
    """Where no disk can be made, the sentence names the folder."""
    with pytest.raises(BackendError, match="disk.img"):
        LocalOverlays(base / "labs").create(ID, base)


def test_no_qemu_img(base, tmp_path, monkeypatch):
    """Where qemu-img is missing, the sentence says how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendError, match="apt install qemu-utils"):
        LocalOverlays(tmp_path / "labs").create(ID, base)


def test_the_format_is_told_by_the_name():
    """Never probed: a raw disk whose first bytes a guest wrote could claim to be something else."""
    assert (disk_format(Path("a.img")), disk_format(Path("a.qcow2"))) == ("raw", "qcow2")


def test_volumes_on_a_remote_host(tmp_path):
    """On a host reached through libvirt, the pool is made when it is missing, a lab has one volume, and removing it
    again is no error."""
    connection = libvirt.open("test:///default")
    volumes = PoolVolumes(connection, tmp_path)
    path = volumes.create(ID, Path("/srv/images/disk.qcow2"))
    assert path.name == f"{ID}.qcow2"
    assert volumes.create(ID, Path("/srv/images/disk.qcow2")) == path
    pool = connection.storagePoolLookupByName("trainbot")
    assert pool.listVolumes() == [f"{ID}.qcow2"]
    pool.createXML(overlay_xml(f"{ID}.qcow2.kept", Path("/x"), "raw"))
    assert volumes.extend(ID, 1).name == f"{ID}.1.qcow2"
    assert volumes.extend(ID, 2).name == volumes.extend(ID, 2).name == f"{ID}.2.qcow2"
    assert volumes.levels(ID) == {0, 1, 2}
    with pytest.raises(BackendError, match="is missing: !lab reset"):
        volumes.extend(ID, 4)
    volumes.remove(ID, 2)
    assert volumes.levels(ID) == {0, 1}
    volumes.remove(ID)
    volumes.remove(ID)
    assert pool.listVolumes() == [f"{ID}.qcow2.kept"]
    pool.listAllVolumes()[0].delete()
    pool.destroy()
    pool.undefine()
    connection.close()


def test_storage_xml_is_built_from_values():
    """Paths of any kind stand in the XML as text."""
    assert "<path>/a&lt;b&amp;c</path>" in overlay_xml("x", Path("/a<b&c"), "raw")
    assert "<path>/a&lt;b&amp;c</path>" in pool_xml(POOL, Path("/a<b&c"))
    with pytest.raises(BackendError, match="absolute"):
        pool_xml(POOL, Path("labs"))


def test_levels_stand_on_each_other(base, tmp_path):
    """Each level is empty and names the one below with its format; that one is not written to; making a level again
    gives a fresh file; all go with the lab."""
    overlays = LocalOverlays(tmp_path / "labs")
    first = overlays.create(ID, base)
    kept = first.read_bytes()
    second = overlays.extend(ID, 1)
    third = overlays.extend(ID, 2)
    assert [about(path)["backing-filename"] for path in (second, third)] == [str(first), str(second)]
    assert {about(path)["backing-filename-format"] for path in (second, third)} == {"qcow2"}
    with third.open("rb") as old:
        assert overlays.extend(ID, 2) == third
        assert third.stat().st_ino != Path(f"/proc/self/fd/{old.fileno()}").stat().st_ino
    assert first.read_bytes() == kept
    assert overlays.levels(ID) == {0, 1, 2}
    overlays.remove(ID, 2)
    assert overlays.levels(ID) == {0, 1}
    assert overlays.create(ID, base) == first and overlays.levels(ID) == {0}
    overlays.remove(ID)
    assert list((tmp_path / "labs").iterdir()) == []


def test_a_level_needs_the_one_below(base, tmp_path):
    """Where the disk that it would stand on is gone, none is made, and nothing is left of the try."""
    overlays = LocalOverlays(tmp_path / "labs")
    overlays.create(ID, base)
    with pytest.raises(BackendError, match="cannot create the lab's disk"):
        overlays.extend(ID, 2)
    assert overlays.levels(ID) == {0} and len(list((tmp_path / "labs").iterdir())) == 1


@pytest.mark.parametrize(
    ("disk", "level"),
    [(None, 0), (Path(f"/a/{ID}.qcow2"), 0), (Path(f"/a/{ID}.8.qcow2"), 8), (Path(f"/a/{ID}.12.qcow2"), 12)],
)
def test_the_name_says_the_level(disk, level):
    """A domain's disk says by its name how many snapshots the lab has."""
    assert level_of(ID, disk) == level


@pytest.mark.parametrize("name", ["disk.img", f"{ID}.0.qcow2", f"{ID}.qcow2.bak", f"{ID}..qcow2", f"x{ID}.qcow2"])
def test_a_disk_that_is_not_ours(name):
    """A disk that trainbot did not give the lab is neither extended nor replaced."""
    with pytest.raises(BackendError, match="!lab reset"):
        level_of(ID, Path("/a") / name)


def test_what_a_kill_leaves_is_told_apart():
    """Without its top level a lab was being rolled back; without its first it was being reset."""
    assert whole(0, frozenset({0})) and whole(2, frozenset({0, 1, 2})) and whole(2, frozenset({0, 1}))
    assert whole(0, frozenset({0, 1}))
    assert not whole(0, frozenset()) and not whole(2, frozenset({1, 2})) and not whole(2, frozenset({0}))
