"""Large files from the web, over connections that break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.web import Web, serving
from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.progress_bar import Silent
from trainbot.images.importing import fetch

CONTENT = bytes(range(256)) * 12000  # some MiB


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/cloud.qcow2").write_bytes(CONTENT)
    with serving(tmp_path / "web") as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def test_a_file_comes_whole(web: Web, store: Path) -> None:
    """What the server has is what is there."""
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT


def test_a_broken_connection_is_gone_on_with(web: Web, store: Path) -> None:
    """Each part is asked for once, however often the connection breaks."""
    web.cut = [1_000_000, 1, 500_000]
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT
    assert web.asked == ["", "bytes=1000000-", "bytes=1000001-", "bytes=1500001-"]


def test_a_download_goes_on_the_next_time(web: Web, store: Path) -> None:
    """A server that gives nothing more is given up; said again, what did come is not asked for again."""
    web.cut = [2_000_000, 0, 0, 0, 0, 0]
    with pytest.raises(BackendError, match="cannot download .*: .*; try again to resume"):
        fetch.download(web.url("cloud.qcow2"), store, Silent())
    web.asked = []
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT
    assert web.asked == ["bytes=2000000-"]


def test_a_whole_download_is_not_made_again(web: Web, store: Path) -> None:
    """Interrupted between the last byte and the end, there is nothing left to be sent."""
    part = fetch.download(web.url("cloud.qcow2"), store, Silent())
    part.with_suffix(".json").write_text('"\\"1\\""')
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT
    assert web.asked == ["", f"bytes={len(CONTENT)}-"]


def test_a_file_that_changed_is_begun_anew(web: Web, store: Path) -> None:
    """Halves of two different files never become one (If-Range)."""
    web.cut = [1_000_000, *[0] * 5]
    with pytest.raises(BackendError):
        fetch.download(web.url("cloud.qcow2"), store, Silent())
    (web.folder / "cloud.qcow2").write_bytes(CONTENT[::-1])
    web.tag = '"2"'
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("trouble", [{"ranges": False}, {"tag": ""}, {"tag": 'W/"1"'}])
def test_a_server_without_ranges_sends_all_again(web: Web, store: Path, trouble: dict[str, object]) -> None:
    """Where a server cannot go on, or does not say what its file is, it begins anew and comes out whole."""
    for name, value in trouble.items():
        setattr(web, name, value)
    web.cut = [1_000_000]
    assert fetch.download(web.url("cloud.qcow2"), store, Silent()).read_bytes() == CONTENT


def test_a_web_page_is_no_image(web: Web, store: Path) -> None:
    """The page with the download link on it is told apart at once, and not kept."""
    web.kind = "text/html; charset=utf-8"
    with pytest.raises(BackendError, match="is a web page, not a disk image: give the address of the download link"):
        fetch.download(web.url("cloud.qcow2"), store, Silent())
    assert list(store.iterdir()) == []


def test_what_is_not_there_is_said_at_once(web: Web, store: Path) -> None:
    """404 is an answer; it is not asked for five times."""
    with pytest.raises(BackendError, match="the server answers 404 Not Found"):
        fetch.download(web.url("none.qcow2"), store, Silent())
    assert len(web.asked) == 1


def test_an_absurd_size_is_refused_before_it_comes(web: Web, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large for an image, or than our disk, is not begun."""
    monkeypatch.setattr(fetch, "MOST", 1000)
    with pytest.raises(BackendError, match="is too large for an image"):
        fetch.download(web.url("cloud.qcow2"), store, Silent())
    monkeypatch.undo()
    monkeypatch.setattr(fetch, "_SPARE", 1 << 60)
    with pytest.raises(BackendError, match="MiB are free there"):
        fetch.download(web.url("cloud.qcow2"), store, Silent())


def test_a_server_that_is_not_there(store: Path) -> None:
    """One sentence with the reason."""
    with pytest.raises(BackendError, match="Connection refused"):
        fetch.download("http://127.0.0.1:1/cloud.qcow2", store, Silent())


@pytest.mark.parametrize(("source", "found"), [("cloud.qcow2", False), ("/srv/a b", False), ("http://a/b.img", True)])
def test_addresses_and_files_are_told_apart(source: str, found: bool) -> None:
    """An address has a scheme; all else is a file."""
    assert fetch.is_address(source) is found


@pytest.mark.parametrize("source", ["ftp://a/b", "file:///etc/shadow", "https://a/images/", "gopher://x/y"])
def test_other_addresses_are_refused(source: str) -> None:
    """What is neither http nor https, or names no file, is a sentence."""
    with pytest.raises(UserError):
        fetch.is_address(source)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """It would stand in image.json, and people would be told it as the place to download from."""
    with pytest.raises(UserError) as raised:
        fetch.is_address("https://me:secret@a.example/disk.img")
    assert "secret" not in str(raised.value)


def test_https_does_not_become_http() -> None:
    """A checksum that is looked up with https does not come over http in the end."""
    request = fetch.urllib.request.Request("https://a.example/SHA256SUMS")
    with pytest.raises(BackendError, match="which is not https"):
        fetch._NoDowngrade().redirect_request(request, None, 302, "Found", {}, "http://b.example/SHA256SUMS")
