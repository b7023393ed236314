"""What is downloaded, up to the disk that libguestfs would open: the signed checksum file first, and nothing of a failure
stays but what the next try resumes."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.images.importing import test_importing
from tests.images.importing.signing import Signing
from tests.peers.certificates import make_certificates
from tests.peers.web import Web, serving
from trainbot.cli import cli
from trainbot.config import load
from trainbot.core.errors import BackendError, UserError
from trainbot.images import catalog
from trainbot.images.build.image_folder import read_image
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing import fetch
from trainbot.images.importing.importing import ImportRequest, import_image
from trainbot.images.importing.signatures import Signer

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbW1lbnQgZG9lcyBub3QgY291bnQgaGVyZQ== lab"
ALWAYS = {".test.lock", "test-build.log"}
opened = test_importing.opened  # libguestfs that finds a system on every disk


@pytest.fixture(scope="module")
def keys() -> Iterator[Signing]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        made = Signing(Path(folder) / "home")
        made.make("distro")
        made.make("other")
        yield made
        made.close()


@pytest.fixture
def web(tmp_path: Path, keys: Signing) -> Iterator[Web]:
    """A distribution's server: a disk, its checksums, their signatures in both forms."""
    folder = tmp_path / "web"
    folder.mkdir()
    with (tmp_path / "raw").open("wb") as file:
        file.truncate(40 << 20)
        file.seek(446)
        file.write(b"\x80" + bytes(3) + b"\x83" + bytes(59) + b"\x55\xaa")
        file.seek(20 << 20)
        file.write(os.urandom(3 << 20))
    subprocess.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", tmp_path / "raw", folder / "disk.qcow2"], check=True
    )
    publish(folder, keys)
    with serving(folder) as found:
        yield found


def publish(folder: Path, keys: Signing, name: str = "disk.qcow2", by: str = "distro") -> None:
    sums = f"{hashlib.sha256((folder / 'disk.qcow2').read_bytes()).hexdigest()}  {name}\n".encode()
    (folder / "SUMS").write_bytes(sums)
    (folder / "SUMS.gpg").write_bytes(keys.detached(sums, by))
    (folder / "CHECKSUM").write_bytes(keys.inline(sums, by))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


def wanted(web: Web, keys: Signing, sums: str = "CHECKSUM", signature: str = "") -> ImportRequest:
    return ImportRequest(
        web.url("disk.qcow2"),
        sums=web.url(sums),
        signer=Signer(keys.public("distro"), keys.fingerprints["distro"]),
        signature=web.url(signature) if signature else "",
    )


def refused(request: ImportRequest, folder: Path) -> str:
    """One sentence; nothing stays behind."""
    with pytest.raises((BackendError, UserError)) as raised:
        import_image("test", request, folder, KEY, Silent())
    assert "\n" not in str(raised.value)
    assert not folder.exists() or {path.name for path in folder.iterdir()} <= ALWAYS
    return str(raised.value)


# -- signed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sums", "signature"), [("CHECKSUM", ""), ("SUMS", "SUMS.gpg")])
def test_a_signed_image_is_imported(web, keys, folder, opened, sums: str, signature: str) -> None:
    """Over plain http too, since the signature is what counts; said again, nothing but the checksums is asked for."""
    made = import_image("test", wanted(web, keys, sums, signature), folder, KEY, Silent())
    assert {path.name for path in folder.iterdir()} == {"test", made.folder.name, *ALWAYS} and len(opened) == 1
    before = len(web.asked)
    assert import_image("test", wanted(web, keys, sums, signature), folder, KEY, Silent()) == made
    assert len(web.asked) == before + (2 if signature else 1)


def test_nothing_is_downloaded_before_the_signature_is_right(web, keys, folder) -> None:
    """A disk has gigabytes; a wrong signature is known after two kilobytes."""
    publish(web.folder, keys, by="other")
    assert "signed with another key" in refused(wanted(web, keys), folder)
    assert "signed with another key" in refused(wanted(web, keys, "SUMS", "SUMS.gpg"), folder)
    assert len(web.asked) == 3


def test_a_checksum_from_outside_of_the_signature_is_not_taken(web, keys, folder) -> None:
    """The disk was replaced, and its checksum written before the signed message, or into the file with its own signature."""
    (web.folder / "disk.qcow2").write_bytes(b"QFI\xfb evil")
    line = f"{hashlib.sha256(b'QFI' + bytes([0xFB]) + b' evil').hexdigest()}  disk.qcow2\n".encode()
    for name in ("CHECKSUM", "SUMS"):
        (web.folder / name).write_bytes(line + (web.folder / name).read_bytes())
    assert "has text outside of its signed message" in refused(wanted(web, keys), folder)
    assert "was changed after it was signed" in refused(wanted(web, keys, "SUMS", "SUMS.gpg"), folder)


