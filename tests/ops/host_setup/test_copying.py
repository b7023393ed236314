"""Images on their way to a host; the shell there is this machine's own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError
from trainbot.ops.host_setup import copying
from trainbot.ops.host_setup.copying import CHUNK, chunks, copy
from trainbot.ops.host_setup.remote_shell import RemoteShell
from trainbot.ops.host_setup.state import ImageFileCopy

SIZE = 5 * CHUNK + 12_345


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Sparse: data in its first, its third and its last chunk, of which the first does not compress."""
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(SIZE)
        file.write(os.urandom(1 << 20))
        file.seek(2 * CHUNK + (3 << 20))
        file.write(b"in the middle" * 1000)
        file.seek(SIZE - 5)
        file.write(b"at it")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "there"
    made.mkdir()
    return made


def item(disk: Path, **changes: object) -> ImageFileCopy:
    values = {
        "version": "debian-1",
        "source": disk,
        "name": "debian-1.img",
        "size": disk.stat().st_size,
        "data": 1,
        "sha256": hashlib.sha256(disk.read_bytes()).hexdigest(),
        **changes,
    }
    return ImageFileCopy(**values)  # type: ignore[arg-type]


def bring(what: ImageFileCopy, folder: Path, steps: list[tuple[int, int]] | None = None) -> int:
    with RemoteShell("here", "xen:///system") as reach:
        return copy(reach, what, folder, lambda at, of: (steps if steps is not None else []).append((at, of)))


def test_only_data_is_cut_into_chunks(disk: Path, tmp_path: Path) -> None:
    """What is all hole is no chunk; offsets are those of a grid, and nothing that is data is left out."""
    with disk.open("rb") as file:
        found = list(chunks(file, SIZE))
        assert found == [(0, CHUNK), (2 * CHUNK, CHUNK), (5 * CHUNK, 12_345)]
    empty = tmp_path / "empty"
    with empty.open("wb") as file:
        file.truncate(SIZE)
    with empty.open("rb") as file:
        assert list(chunks(file, SIZE)) == []


def test_a_file_arrives_whole_and_sparse(disk: Path, folder: Path) -> None:
    """The same content, holes included, rights for all to read, and a note of its checksum; nothing else is left."""
    steps: list[tuple[int, int]] = []
    sent = bring(item(disk), folder, steps)
    there = folder / "debian-1.img"
    assert there.read_bytes() == disk.read_bytes()
    assert there.stat().st_blocks * 512 < 3 << 20 and there.stat().st_mode & 0o777 == 0o644
    assert sent < 1.2 * (1 << 20)
    assert steps[0][0] == 0 and steps[-1][0] == steps[-1][1] == 2 * CHUNK + 12_345
    assert sorted(path.name for path in folder.iterdir()) == [".debian-1.img.sum", "debian-1.img"]
    state = there.stat()
    assert (
        folder / ".debian-1.img.sum"
    ).read_text() == f"{item(disk).sha256} {state.st_size} {int(state.st_mtime)} {state.st_ino}\n"


def test_an_interrupted_copy_goes_on_where_it_was(disk: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that arrived are not sent again; one that broke off in its middle is."""
    whole = copying._Sender._send

    def breaks_off(self: copying._Sender, at: int, data: bytes) -> None:
        if at < 2 * CHUNK:
            return whole(self, at, data)
        self._put(b"raw 2 16 8388608\n" + data[: 4 << 20])
        raise BrokenPipeError

    monkeypatch.setattr(copying._Sender, "_send", breaks_off)
    with pytest.raises(BackendError, match="was not copied completely: try again to resume"):
        bring(item(disk), folder)
    monkeypatch.undo()
    assert (folder / ".debian-1.img.part.chunks").read_text().splitlines()[1:] == ["0"]
    assert not (folder / "debian-1.img").exists()
    steps: list[tuple[int, int]] = []
    assert bring(item(disk), folder, steps) < 100_000
    assert steps[0] == (CHUNK, 2 * CHUNK + 12_345)
    assert (folder / "debian-1.img").read_bytes() == disk.read_bytes()


def test_parts_of_another_content_are_of_no_use(disk: Path, folder: Path) -> None:
    """An image that was built anew under the same name begins anew."""
    (folder / ".debian-1.img.part").write_bytes(b"old" * 1000)
    (folder / ".debian-1.img.part.chunks").write_text("1 0000 3000\n0\n1\n")
    bring(item(disk), folder)
    assert (folder / "debian-1.img").read_bytes() == disk.read_bytes()


def test_what_is_not_what_was_promised_gets_no_name(disk: Path, folder: Path) -> None:
    """Where the checksum is another, one sentence, and the host has nothing that could be taken for an image."""
    with pytest.raises(BackendError, match="debian-1.img arrived damaged: run this again"):
        bring(item(disk, sha256="0" * 64), folder)
    assert list(folder.iterdir()) == []


def test_an_image_that_shrinks_meanwhile(disk: Path, folder: Path) -> None:
    """Somebody builds it anew under our hands: a sentence, no wrong copy."""
    desired = item(disk, size=SIZE + CHUNK)
    with disk.open("ab") as file:
        file.write(b"x")
    with pytest.raises(BackendError, match="changed while it was being copied|was not copied completely"):
        bring(desired, folder)
    assert not (folder / "debian-1.img").exists()


def test_no_room_there(disk: Path, tmp_path: Path) -> None:
    """The host's own words are told."""
    with pytest.raises(BackendError, match="here: .*(cd|sh):.*"):
        bring(item(disk), tmp_path / "missing")
