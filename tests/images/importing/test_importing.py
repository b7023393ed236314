"""What is imported, before libguestfs opens it: sums, disks, command lines, seeds."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.config import load
from trainbot.core.errors import BackendError, UserError
from trainbot.images import catalog as images
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing import disk, importing, sums
from trainbot.images.importing.bootline import command_line
from trainbot.images.importing.facts import DiskFacts, Kernel
from trainbot.images.importing.opened import DiskContents
from trainbot.images.importing.seed import AUTHORIZED_KEYS, HOST_KEY, SEED, SeedFile, seed_files
from trainbot.images.publishing.configurations import qemu
from trainbot.model.host import GuestType

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbW1lbnQgZG9lcyBub3QgY291bnQgaGVyZQ== lab"
A, B = "a" * 64, "b" * 64


# -- sums ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{A}  c.qcow2\n{B}  d.qcow2\n",
        f"{A} *c.qcow2\n",
        f"SHA256 (c.qcow2) = {A}\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# c.qcow2: 5 bytes\nSHA256 (c.qcow2) = {A.upper()}\n",
        f"{'c' * 32}  c.qcow2\n{A}  ./c.qcow2\n",
    ],
)
def test_sums_are_found_in_every_form(text: str) -> None:
    """As sha256sum writes them, with --tag, signed, beside other files and other sums."""
    assert sums.find_sum(text, "c.qcow2") == A


def test_the_longer_sum_is_taken() -> None:
    """Where a file has SHA-256 and SHA-512 of it."""
    assert sums.find_sum(f"{A}  c\n{'d' * 128}  c\n", "c") == "d" * 128


@pytest.mark.parametrize("text", ["", "<html>", f"{A}  other\n", f"{A}  c\n{B}  c\n", f"{A[:60]}  c\n"])
def test_no_sum_is_an_error(text: str) -> None:
    """Nothing is guessed: neither where it is missing, nor where two contradict each other."""
    with pytest.raises(BackendError, match="give the address of the file itself" if "<" in text else "add --sha256"):
        sums.find_sum(text, "c")


@given(st.text())
def test_any_checksum_file_is_an_answer_or_an_error(text: str) -> None:
    """No content of it raises anything else."""
    with suppress(BackendError):
        assert len(sums.find_sum(text, "c")) in (64, 128)


def test_a_wrong_sum_names_both(tmp_path: Path) -> None:
    """So that one sees whether a page was out of date."""
    (tmp_path / "f").write_bytes(b"x")
    found = hashlib.sha256(b"x").hexdigest()
    assert sums.compare(tmp_path / "f", found, lambda at, of: None) == found
    assert sums.compare(tmp_path / "f", hashlib.sha512(b"x").hexdigest(), lambda at, of: None).startswith("a4abd4")
    with pytest.raises(BackendError, match=f"the image's sha256 is {found}, expected {A}"):
        sums.compare(tmp_path / "f", A, lambda at, of: None)


@pytest.mark.parametrize("text", ["", "md5", "z" * 64, A + "a"])
def test_what_is_no_sum_is_said_at_once(text: str) -> None:
    """Before anything is downloaded."""
    with pytest.raises(UserError, match="is not a SHA-256"):
        sums.checked(text)


# -- disks ---------------------------------------------------------------------------------------------


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A disk of 40 MiB with a partition table and something in the middle."""
    path = tmp_path / "raw"
    with path.open("wb") as file:
        file.truncate(40 << 20)
        file.seek(446)
        file.write(b"\x80" + bytes(3) + b"\x83" + bytes(59) + b"\x55\xaa")
        file.seek(20 << 20)
        file.write(b"in the middle")
    return path


