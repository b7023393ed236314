"""Disks that lie: about their size, about other files, about what they unpack to.  Nothing of them is left."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing import disk
from trainbot.images.importing.disk import DiskError, as_raw_disk

MIB = 1 << 20


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A disk of 40 MiB with a GPT, whose partition reaches to its end, and 8 MiB of noise in it."""
    path = tmp_path / "raw"
    with path.open("wb") as file:
        file.truncate(40 * MIB)
    subprocess.run(["sfdisk", "-q", path], input="label: gpt\nstart=2048\n", text=True, check=True, env=environment())
    with path.open("r+b") as file:
        file.seek(20 * MIB)
        file.write(os.urandom(8 * MIB))
    return path


def qemu_img(*words: object) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True)


def qcow2(raw: Path, to: Path, *options: str) -> Path:
    qemu_img("convert", "-f", "raw", "-O", "qcow2", *options, raw, to)
    return to


def refused(path: Path, tmp_path: Path, kind: type[BackendError] = DiskError) -> str:
    """One sentence; what is left is for ``workplace`` to remove."""
    (tmp_path / "work").mkdir(exist_ok=True)
    with pytest.raises(kind) as raised:
        as_raw_disk(path, tmp_path / "work", BuildLog(tmp_path / "log"), Silent())
    assert "\n" not in str(raised.value)
    return str(raised.value)


