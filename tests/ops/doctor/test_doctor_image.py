"""Images: their files, their kernel, and who has a copy."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot import shipped
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build import lz4
from trainbot.images.build.image_folder import FILES, BuiltImage, digest, write_image
from trainbot.images.build.kernel import guest_types
from trainbot.images.build.recipe import recipe_hash
from trainbot.model.config import ImageConfig
from trainbot.model.host import GuestType
from trainbot.model.host_address import HostKind
from trainbot.ops.doctor.finding import Findings, Level
from trainbot.ops.doctor.image_findings import ImageSeen, image_findings

PVH, PV, HVM = GuestType.PVH, GuestType.PV, GuestType.HVM


def built(folder: Path, **changes) -> BuiltImage:
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(name.encode() * 1000)
    usual = {
        "sha256": {name: digest(folder / name) for name in FILES},
        "recipe": "none",
        "permissive": "enforcing=0",
        "enforcing": "enforcing=1",
    }
    image = BuiltImage(
        folder=folder,
        name=folder.name,
        suite="s",
        root="",
        cmdline="",
        user="root",
        host_key="k",
        memory_mib=384,
        disk_bytes=1,
        built_at=datetime.now(UTC),
        **{**usual, **changes},
    )
    write_image(image)
    return image


def test_whole_and_damaged(installed, tmp_path):
    """Whole files are well; one byte that changed is found, and which file; a file that is gone, too."""
    image = built(tmp_path / "mine")
    sections = {"image_mine": {"folder": image.folder}}
    assert installed.say("image", **sections).wrong == []
    with (image.folder / "disk.img").open("r+b") as file:
        file.write(b"X")
    assert "trainbot image build mine" in installed.say("image", "mine").one("disk.img in").mend
    (image.folder / "initrd").unlink()
    assert installed.say("image").one("cannot be used").mend


def test_an_initrd_without_the_driver_of_the_disk(installed, tmp_path):
    """What an import found is in image.json; for other images the initrd is read, and it is only a note."""
    host = {"host_here": {"uri": "qemu:///embed?root=/srv/tb-embed"}}
    image = built(tmp_path / "mine", lacks=("virtio_blk",))
    found = installed.say("image", "mine", image_mine={"folder": image.folder}, **host).one("initrd has no virtio_blk")
    assert found.level is Level.WRONG and "labs on QEMU hosts do not find their disk" in found.why
    write_image(replace(image, lacks=None))
    assert installed.say("image", "mine").wrong == []  # it cannot be read: nothing is known
    name = b"lib/modules/6.1/kernel/drivers/block/xen-blkfront.ko\0"
    for entry in (name, b"TRAILER!!!\0"):
        head = b"070701" + b"%08x" * 13 % (*([0] * 11), len(entry), 0)
        (image.initrd).open("ab" if entry is not name else "wb").write(
            (head + entry).ljust(-(-(110 + len(entry)) // 4) * 4, b"\0")
        )
    write_image(replace(image, lacks=None, sha256={name: digest(image.folder / name) for name in FILES}))
    assert installed.say("image", "mine").one("initrd has no virtio_blk", Level.NOTE).mend


def test_a_kernel_in_place_of_the_distributions(installed):
    """Organisers are told where uname -r is not the distribution's, by the recipe that the image is built from."""
    for name in ("centos", "rocky", "debian", "mine"):
        built(installed.state / "images" / name)
    said = installed.say("image", image_centos={}, image_rocky={}, image_debian={}, image_mine={})
    for name in ("centos", "rocky"):
        found = [each for each in said.found if each.subject == f"image {name}" and "kernel is" in each.what]
        assert [each.line for each in found] == [
            f"-  image {name}: its kernel is that of Debian bookworm, so uname -r is not the distribution's: nothing to do, "
            "the lab's greeting says it too; docs/images.md says why"
        ]
    assert not [
        each for each in said.found if each.subject in ("image debian", "image mine") and "kernel is" in each.what
    ]