def disk_of(path: Path, tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir(exist_ok=True)
    return disk.as_raw_disk(path, tmp_path / "work", BuildLog(tmp_path / "log"), Silent())


@pytest.mark.parametrize("form", ["raw", "qcow2", "xz", "gz", "zst", "qcow2.xz"])
def test_every_form_becomes_the_same_disk(raw: Path, tmp_path: Path, form: str) -> None:
    """The name of a file says nothing, its content does; holes stay holes."""
    content, path = raw.read_bytes(), tmp_path / "image.bin"
    if form.startswith("qcow2"):
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, tmp_path / "q"], check=True)
        path.write_bytes((tmp_path / "q").read_bytes())
    if form == "raw":
        path.write_bytes(content)
    elif form == "gz":
        path.write_bytes(gzip.compress(content))
    elif form == "zst":
        subprocess.run(["zstd", "-q", raw, "-o", path], check=True)
    elif form.endswith("xz"):
        path.write_bytes(lzma.compress(path.read_bytes() if form == "qcow2.xz" else content, preset=0))
    found = disk_of(path, tmp_path)
    assert found.read_bytes() == content and found.stat().st_blocks * 512 < 4 << 20


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty: use the distribution's qcow2"),
        (b"<!DOCTYPE html><html>", "the file is a web page"),
        (b"\n<html>404", "the file is a web page"),
        (b"root:x:0:0\n", "of an unknown type"),
        (b"QFI\xfb" + bytes(100), "the qcow2 file is damaged"),
        (b"\xfd7zXZ\0garbage", "the compressed file is damaged"),
        (lzma.compress(bytes(1 << 20))[:-40], "the compressed file is incomplete"),
        (gzip.compress(b"text", mtime=0)[:-4], "the compressed file is incomplete"),
        (gzip.compress(b"text", mtime=0), "of an unknown type"),
        (b"\x28\xb5\x2f\xfdgarbage", "the compressed file is damaged"),
        (bytes(446) + b"\x80" + bytes(63) + b"\x55\xaa", "too small for a system"),
    ],
)
def test_what_is_no_disk_is_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    """A page, a text, something cut or broken: said in one sentence, and nothing is left."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BackendError, match=words):
        disk_of(tmp_path / "file", tmp_path)


def test_a_qcow2_that_points_elsewhere_is_refused(raw: Path, tmp_path: Path) -> None:
    """It would show a file of this machine as a learner's disk."""
    for options in (["-b", raw, "-F", "raw"], ["-o", f"data_file={tmp_path}/data", "40M"]):
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", *options[:-1], *options[-1:], tmp_path / "q"]
            if options[0] == "-b"
            else ["qemu-img", "create", "-q", "-f", "qcow2", *options[:2], tmp_path / "q", options[2]],
            check=True,
        )
        with pytest.raises(BackendError, match="it must be self-contained"):
            disk_of(tmp_path / "q", tmp_path)


def test_a_qcow2_of_absurd_size_is_refused(tmp_path: Path) -> None:
    """A few bytes that claim to be petabytes fill no disk."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "q", "1P"], check=True)
    with pytest.raises(BackendError, match="which is too large"):
        disk_of(tmp_path / "q", tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking ends where no disk could be so large."""
    monkeypatch.setattr(disk, "MOST", 1 << 20)
    (tmp_path / "file").write_bytes(lzma.compress(bytes(64 << 20)))
    with pytest.raises(BackendError, match="the compressed disk is too large"):
        disk_of(tmp_path / "file", tmp_path)


# -- how it boots --------------------------------------------------------------------------------------

BLS = (
    "title CentOS Stream (5.14.0-9.el9.x86_64)\nversion 5.14.0-9.el9.x86_64\nlinux /boot/vmlinuz-5.14.0-9.el9.x86_64\n"
    "initrd /boot/initramfs-5.14.0-9.el9.x86_64.img $tuned_initrd\noptions root=UUID=old ro console=ttyS0,115200n8 "
    "no_timer_check net.ifnames=0 crashkernel=1G-4G:192M $tuned_params\n"
)
GRUB = (
    "menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz-6.1.0-9-amd64 root=UUID=old ro single\n}\n"
    "menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz-6.1.0-10-amd64 root=PARTUUID=x ro console=tty0 consoleblank=0\n}\n"
)


@pytest.mark.parametrize(
    ("version", "subvolume", "line"),
    [
        ("5.14.0-9.el9.x86_64", "", "root=UUID=1234 rw quiet no_timer_check net.ifnames=0"),
        ("6.1.0-10-amd64", "", "root=UUID=1234 rw quiet consoleblank=0"),
        ("6.1.0-10-amd64", "root", "root=UUID=1234 rootflags=subvol=root rw quiet consoleblank=0"),
        ("7.0", "", "root=UUID=1234 rw quiet"),
    ],
)
def test_the_images_own_boot_entry_is_kept_as_far_as_it_goes(version: str, subvolume: str, line: str) -> None:
    """Of that kernel alone; console, root and mode are ours, variables of the boot loader mean nothing here."""
    assert command_line(version, "1234", subvolume, [BLS], [GRUB]) == line