def patched(path: Path, at: int, value: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(value)
    return path


@pytest.mark.parametrize(
    "options", [(), ("-c",), ("-o", "compat=0.10"), ("-o", "cluster_size=512"), ("-o", "extended_l2=on")]
)
def test_every_kind_of_qcow2_is_unpacked(raw: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Compressed, of the first version, with the smallest clusters, with subclusters."""
    (tmp_path / "work").mkdir()
    made = as_raw_disk(qcow2(raw, tmp_path / "q", *options), tmp_path / "work", BuildLog(tmp_path / "log"), Silent())
    assert made.read_bytes() == raw.read_bytes()


@pytest.mark.parametrize("options", [(), ("-c",), ("-o", "compat=0.10")])
@pytest.mark.parametrize("cut", [1, 3, 7])
def test_a_qcow2_that_is_cut_short_is_refused(raw: Path, tmp_path: Path, options: tuple[str, ...], cut: int) -> None:
    """qemu-img would read zeros for what is missing, and a lab would find holes in its files."""
    made = qcow2(raw, tmp_path / "q", *options)
    os.truncate(made, made.stat().st_size - cut * MIB)
    assert "is damaged or cut short" in refused(made, tmp_path)


@pytest.mark.parametrize("left", [4, 20, 71, 104, 512, 70_000, 200_000])
def test_little_of_a_qcow2_is_refused(raw: Path, tmp_path: Path, left: int) -> None:
    """However early a download ended."""
    made = qcow2(raw, tmp_path / "q")
    os.truncate(made, left)
    assert "the qcow2 file is damaged" in refused(made, tmp_path)


def test_a_disk_that_ends_before_its_partitions_is_refused(raw: Path, tmp_path: Path) -> None:
    """Raw, as qcow2 that says less than it has, compressed; GPT and MBR."""
    os.truncate(raw, 36 * MIB)
    said = "the disk is cut short: its partitions reach to 40 MiB, but it has 36: download it again"
    assert refused(raw, tmp_path) == said
    assert refused(qcow2(raw, tmp_path / "q"), tmp_path) == said
    (tmp_path / "raw.gz").write_bytes(gzip.compress(raw.read_bytes(), 1))
    assert refused(tmp_path / "raw.gz", tmp_path) == said
    entry = struct.pack("<B3sB3sII", 0x80, b"", 0x83, b"", 2048, 80 * 2048)
    patched(patched(raw, 446, entry), 512, bytes(512))
    assert "its partitions reach to 81 MiB, but it has 36" in refused(raw, tmp_path)


def test_a_disk_may_be_larger_than_its_partitions(raw: Path, tmp_path: Path) -> None:
    """Clouds enlarge disks; the second copy of the table is then in the middle."""
    os.truncate(raw, 50 * MIB)
    (tmp_path / "work").mkdir()
    assert as_raw_disk(raw, tmp_path / "work", BuildLog(tmp_path / "log"), Silent()).stat().st_size == 50 * MIB


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (4, struct.pack(">I", 1), "is damaged"),
        (4, struct.pack(">I", 4), "is damaged"),
        (8, struct.pack(">QI", 4096, 11), "refers to another file"),
        (8, struct.pack(">QI", 1 << 63, 11), "refers to another file"),
        (20, struct.pack(">I", 8), "is damaged"),
        (20, struct.pack(">I", 63), "is damaged"),
        (24, struct.pack(">Q", 1 << 50), "which is too large"),
        (24, struct.pack(">Q", (1 << 64) - 1), "which is too large"),
        (24, struct.pack(">Q", 0), "the disk is empty"),
        (32, struct.pack(">I", 1), "is encrypted"),
        (32, struct.pack(">I", 2), "is encrypted"),
        (36, struct.pack(">I", 0), "is damaged"),
        (36, struct.pack(">I", (1 << 32) - 1), "is damaged"),
        (40, struct.pack(">Q", 1 << 40), "is damaged"),
        (48, struct.pack(">Q", 0), "is damaged"),
        (72, struct.pack(">Q", 1 << 1), "is damaged"),
        (72, struct.pack(">Q", 1 << 2), "refers to another file"),
        (72, struct.pack(">Q", 1 << 60), "is damaged"),
        (100, struct.pack(">I", 1), "is damaged"),
    ],
)
def test_a_header_that_lies_is_refused(raw: Path, tmp_path: Path, at: int, value: bytes, words: str) -> None:
    """Version, backing file, cluster size, size, encryption, first table, features: as qcow2's specification has them."""
    assert words in refused(patched(qcow2(raw, tmp_path / "q"), at, value), tmp_path)


def test_a_compressed_cluster_that_is_damaged_is_refused(raw: Path, tmp_path: Path) -> None:
    """The tables are in order, what they point to is not."""
    raw.write_bytes(raw.read_bytes()[: 20 * MIB] + b"0123456789" * (2 * MIB))
    made = qcow2(raw, tmp_path / "q", "-c")
    patched(made, made.stat().st_size - 20_000, b"\xff" * 10_000)
    assert "the qcow2 file is damaged: download it again (the log is" in refused(made, tmp_path)


def test_a_qcow2_smaller_than_it_says_is_refused(raw: Path, tmp_path: Path) -> None:
    """It says 200 GiB where its table is for 40 MiB."""
    made = patched(qcow2(raw, tmp_path / "q"), 24, struct.pack(">Q", 200 << 30))
    assert "is damaged" in refused(made, tmp_path)


@pytest.mark.parametrize(
    "name", ['json:{"driver":"file","filename":"/etc/passwd"}', "nbd://127.0.0.1:1/x", "/dev/zero"]
)
def test_other_files_are_not_even_opened(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By whatever name it asks for them: qemu-img does not see such a file."""
    made = qcow2(raw, tmp_path / "q")
    qemu_img("rebase", "-u", "-f", "qcow2", "-b", name, "-F", "raw", made)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(disk, "environment", lambda: {"PATH": ""})
    assert "refers to another file: it must be self-contained" in refused(made, tmp_path)


def test_a_data_file_outside_is_refused(tmp_path: Path) -> None:
    """Its content would be that of another file on this machine."""
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path}/data,data_file_raw=on", tmp_path / "q", "40M")
    assert "refers to another file: it must be self-contained" in refused(tmp_path / "q", tmp_path)


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 MiB that may be used."""
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: disk.shutil._ntuple_diskusage(0, 0, (1 << 30) + 16 * MIB))


def test_a_qcow2_does_not_unpack_to_more_than_there_is_room_for(raw: Path, tmp_path: Path, little_room) -> None:
    """A small file may hold a large disk: compressed, or the same cluster many times."""
    with raw.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(b"x" * (30 * MIB))
    made = qcow2(raw, tmp_path / "q", "-c")
    assert made.stat().st_size < MIB
    assert "but only 1040 MiB are free there" in refused(made, tmp_path, BackendError)
    assert not (tmp_path / "work/disk.img").exists()


@pytest.mark.parametrize("pack", ["xz", "gzip", "zstd"])
def test_a_bomb_does_not_fill_the_disk(tmp_path: Path, little_room, monkeypatch: pytest.MonkeyPatch, pack: str) -> None:
    """A few kilobytes that become gigabytes of the same letter: writing ends where other things need the room."""
    content, path = b"x" * (64 * MIB), tmp_path / "bomb"
    if pack == "zstd":
        path.write_bytes(subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout)
    else:
        path.write_bytes(lzma.compress(content, preset=0) if pack == "xz" else gzip.compress(content))
    room = [16]

    def used_up(*_: object) -> object:
        room[0] -= 1
        return disk.shutil._ntuple_diskusage(0, 0, (1 << 30) + room[0] * MIB)

    monkeypatch.setattr(disk.shutil, "disk_usage", used_up)
    assert "MiB are free there" in refused(path, tmp_path, BackendError)
    assert (tmp_path / "work/unpacked").stat().st_size <= 16 * MIB


@pytest.mark.parametrize("pack", ["xz", "gzip", "zstd"])
def test_a_bomb_of_zeros_ends_at_the_largest_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: str) -> None:
    """It needs no room at all, but time."""
    monkeypatch.setattr(disk, "MOST", MIB)
    content, path = bytes(64 * MIB), tmp_path / "bomb"
    if pack == "zstd":
        path.write_bytes(subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout)
    else:
        path.write_bytes(lzma.compress(content, preset=0) if pack == "xz" else gzip.compress(content))
    assert "the compressed disk is too large" in refused(path, tmp_path)


def test_an_xz_file_of_several_streams_is_read(raw: Path, tmp_path: Path) -> None:
    """As parallel programs write them, with padding between and after (xz's file format, section 2)."""
    (tmp_path / "work").mkdir()
    content = raw.read_bytes()
    parts = [lzma.compress(part, preset=0) for part in (content[: 9 * MIB], content[9 * MIB :], b"")]
    (tmp_path / "f").write_bytes(bytes(8).join(parts) + bytes(3 * MIB))
    made = as_raw_disk(tmp_path / "f", tmp_path / "work", BuildLog(tmp_path / "log"), Silent())
    assert made.read_bytes() == content
    for tail in (b"x", bytes(4) + b"\xfd7zXZ\0"):
        (tmp_path / "f").write_bytes(parts[0] + tail)
        assert "the compressed file is" in refused(tmp_path / "f", tmp_path)


def test_an_xz_file_may_not_ask_for_any_memory(raw: Path, tmp_path: Path) -> None:
    """Its header says how far it refers back: 4 GiB, which it then fills."""
    packed = bytearray(lzma.compress(raw.read_bytes(), preset=0))
    assert packed[14:16] == b"\x21\x01"  # LZMA2, one byte of properties: the size of the dictionary
    packed[16] = 40
    packed[20:24] = struct.pack("<I", zlib.crc32(packed[12:20]))
    (tmp_path / "f").write_bytes(packed)
    assert "the compressed file is damaged" in refused(tmp_path / "f", tmp_path)


def test_an_archive_in_an_archive_is_refused(raw: Path, tmp_path: Path) -> None:
    """Each layer may multiply by a thousand; distributions use one."""
    (tmp_path / "f").write_bytes(gzip.compress(lzma.compress(raw.read_bytes(), preset=0)))
    assert "the file is compressed again (xz): use the distribution's qcow2" in refused(tmp_path / "f", tmp_path)


@pytest.mark.parametrize("inner", ["qcow2", "xz", "gzip", "zstd"])
def test_what_is_in_a_qcow2_is_a_disk(raw: Path, tmp_path: Path, inner: str) -> None:
    """Another container in it, which names a file of this machine: labs are made on it as a raw disk, by name, but nobody
    should get that far."""
    qemu_img("create", "-f", "qcow2", "-b", raw, "-F", "raw", tmp_path / "in")
    content = (tmp_path / "in").read_bytes()
    if inner == "zstd":
        content = subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
    elif inner != "qcow2":
        content = {"xz": lzma.compress, "gzip": gzip.compress}[inner](content)
    (tmp_path / "padded").write_bytes(content.ljust(40 * MIB, b"\0"))
    said = "another qcow2 file" if inner == "qcow2" else f"compressed again ({inner})"
    assert f"what the file holds is {said}, not a disk" in refused(qcow2(tmp_path / "padded", tmp_path / "q"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("vmdk", (), "a VMDK disk: use the distribution's"),
        ("vmdk", ("-o", "subformat=streamOptimized"), "a VMDK disk: use the distribution's"),
        ("vmdk", ("-o", "subformat=monolithicFlat"), "the description of a VMDK disk: use"),
        ("vdi", (), "a VDI disk: use"),
        ("vhdx", (), "a VHDX disk: use"),
        ("vpc", (), "a VHD disk: use"),
    ],
)
def test_disks_of_other_programs_are_named_and_not_opened(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, options: tuple[str, ...], said: str
) -> None:
    """Some of them name other files on this machine (VMDK's extents, VHDX's parents): qemu-img does not see them."""
    qemu_img("convert", "-f", "raw", "-O", kind, *options, raw, tmp_path / "d")
    monkeypatch.setattr(disk, "environment", lambda: {"PATH": ""})
    assert f"the file is {said}" in refused(tmp_path / "d", tmp_path)


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        ("w", "a tar archive: unpack it, and import the disk that is in it"),
        ("w:xz", "a tar archive: unpack it"),
        ("bz2", "compressed with bzip2: unpack it"),
    ],
)
def test_archives_are_named(raw: Path, tmp_path: Path, pack: str, said: str) -> None:
    """As some distributions offer their disks."""
    path = tmp_path / "f"
    if pack == "bz2":
        path.write_bytes(bz2.compress(raw.read_bytes(), 1))
    else:
        with tarfile.open(path, pack) as archive:
            archive.add(raw, raw.name)
    assert f"the file is {said}" in refused(path, tmp_path)