def test_a_disk_that_is_not_the_signed_one_is_refused(web, keys, folder) -> None:
    """Of another day, or replaced on the mirror; it is not kept, so the next try gets it afresh."""
    (web.folder / "disk.qcow2").write_bytes(b"x" * 5000)
    assert refused(wanted(web, keys), folder).startswith("checksum mismatch: the image's sha256 is")


def test_the_signature_is_for_that_name(web, keys, folder) -> None:
    """A signed checksum of another image of the same distribution does not do."""
    publish(web.folder, keys, name="container.qcow2")
    assert "has no SHA-256 or SHA-512 of disk.qcow2" in refused(wanted(web, keys), folder)


def test_a_numbered_build_behind_an_alias(web, keys, folder, opened) -> None:
    """openSUSE's checksum file may name the build; only a name of that form is taken, and only one checksum."""
    publish(web.folder, keys, name="disk-Build18.7.qcow2")
    request = replace(wanted(web, keys), listed="disk*.qcow2")
    assert import_image("test", request, folder, KEY, Silent())
    other = replace(request, listed="disk-Build1[0-7]*.qcow2")
    with pytest.raises(BackendError, match="has no SHA-256"):
        import_image("test", other, folder, KEY, Silent())


@pytest.mark.parametrize("missing", ["CHECKSUM", "SUMS", "SUMS.gpg", "disk.qcow2"])
def test_what_is_missing_on_the_server_is_a_sentence(web, keys, folder, missing: str) -> None:
    """404 for any of the files; a signature that is not there does not mean that it is not needed."""
    (web.folder / missing).unlink()
    signature = "SUMS.gpg" if missing.startswith("SUMS") else ""
    request = wanted(web, keys, "SUMS" if signature else "CHECKSUM", signature)
    assert refused(request, folder).endswith(f"{missing}: the server answers 404 Not Found")


def test_unsigned_checksums_over_http_are_refused(web, folder) -> None:
    """Whoever can change the disk on its way can change them as well."""
    request = ImportRequest(web.url("disk.qcow2"), sums=web.url("SUMS"))
    assert "proves nothing unless it is signed" in refused(request, folder)
    assert web.asked == []


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ImportRequest("http://127.0.0.1:1/d", sums="https://a/s", signature="https://a/s.asc"), "add --key FILE"),
        (ImportRequest("/dev/null", signer=Signer(b"k")), "--key is for a signed checksum file: add --sums"),
        (ImportRequest("http://[::1/d", sum="a" * 64), "is not a valid address"),
        (ImportRequest("http://127.0.0.1:1/d", sums="ftp://a/s"), "ftp:// is not supported"),
        (ImportRequest("http://127.0.0.1:1/d", sums="file:///etc/passwd"), "file:// is not supported"),
        (ImportRequest("/nowhere/disk.qcow2"), "no such file"),
        (ImportRequest("/dev/zero"), "no such file"),
        (ImportRequest("/"), "no such file"),
    ],
)
def test_a_request_that_makes_no_sense(request_: ImportRequest, words: str, folder) -> None:
    """Is answered before anything is asked of anybody."""
    assert words in refused(request_, folder)


# -- from a file ---------------------------------------------------------------------------------------------


def test_a_disk_that_was_carried_here_needs_no_network(web, keys, folder, opened) -> None:
    """Its checksum file and signature beside it are checked in the same way."""
    here = web.folder
    signer = Signer(keys.public("distro"), keys.fingerprints["distro"])
    request = ImportRequest(str(here / "disk.qcow2"), sums=str(here / "CHECKSUM"), signer=signer)
    assert import_image("test", request, folder, KEY, Silent()) and web.asked == []
    assert (here / "disk.qcow2").exists()  # it is not ours to remove
    detached = replace(request, sums=str(here / "SUMS"), signature=str(here / "SUMS.gpg"))
    assert import_image("test", detached, folder, KEY, Silent())