@given(st.text(), st.text())
def test_a_command_line_holds_only_harmless_words(entry: str, options: str) -> None:
    """Whatever a disk says of itself: it stands in quotes of shells and configurations afterwards, and is no init=."""
    line = command_line(
        "1",
        "1234",
        "",
        [entry, f"linux /vmlinuz-1\noptions {options} init=/bin/sh enforcing=0 'x"],
        [f"linux /vmlinuz-1 {options}"],
    )
    assert line.startswith("root=UUID=1234 rw quiet") and "init=" not in line and "enforcing" not in line
    assert not set(line) & set("'\"\\$`;|&<>\n\t")


def test_the_seed_is_yaml_whatever_the_key_is_called() -> None:
    """A comment with quotes and colons stays within its string; the host key is one of ours."""
    files = seed_files("centos", "centos-1", KEY + ' "x": {y}', "-----BEGIN\nhost\n", "ssh-ed25519 AAAA")
    first, _, rest = files[f"{SEED}/user-data"].content.partition("\n")
    user = json.loads(rest)
    assert first == "#cloud-config" and user["ssh_authorized_keys"] == [KEY + ' "x": {y}']
    assert user["ssh_keys"]["ed25519_private"] == "-----BEGIN\nhost\n" and user["disable_root"] is False
    assert json.loads(files[f"{SEED}/meta-data"].content)["instance-id"] == "centos-1"
    assert files[AUTHORIZED_KEYS] == SeedFile(KEY + ' "x": {y}\n', 0o600)
    assert files[HOST_KEY] == SeedFile("-----BEGIN\nhost\n", 0o600)


# -- the whole -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, SeedFile]]:
    """libguestfs that finds a CentOS with two kernels on every disk; what was written into it."""
    written: list[dict[str, SeedFile]] = []

    def open_disk(disk: Path, to: Path, kernel: str, write: dict[str, SeedFile], progress: object) -> DiskContents:
        (to / "vmlinuz").write_text("kernel"), (to / "initrd").write_text("initrd")
        written.append(write)
        names = ("5.14.0-8.el9.x86_64", "5.14.0-9.el9.x86_64")
        facts = DiskFacts(
            "CentOS Stream 9",
            tuple(Kernel(name, f"/boot/vmlinuz-{name}", "/boot/initrd") for name in names),
            "1234",
            selinux="enforcing",
            entries={"/boot/loader/entries/a.conf": BLS},
        )
        return DiskContents(facts, names[1])

    monkeypatch.setattr(importing, "open_disk", open_disk)
    monkeypatch.setattr(importing, "_FREE_MIB", 1)
    return written


def test_an_imported_image_is_as_the_builder_writes_one(
    raw: Path, tmp_path: Path, opened: list[dict[str, SeedFile]]
) -> None:
    """image.json, sums and a version of its own; said again it is there at once, with another key it is another."""
    wanted = importing.ImportRequest(str(raw), sum=hashlib.sha256(raw.read_bytes()).hexdigest())
    image = importing.import_image("centos", wanted, tmp_path / "images", KEY, Silent())
    assert image.cmdline == "root=UUID=1234 rw quiet no_timer_check net.ifnames=0"
    assert (image.enforcing, image.permissive, image.user) == ("enforcing=1", "enforcing=0", "root")
    assert images.verify(image, lambda at, of: None) == [] and (tmp_path / "images/centos").resolve() == image.folder
    assert importing.import_image("centos", wanted, tmp_path / "images", KEY, Silent()) == image and len(opened) == 1
    other = importing.import_image("centos", wanted, tmp_path / "images", KEY.replace("AAAAC3", "AAAAC4"), Silent())
    assert other.folder != image.folder
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        "centos",
        image.folder.name,
        other.folder.name,
        ".centos.lock",
        "centos-build.log",
    }
    assert "root=UUID=1234" in qemu(image)


def test_an_import_that_fails_leaves_what_was_there(
    raw: Path, tmp_path: Path, opened: list[dict[str, SeedFile]]
) -> None:
    """The image stays the old one, and no half of the new one is left."""
    image = importing.import_image("centos", importing.ImportRequest(str(raw)), tmp_path / "images", KEY, Silent())
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(BackendError, match="a web page"):
        importing.import_image(
            "centos", importing.ImportRequest(str(tmp_path / "page")), tmp_path / "images", KEY, Silent()
        )
    with pytest.raises(BackendError, match="expected " + A):
        importing.import_image("centos", importing.ImportRequest(str(raw), sum=A), tmp_path / "images", KEY, Silent())
    assert (tmp_path / "images/centos").resolve() == image.folder
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        "centos",
        image.folder.name,
        ".centos.lock",
        "centos-build.log",
    }