def test_an_installer_is_named(raw: Path, tmp_path: Path) -> None:
    """Its ISO file system begins at 32 KiB, and it often has a partition table as well."""
    patched(raw, 32768, b"\x01CD001\x01")
    assert "an ISO image, as for installations: use the distribution's cloud image" in refused(raw, tmp_path)


@pytest.mark.parametrize("pack", ["xz", "gz", "zst"])
def test_a_compressed_file_that_is_cut_is_refused(raw: Path, tmp_path: Path, pack: str) -> None:
    """Anywhere in it."""
    pack_it: dict[str, Callable[[bytes], bytes]] = {
        "xz": lambda content: lzma.compress(content, preset=0),
        "gz": lambda content: gzip.compress(content, 1),
        "zst": lambda content: (
            subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
        ),
    }
    whole = pack_it[pack](raw.read_bytes())
    for end in (8, 30, len(whole) // 2, len(whole) - 1):
        (tmp_path / "f").write_bytes(whole[:end])
        said = refused(tmp_path / "f", tmp_path)
        assert "the compressed file is" in said or "of an unknown type" in said


def test_qemu_img_has_limits(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads what a stranger made, so it has little memory and time; running out of them says nothing of the disk."""
    asked = []
    run = subprocess.run

    def watched(command: list[str], **said: object) -> object:
        asked.append(command)
        return run(command, **said)  # type: ignore[call-overload]

    monkeypatch.setattr(disk.subprocess, "run", watched)
    made = qcow2(raw, tmp_path / "q")
    assert disk._allocated(made) >= 8 * MIB
    assert ["prlimit", "--cpu=60", f"--as={4 << 30}", "qemu-img"] in [command[:4] for command in asked]
    monkeypatch.setattr(disk.subprocess, "run", lambda command, **said: run(["sh", "-c", "kill -ABRT $$"], **said))
    with pytest.raises(BackendError, match="was killed by signal 6 while it read") as raised:
        disk._allocated(made)
    assert not isinstance(raised.value, DiskError)
