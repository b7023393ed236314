"""A file is there whole, or as it was before: whatever fails, whoever writes beside us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainbot.core import files
from trainbot.core.files import draft_of, drafts_of, make_once, write_whole


def test_text_and_bytes_with_folders_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "page.html"
    write_whole(path, "naïve \ud800\n")
    assert path.read_bytes() == "naïve ?\n".encode()
    write_whole(path, b"\xff\0", 0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"\xff\0", 0o600)
    umask = os.umask(0o027)
    try:
        write_whole(path, "as others are made")
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_changes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_whole(path, "before")
    with pytest.raises(ZeroDivisionError), draft_of(path) as draft:
        assert draft.parent == tmp_path and draft.read_bytes() == b""
        draft.write_text("half of it")
        raise ZeroDivisionError
    (tmp_path / "folder" / "with").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", "a folder is in the place")
    assert path.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "kept"]


def test_file_then_name_then_folder_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In that order: a name that is there after a power cut leads to all of the content."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", lambda *names: (done.append("name"), replace(*names)))
    write_whole(tmp_path / "a", "kept")
    assert done == ["file", "name", "folder"]
    done.clear()
    write_whole(tmp_path / "a", "for now", durable=False)
    assert done == ["name"]
    done.clear()
    make_once(tmp_path / "secret", b"kept")
    assert done == ["file", "folder"]


def test_many_writers_of_one_path(tmp_path: Path) -> None:
    """Who reads meanwhile finds all of what one of them wrote."""
    path = tmp_path / "shared"
    whole = {bytes([n]) * 100_000 for n in range(16)}
    write_whole(path, bytes(100_000))
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_whole, path, content, durable=False) for content in whole for _ in range(5)]
        while not all(each.done() for each in writing):
            assert path.read_bytes() in whole
    assert [each.result() for each in writing] == [None] * 80
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_of_somebody_who_was_killed_goes_after_a_day(tmp_path: Path) -> None:
    path = tmp_path / "odd [name] *.json"
    write_whole(path, "before")
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom trainbot.core.files import draft_of\n"
        "with draft_of(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[2], timeout=60)
    assert (killed.returncode, path.read_text()) == (-signal.SIGKILL, "before")
    (left,) = drafts_of(path)
    write_whole(path, "after")
    assert drafts_of(path) == [left]  # it might be somebody who is at work
    an_hour_too_old = left.stat().st_mtime - files.LEFT_OVER - 3600
    os.utime(left, (an_hour_too_old, an_hour_too_old))
    write_whole(path, "after that")
    assert (drafts_of(path), path.read_text()) == ([], "after that")