def test_the_key_is_another(installed):
    """Built with the installation's key; then the key is another one, and nobody could get in."""
    config = installed.change()
    public = lab_key(config.gateway.lab_key)
    folder = installed.state / "images" / "debian"
    built(folder, recipe=recipe_hash(shipped.folder("images") / "debian", public))
    sections = {"image_debian": {}}
    installed.say("image", **sections).one("with the installation's key", Level.OK)
    for name in ("lab_key", "lab_key.pub"):
        (installed.folder / name).unlink()
    lab_key(config.gateway.lab_key)
    assert installed.say("image").one("another key than the gateway has").mend.startswith("trainbot image build debian")


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"kernel": frozenset({PV, HVM})}, Level.WRONG, "its kernel cannot run as pvh by its ELF notes"),
        ({"kernel": frozenset({PVH, HVM})}, None, ""),
        ({"kernel": None}, None, ""),
        ({"guests": (PVH, PV, HVM)}, None, ""),
        ({"guests": (PVH, HVM), "kernel": frozenset({HVM})}, None, ""),
        ({"guests": (HVM,), "kernel": frozenset({PVH, HVM})}, Level.WRONG, "only as hvm, which is refused"),
        ({"guests": (HVM,), "guest": PVH}, Level.WRONG, "its kernel cannot run as pvh"),
        ({"guests": (HVM,), "guest": HVM, "hvm_accept_risk": True}, Level.NOTE, "runs as hvm on Xen"),
        ({"guests": (HVM,), "kinds": frozenset({HostKind.QEMU})}, None, ""),
        ({"lacks": ()}, None, ""),
        ({"lacks": (), "drivers": frozenset()}, None, ""),
        ({"lacks": ("xen-blkfront",)}, Level.WRONG, "its initrd has no xen-blkfront, so its labs on Xen hosts"),
        ({"lacks": ("virtio_blk",)}, None, ""),
        ({"lacks": ("virtio_blk",), "kinds": frozenset({HostKind.QEMU})}, Level.WRONG, "its initrd has no virtio_blk"),
        ({"lacks": ("xen-blkfront",), "kinds": frozenset({HostKind.QEMU, HostKind.TEST})}, None, ""),
        ({"drivers": frozenset({"virtio_blk"})}, Level.NOTE, "its initrd has no xen-blkfront"),
        ({"drivers": frozenset({"xen-blkfront"})}, None, ""),
        ({"drivers": None}, None, ""),
        ({"guests": ()}, Level.WRONG, "built without Xen's drivers"),
        ({"hosts": {"xen1": frozenset(), "xen2": frozenset({"v"})}}, Level.WRONG, "xen1 has no copy of v"),
        ({"hosts": {"xen1": frozenset(), "xen2": frozenset()}}, Level.WRONG, "xen1, xen2 have no copy of v"),
        ({"hosts": {"xen1": None}}, Level.NOTE, "the versions on xen1 are unknown"),
        ({"recipe": "other"}, Level.WRONG, "another recipe"),
        ({"modes": ""}, Level.NOTE, "same kernel arguments"),
        ({"sums": {}}, Level.NOTE, "no checksum of disk.img"),
    ],
)
def test_judged(changes, level, words):
    """Each fault is one line, what is not known is no fault."""
    modes = changes.pop("modes", "enforcing=1")
    sums = changes.pop("sums", dict.fromkeys(FILES, "0" * 64))
    image = BuiltImage(Path("/i/v"), "mine", "s", "r", "", "", "", modes, "root", "k", 384, 1, sums, datetime.now(UTC))
    image = replace(image, guests=changes.pop("guests", None), lacks=changes.pop("lacks", None))
    section = {name: changes.pop(name) for name in ("guest", "hvm_accept_risk") if name in changes}
    values = {"sums": dict.fromkeys(FILES, "0" * 64), "recipe": None, "kernel": None, "hosts": {}, **changes}
    seen = ImageSeen(ImageConfig("mine", Path(), **section), image, **values)
    found = [each for each in image_findings(Findings("image mine"), seen) if each.level is not Level.OK]
    assert [finding.level for finding in found] == ([level] if level else []), found
    assert all(words in finding.line and finding.mend for finding in found)


