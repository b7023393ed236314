"""The catalog: what ships, what a file of it may say, and what becomes of an entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.images.importing.signing import fingerprint_of
from trainbot import shipped
from trainbot.core.errors import BackendError, ConfigError, UserError
from trainbot.images import catalog as images
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing.distributions import Distribution, load_catalog
from trainbot.images.importing.importing import ImportRequest, import_image
from trainbot.images.importing.signatures import Signer, read_key

ENTRY = Distribution(
    about="Test 1",
    mirror="https://official.example/pub/",
    disk="1/disk.qcow2",
    sums="1/CHECKSUM",
    memory=700,
    seen=None,
    signature="1/CHECKSUM.asc",
    key="36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6",
)
GOOD = """[x]
about = "a"
mirror = "https://a/"
disk = "d.qcow2"
sums = "s"
memory = 512
seen = "never"
"""


def test_the_catalog_that_ships_can_be_read() -> None:
    """The distributions that exercises are about, each with all that an import needs."""
    entries = images.catalog()
    assert {"debian-cloud", "centos", "almalinux", "rocky", "fedora", "ubuntu", "ubuntu2204", "opensuse"} <= set(
        entries
    )
    assert all(images.NAME.fullmatch(name) for name in entries)
    assert {entry.seen for entry in entries.values()} == {None}  # with a date, docs/images.md says where it was seen


def test_each_key_that_ships_is_the_one_that_its_entry_names() -> None:
    """A file of another key would make every import of it fail, or let another sign."""
    wanted = {entry.key for entry in images.catalog().values() if entry.key}
    files = {path.stem: path for path in (shipped.folder("images") / "keys").glob("*.asc")}
    assert wanted <= set(files)
    assert {name: fingerprint_of(path) for name, path in files.items()} == {name: [name] for name in files}
    assert all(read_key(str(path)) for path in files.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("https://a/", "http://a/"), "needs a mirror with https"),
        (("https://a/", "https://a"), "needs a mirror with https that ends with /"),
        (("d.qcow2", "../d.qcow2"), "needs paths below the mirror"),
        (("d.qcow2", "/d.qcow2"), "needs paths below the mirror"),
        (('"s"', '"http://b/s"'), "needs paths below the mirror"),
        (('"s"', '"folder/"'), "needs paths below the mirror"),
        (("memory = 512", "memory = 5"), "memory in MiB"),
        (("memory = 512", 'memory = "512"'), "memory in MiB"),
        (('"d.qcow2"', "1"), "needs strings"),
        (('"never"', '"yes"'), "use a date or never"),
        (('"never"', "2026-11-30T07:00:00Z"), "use a date or never"),
        (('seen = "never"\n', ""), "cannot be read"),
        (("memory", "size"), "cannot be read"),
        (("[x]", "["), "cannot be read"),
        (("[x]\n", ""), "cannot be read"),
        (('"never"', '"never"\nsignature = "inline"'), "needs signature and key"),
        (('"never"', f'"never"\nkey = "{ENTRY.key}"'), "needs signature and key"),
        (('"never"', f'"never"\nsignature = "inline"\nkey = "{ENTRY.key[:39]}"'), "needs signature and key"),
    ],
)
def test_a_catalog_that_is_wrong_is_a_sentence(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    """Nothing of it is guessed, least of all that something is not signed."""
    (tmp_path / "c.toml").write_text(GOOD)
    assert load_catalog(tmp_path / "c.toml")["x"].seen is None
    (tmp_path / "c.toml").write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError, match=words):
        load_catalog(tmp_path / "c.toml")


def test_an_entry_says_whether_a_lab_of_it_was_seen() -> None:
    """An organiser reads it before the download begins, and in the list."""
    assert "no lab of it has been seen working yet" in str(ENTRY)
    seen = Distribution(**{name: getattr(ENTRY, name) for name in ENTRY.__slots__} | {"seen": date(2026, 11, 30)})
    assert "a lab of it was last seen working on 2026-11-30" in str(seen)


def asked(local: str = "", mirror: str = "", **said: object) -> tuple[str, str, str, str]:
    found = images.from_catalog(ENTRY, ImportRequest("", **said), local, mirror)  # type: ignore[arg-type]
    return found.source, found.sums, found.signature, found.signer.fingerprint if found.signer else ""


def test_everything_comes_from_the_distribution() -> None:
    """Disk, checksums and signature; what people are told to download is there as well."""
    base = "https://official.example/pub/1/"
    assert asked() == (f"{base}disk.qcow2", f"{base}CHECKSUM", f"{base}CHECKSUM.asc", ENTRY.key)
    found = images.from_catalog(ENTRY, ImportRequest(""))
    assert (found.memory, found.origin) == (700, f"{base}disk.qcow2")
    assert images.from_catalog(ENTRY, ImportRequest("", memory=900)).memory == 900


def test_a_mirror_takes_the_distributions_place() -> None:
    """For all three; the key stays, and the address that others are told."""
    base = "http://mirror.class/alma/1/"
    assert asked(mirror="http://mirror.class/alma/") == (
        f"{base}disk.qcow2",
        f"{base}CHECKSUM",
        f"{base}CHECKSUM.asc",
        ENTRY.key,
    )
    found = images.from_catalog(ENTRY, ImportRequest(""), mirror="http://mirror.class/alma/")
    assert found.origin == "https://official.example/pub/1/disk.qcow2"


def test_a_disk_of_ones_own_is_checked_as_the_catalog_says(tmp_path: Path) -> None:
    """With the distribution's checksums; those beside it are enough, without a network, and need their signature too."""
    disk = str(tmp_path / "renamed.img")
    base = "https://official.example/pub/1/"
    assert asked(disk) == (disk, f"{base}CHECKSUM", f"{base}CHECKSUM.asc", ENTRY.key)
    (tmp_path / "CHECKSUM").write_text("")
    assert asked(disk) == (disk, str(tmp_path / "CHECKSUM"), str(tmp_path / "CHECKSUM.asc"), ENTRY.key)