def test_a_renamed_disk_is_found_by_its_first_name(web, keys, folder, opened) -> None:
    """People rename what they download; the content decides."""
    (web.folder / "disk.qcow2").rename(web.folder / "my download (1)")
    signer = Signer(keys.public("distro"), keys.fingerprints["distro"])
    request = ImportRequest(
        str(web.folder / "my download (1)"), sums=web.url("CHECKSUM"), signer=signer, name="disk.qcow2"
    )
    assert import_image("test", request, folder, KEY, Silent())


def test_a_file_that_is_not_right_stays_where_it_is(web, keys, tmp_path, folder) -> None:
    """It is somebody's file."""
    (tmp_path / "disk.qcow2").write_bytes(b"QFI\xfb cut")
    request = replace(wanted(web, keys), source=str(tmp_path / "disk.qcow2"))
    assert "checksum mismatch" in refused(request, folder)
    assert (tmp_path / "disk.qcow2").exists()


def test_checksum_files_of_any_size_are_not_read(web, keys, tmp_path, folder) -> None:
    """One that is too long, local or not; a folder or a device in its place."""
    with (web.folder / "CHECKSUM").open("wb") as file:
        file.truncate(2 << 20)
    assert "is too long to be a checksum file" in refused(wanted(web, keys), folder)
    local = replace(wanted(web, keys), sums=str(web.folder / "CHECKSUM"))
    assert "is too long to be a checksum file" in refused(local, folder)
    for place in (str(tmp_path), "/dev/zero"):
        assert "no such file" in refused(replace(local, sums=place), folder)


# -- servers ---------------------------------------------------------------------------------------------------