# -- kernels


def elf(*notes: int, at: int = 64 + 56) -> bytes:
    body = b"".join(struct.pack("<III4sI", 4, 4, kind, b"Xen\0", 0) for kind in notes)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 4, 4, at, 0, 0, len(body), len(body), 4)
    return (head + program).ljust(at, b"\0") + body


def bzimage(packed: bytes) -> bytes:
    """setup_sects 1, header 2.15, the payload at the beginning of the protected-mode part."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    setup[0x202:0x208] = b"HdrS" + struct.pack("<H", 0x020F)
    struct.pack_into("<II", setup, 0x248, 0, len(packed))
    return bytes(setup) + packed + b"more"


def literals(data: bytes) -> bytes:
    """One LZ4 block without matches."""
    count, more = len(data), b""
    if count >= 15:
        rest = count - 15
        more = b"\xff" * (rest // 255) + bytes([rest % 255])
    return bytes([min(count, 15) << 4]) + more + data


def legacy(data: bytes) -> bytes:
    blocks = [literals(data[at : at + lz4.BLOCK]) for at in range(0, len(data), lz4.BLOCK)]
    return lz4.MAGIC + b"".join(struct.pack("<I", len(block)) + block for block in blocks)


PACKED = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "lz4": legacy,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("pack", ["", *PACKED])
@pytest.mark.parametrize(
    ("notes", "kinds"), [((18,), {HVM, PVH}), ((1, 5), {HVM, PV}), ((1, 18), {HVM, PV, PVH}), ((), {HVM})]
)
def test_what_a_kernel_runs_as(tmp_path, pack, notes, kinds):
    """Xen's notes decide, however the kernel is packed."""
    plain = elf(*notes)
    (tmp_path / "vmlinuz").write_bytes(bzimage(PACKED[pack](plain)) if pack else plain)
    assert guest_types(tmp_path / "vmlinuz") == kinds


def test_notes_behind_the_first_block(tmp_path):
    """Only the blocks of an LZ4 kernel that are wanted are unpacked, and they are the right ones."""
    (tmp_path / "vmlinuz").write_bytes(bzimage(legacy(elf(18, at=lz4.BLOCK + 4000))))
    assert guest_types(tmp_path / "vmlinuz") == {HVM, PVH}


def test_matches_in_a_block():
    """A match copies what was before, also where it overlaps what it makes (lz4_Block_format.md)."""
    assert lz4.block(b"\x35abc\x03\x00" + b"\x10z") == b"abcabcabcabc" + b"z"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        bzimage(b"(\xb5/\xfd zstd"),
        bzimage(b"\x1f\x8bno"),
        bzimage(b"\xfd7zXZ\0no"),
        elf(18)[:70],
        b"\x7fELF\x01\x01" + bytes(60),
        bzimage(lz4.MAGIC + b"\xff\xff\xff\x7f"),
    ],
)
def test_nothing_is_said_of_what_is_not_known(tmp_path, data):
    """Cut, damaged, of another kind: not known, and no error."""
    (tmp_path / "vmlinuz").write_bytes(data)
    assert guest_types(tmp_path / "vmlinuz") is None


@given(st.binary(max_size=300))
def test_any_block(data):
    """No bytes make the unpacking fail otherwise than by saying so."""
    with suppress(ValueError):
        lz4.block(data)


@given(st.binary(max_size=200), st.integers(0, 400), st.binary(max_size=8))
def test_any_kernel(tmp_path_factory, head, at, noise):
    """A kernel that somebody bent on purpose gives an answer, too."""
    data = bytearray(bzimage(legacy(elf(1, 18))))
    data[at : at + len(noise)] = noise
    path = tmp_path_factory.mktemp("kernel") / "vmlinuz"
    path.write_bytes(bytes(data) + head)
    assert guest_types(path) in (None, *({HVM, *some} for some in ((), (PV,), (PVH,), (PV, PVH))))