def test_what_comes_from_the_web_is_compared(tmp_path: Path) -> None:
    """Without a sum there is no download."""
    with pytest.raises(UserError, match="add --sha256"):
        importing.import_image(
            "x", importing.ImportRequest("http://127.0.0.1:1/x.qcow2"), tmp_path / "images", KEY, Silent()
        )


# -- the shell -----------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path):
    (tmp_path / "bot.ini").write_text("[irc]\nchannels = #c\n[image.centos]\n")
    return load(tmp_path / "bot.ini")


def imported(config, raw: Path, name: str = "centos") -> tuple[BuiltImage, list[str]]:
    return images.import_for(config, name, importing.ImportRequest(str(raw)), Silent())


@pytest.mark.parametrize("name", ["../x", "", "X", "home", "a/b", "a b", "list"])
def test_an_image_has_a_plain_name(config, raw: Path, name: str) -> None:
    """No path, and no word that !lab has another use for."""
    with pytest.raises(UserError, match="is not a valid image name"):
        imported(config, raw, name)


PVH, PV, HVM = GuestType.PVH, GuestType.PV, GuestType.HVM
UNKNOWN = (
    "the image has no configuration of its kernel, and no notes that can be read: whether it runs on Xen is unknown"
)
ONLY_HVM = (
    "its kernel can run on Xen as hvm only, which is refused unless [image.{0}] has guest = hvm and hvm_accept_risk = yes: "
    "see docs/images.md"
)
BY_NOTES = "by its ELF notes alone: the image does not have its configuration"


@pytest.mark.parametrize(
    ("guests", "notes", "words", "section"),
    [
        ((PVH, PV, HVM), None, "its kernel can run on Xen as pvh, pv, hvm", ""),
        ((PV, HVM), {PVH, PV, HVM}, "its kernel can run on Xen as pv, hvm", ""),
        ((HVM,), {PVH, HVM}, ONLY_HVM, ""),
        ((), {PVH, HVM}, "its kernel was built without Xen's drivers: it runs on QEMU hosts only", ""),
        (None, {PVH, HVM}, f"its kernel can run on Xen as pvh, hvm, {BY_NOTES}", ""),
        (None, {PV, HVM}, f"its kernel can run on Xen as pv, hvm, {BY_NOTES}", " with guest = pv"),
        (None, None, UNKNOWN, ""),
    ],
)
def test_the_organiser_is_told_what_bot_ini_wants(
    config, raw: Path, opened, monkeypatch: pytest.MonkeyPatch, guests, notes, words: str, section: str
) -> None:
    """The configuration of the kernel counts before its notes, which call Enterprise Linux's PVH; a section where there is
    none, or where another kind of guest is wanted than image.json's."""
    monkeypatch.setattr(images, "guest_types", lambda kernel: notes if notes is None else frozenset(notes))
    for name in ("centos", "other"):
        image = replace(imported(config, raw, name)[0], guests=guests)
        added = f"add a section to bot.ini: [image.{name}]{section}"
        assert images._advice(config, image) == [
            words.format(name),
            *([added] if name == "other" or section else []),
        ]


def test_images_are_listed_and_removed(config, raw: Path, opened) -> None:
    """With and without a section, with their age; removed ones are gone, but not while a lab stands on them."""
    image, _said = imported(config, raw)
    imported(config, raw, "other")
    found = {each["name"]: each for each in images.listed(config)}
    assert (found["centos"]["system"], found["centos"]["section"], found["other"]["section"]) == (
        "CentOS Stream 9",
        True,
        False,
    )
    assert images.remove(config, "centos", True, Silent()) == []
    assert images.remove(config, "other", False, Silent()) != []
    (image.folder / "initrd").chmod(0o644), (image.folder / "initrd").write_text("changed")
    assert images.verify(images.chosen(config, [])[0], lambda at, of: None) == ["initrd"]
    assert images.remove(config, "centos", False, Silent()) == [image.folder.name]
    with pytest.raises(BackendError, match='no image called "centos"'):
        images.remove(config, "centos", False, Silent())


def test_an_image_of_labs_is_not_removed(config, raw: Path, opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their disks stand on it."""
    imported(config, raw)
    monkeypatch.setattr(images, "_labs_of", lambda config, name: 2)
    with pytest.raises(BackendError, match="2 labs of centos are still in use"):
        images.remove(config, "centos", False, Silent())
    assert images.chosen(config, ["centos"])