def test_what_is_said_goes_before_the_catalog(tmp_path: Path) -> None:
    """Checksum files from elsewhere are still signed by the distribution; another key replaces it, a checksum all of that."""
    (tmp_path / "disk.qcow2").touch()
    local = str(tmp_path / "disk.qcow2")
    sums = str(tmp_path / "sums" / "SUMS")
    assert asked(local, sums=sums)[1:] == (sums, str(tmp_path / "sums" / "CHECKSUM.asc"), ENTRY.key)
    assert asked(sums="https://b/S")[1:3] == ("https://b/S", "https://official.example/pub/1/CHECKSUM.asc")
    assert asked(sums=sums, signature="https://b/x.sig")[1:] == (sums, "https://b/x.sig", ENTRY.key)
    assert asked(signer=Signer(b"k"))[3] == ""
    assert asked(local, sum="a" * 64)[1:] == ("", "", "")


def test_a_disk_of_ones_own_without_a_way_to_its_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine cannot reach the distribution, which is why somebody brought the disk: the sentence says which files to bring
    as well, and nothing is left.  Other errors of the same kind say nothing of it."""
    (tmp_path / "d.img").write_bytes(b"x")
    here = "http://127.0.0.1:1/"
    found = images.from_catalog(ENTRY, ImportRequest(""), str(tmp_path / "d.img"), here)
    said = []
    for request in (found, images.from_catalog(ENTRY, ImportRequest(""), mirror=here), replace(found, signature="")):
        with pytest.raises(BackendError) as raised:
            import_image("x", request, tmp_path / "images", "ssh-ed25519 AAAA x", Silent())
        said.append(str(raised.value))
    unreachable = "cannot read http://127.0.0.1:1/1/CHECKSUM: Connection refused"
    hint = f"{unreachable}; if this machine cannot reach it, put CHECKSUM{{}} beside the image's file"
    assert said == [hint.format(" and CHECKSUM.asc"), unreachable, hint.format("")]
    assert {path.name for path in (tmp_path / "images").iterdir()} <= {".x.lock"}


def test_checksums_beside_the_disk_need_their_signature(tmp_path: Path) -> None:
    """Somebody brought two of three files: the third is named."""
    (tmp_path / "d.img").write_bytes(b"x")
    (tmp_path / "CHECKSUM").write_text("")
    request = images.from_catalog(ENTRY, ImportRequest(""), str(tmp_path / "d.img"))
    said = f"CHECKSUM has to be signed, but its signature is not there: {tmp_path}/CHECKSUM.asc"
    with pytest.raises(UserError, match=said):
        import_image("x", request, tmp_path / "images", "ssh-ed25519 AAAA x", Silent())