@contextmanager
def talking(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what it likes, after the request has come."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    with suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/disk.qcow2"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def test_a_server_that_never_ends_is_left(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not say how much it sends, and goes on: at the limit for an image nothing of it is kept."""
    monkeypatch.setattr(fetch, "MOST", 3 << 20)
    with talking(endless) as url:
        assert "is too large for an image" in refused(ImportRequest(url, sum="a" * 64), folder)


def test_a_server_does_not_fill_the_disk(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the limit for an image the disk may be full, and databases lie on it."""
    with talking(endless) as url:
        folder.mkdir()
        usage = [fetch.shutil.disk_usage(folder)] * 3
        monkeypatch.setattr(
            fetch.shutil, "disk_usage", lambda _: usage.pop() if usage else fetch.shutil._ntuple_diskusage(1, 1, 1)
        )
        assert "has too little space for" in refused(ImportRequest(url, sum="a" * 64), folder)


def test_a_checksum_file_that_never_ends_is_left(web, keys, folder) -> None:
    """After a mebibyte."""
    with talking(endless) as url:
        assert "is too long to be a checksum file" in refused(replace(wanted(web, keys), sums=url), folder)


def trickling(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b"x")


def test_a_server_that_trickles_is_left(web, keys, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is no download, although no single wait is long; what has come is there for the next try."""
    monkeypatch.setattr(fetch, "_WINDOW", 0)
    monkeypatch.setattr(fetch, "_LEAST", 1 << 30)
    with talking(trickling) as url:
        assert "the server is too slow" in refused(replace(wanted(web, keys), sums=url), folder)
        with pytest.raises(BackendError, match="the server is too slow; try again to resume"):
            import_image("test", ImportRequest(url, sum="a" * 64), folder, KEY, Silent())
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".lock", ".part"]


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    ],
)
def test_an_answer_that_is_always_about_to_come(
    web, keys, folder, monkeypatch: pytest.MonkeyPatch, first: bytes, more: bytes
) -> None:
    """Although no single wait is long, it is given up: a checksum file and a disk alike."""

    def promising(connection: socket.socket) -> None:
        connection.settimeout(0.01)
        connection.sendall(first)
        while True:
            connection.sendall(more)
            with suppress(TimeoutError):
                if not connection.recv(1):  # given up
                    return

    monkeypatch.setattr(fetch, "_HEAD", 0.05)
    with talking(promising) as url:
        assert "the server is too slow" in refused(ImportRequest(url, sum="a" * 64), folder)
        assert "the server is too slow" in refused(replace(wanted(web, keys), sums=url), folder)


def test_a_byte_a_connection_is_no_progress(folder, web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that breaks off after each byte is given up like one that sends nothing."""
    web.cut = [1] * 100
    with pytest.raises(BackendError, match="try again to resume"):
        import_image("test", ImportRequest(web.url("disk.qcow2"), sum="a" * 64), folder, KEY, Silent())
    assert len(web.asked) == fetch._TRIES


def test_a_short_answer_is_not_a_checksum_file(web, keys, folder) -> None:
    """The connection broke in the middle of it."""
    web.cut = [30]
    assert "the connection broke off" in refused(wanted(web, keys), folder)


def raw(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", ""),
        (b"\x00\x01\x02\x03\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc", "checksum mismatch"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc", "checksum mismatch"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", "is too large for an image"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "is a web page"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "checksum mismatch"),
        (b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nabcde", "another part"),
        (b"HTTP/1.1 403 \x1b[2JNo\r\nContent-Length: 0\r\n\r\n", "the server answers 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1/disk\r\nContent-Length: 0\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "is not allowed"),
        (b"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n", "which is not http"),
        (b"HTTP/1.1 302 Found\r\nLocation: /disk.qcow2\r\nContent-Length: 0\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", ""),
    ],
)
def test_an_answer_that_makes_no_sense(folder, answer: bytes, words: str) -> None:
    """Whatever a server says, it becomes one sentence without control characters, and no file."""
    with talking(raw(answer)) as url:
        said = refused(ImportRequest(url, sum="a" * 64), folder)
    assert words in said and said.isprintable()


# -- https -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def secure(web: Web, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The same server over https, with a certificate that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.crt"))
    with serving(web.folder, certificates) as found:
        yield found


def test_unsigned_checksums_come_over_https(secure, folder, opened) -> None:
    """As for CentOS, which does not sign them."""
    request = ImportRequest(secure.url("disk.qcow2"), sums=secure.url("SUMS"))
    assert import_image("test", request, folder, KEY, Silent())


def test_https_does_not_lead_to_http(secure, web, keys, folder) -> None:
    """Neither for checksums, nor for a signature, nor for a disk: what is signed is not asked for in the open either."""
    secure.location = web.url("SUMS")
    unsigned = ImportRequest(secure.url("disk.qcow2"), sums=secure.url("SUMS"))
    signed = replace(wanted(web, keys, "SUMS", "SUMS.gpg"), signature=secure.url("SUMS.gpg"))
    for request in (unsigned, signed, replace(unsigned, sum="a" * 64)):
        assert "which is not https" in refused(request, folder)


def test_http_may_lead_to_https(secure, web, keys, folder, opened) -> None:
    """A mirror that has moved."""
    web.location = secure.url("CHECKSUM")
    request = replace(wanted(web, keys), source=secure.url("disk.qcow2"))
    assert import_image("test", request, folder, KEY, Silent())


def test_a_certificate_that_is_not_trusted(secure, folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody in between answers in the distribution's name."""
    monkeypatch.delenv("SSL_CERT_FILE")
    request = ImportRequest(secure.url("disk.qcow2"), sums=secure.url("SUMS"))
    assert "certificate verify failed" in refused(request, folder)


# -- by its name in the catalog ------------------------------------------------------------------------------------

CATALOG = """
[test]
about = "Test 1"
mirror = "https://official.example/pub/"
disk = "disk.qcow2"
sums = "{sums}"
memory = 600
seen = "never"
"""


@pytest.fixture
def shell(tmp_path: Path, web, keys, opened, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``trainbot image import`` with a catalog of our own, whose distribution has our key; ``mirror`` as in bot.ini."""

    def run(*words: str, mirror: str = web.url(""), signed: bool = True) -> Result:
        content = tmp_path / "content"
        (content / "keys").mkdir(parents=True, exist_ok=True)
        key = keys.fingerprints["distro"]
        (content / "keys" / f"{key}.asc").write_bytes(keys.public("distro"))
        entry = CATALOG.format(sums="CHECKSUM" if signed else "SUMS")
        (content / "catalog.toml").write_text(entry + (f'signature = "inline"\nkey = "{key}"\n' if signed else ""))
        monkeypatch.setattr(catalog.shipped, "folder", lambda name: content)
        line = f"mirror = {mirror}\n" if mirror else ""
        (tmp_path / "bot.ini").write_text(f"[irc]\nchannels = #c\n[roles]\norganiser = account:o\n[image.test]\n{line}")
        return CliRunner().invoke(
            cli, ["image", "import", *words, "-c", str(tmp_path / "bot.ini")], standalone_mode=False
        )

    return run


def test_an_image_of_the_catalog_comes_from_the_mirror(shell, web, keys, tmp_path: Path) -> None:
    """It says what is known of it, and who signed its checksums; people are told the distribution's own address."""
    done = shell("test")
    assert done.exception is None and "Test 1: no lab of it has been seen working yet" in done.output
    assert f"its checksum file has a good signature ({keys.fingerprints['distro']})" in done.output
    made = read_image(tmp_path / "state/images/test")
    assert (made.source, made.memory_mib) == ("https://official.example/pub/disk.qcow2", 600)


def test_a_mirror_of_ones_own_signs_nothing(shell, web, keys) -> None:
    """Whoever runs it can change the disk and its checksum, not the signature; what is not signed needs https."""
    publish(web.folder, keys, by="other")
    assert "is signed with another key" in str(shell("test").exception)
    assert "proves nothing unless it is signed" in str(shell("test", signed=False).exception)


def test_a_disk_is_carried_to_a_machine_without_network(shell, web, tmp_path: Path) -> None:
    """``--from``: the checksum file beside it is enough, signed or not, and it is said which."""
    disk = str(web.folder / "disk.qcow2")
    done = shell("test", "--from", disk, mirror="")
    assert done.exception is None and "has a good signature" in done.output and web.asked == []
    unsigned = shell("test", "--from", disk, mirror="", signed=False)
    assert unsigned.exception is None and "is not signed: it was a local file" in unsigned.output


def test_a_disk_that_was_carried_is_compared(shell, web, tmp_path: Path) -> None:
    """With checksums from the mirror, if none lie beside it; a wrong one is refused, and stays."""
    (tmp_path / "else").mkdir()
    other = tmp_path / "else/disk.qcow2"
    other.write_bytes((web.folder / "disk.qcow2").read_bytes())
    assert shell("test", "--from", str(other)).exception is None and len(web.asked) == 1
    other.write_bytes(b"QFI\xfb")
    assert "checksum mismatch" in str(shell("test", "--from", str(other)).exception) and other.exists()


def test_another_key_may_be_given(shell, web, keys, tmp_path: Path) -> None:
    """When the distribution has a new one and this catalog does not know it yet."""
    publish(web.folder, keys, by="other")
    (tmp_path / "new.asc").write_bytes(keys.public("other"))
    done = shell("test", "--key", str(tmp_path / "new.asc"))
    assert done.exception is None and "has a good signature (of the given key)" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none", "--from", "disk.qcow2"), 'no image called "none" in the catalog (available: test)'),
        (("test", "disk.qcow2", "--from", "disk.qcow2"), "give either a file or address, or --from FILE"),
        (("test", "--from", "nowhere.qcow2"), "no such file: nowhere.qcow2"),
        (("test", "--key", "nowhere.asc"), "cannot read the key nowhere.asc"),
        (("test", "--sums", "nowhere"), "no such file: nowhere"),
        (("test", "--signature", "nowhere"), "its signature is not there: nowhere"),
    ],
)
def test_wrong_usage_is_a_sentence(shell, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """And leaves nothing."""
    done = shell(*words)
    assert said in str(done.exception) and "\n" not in str(done.exception)
    assert not list((tmp_path / "state").glob("images/test*"))


@pytest.mark.parametrize("option", ["--from", "--sha256", "--sums", "--key", "--signature", "--kernel"])
def test_an_empty_option_turns_no_check_off(shell, web, option: str) -> None:
    """As from a shell variable that is not set."""
    done = shell("test", option, "")
    assert "is empty" in str(done.exception) and web.asked == []


def test_what_was_downloaded_goes_with_the_image(shell, web, folder, tmp_path: Path) -> None:
    """Another address of that image, or its removal, is the end of half a download; others keep theirs."""
    images = tmp_path / "state/images"
    web.cut = [1000, 1 << 20, *[0] * 5]
    assert "try again to resume" in str(shell("test").exception)
    assert len(fetch.downloads(images, "test")) == 1
    (images / ".test-more-0123456789ab.part").touch()
    (web.folder / "again.qcow2").write_bytes((web.folder / "disk.qcow2").read_bytes())
    web.cut = [2 << 20, *[0] * 5]
    with pytest.raises(BackendError, match="try again to resume"):
        import_image("test", ImportRequest(web.url("again.qcow2"), sum="a" * 64), images, KEY, Silent())
    (left,) = fetch.downloads(images, "test")
    assert left.stat().st_size == 2 << 20
    config = load(tmp_path / "bot.ini")
    assert catalog.remove(config, "test", True, Silent()) == [] and left.exists()
    assert catalog.remove(config, "test", False, Silent()) == []
    assert {path.name for path in images.iterdir()} == {".test-more-0123456789ab.part", ".test.lock"}
