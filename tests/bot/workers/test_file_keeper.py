"""Archives of people's files, through a real gateway: what an honest lab gives, what a hostile one tries, and trouble here."""

from __future__ import annotations

import asyncio
import errno
import gzip
import itertools
import os
import random
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.gateway.conftest import World
from trainbot.bot.workers import file_keeper
from trainbot.bot.workers.file_keeper import READ, FileKeeper, delete_but
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.model.kept_files import FilesKept, FilesRestored, KeepFiles, RestoreFiles
from trainbot.model.lab_events import LabRoute

MIB = 1 << 20
NUMBERS = itertools.count(os.getpid() * 1000)  # the stand-in labs of all tests share /run


class Keeping:
    """Archives of the stand-in for a lab.  ``programs``: a folder that comes first in its PATH."""

    def __init__(self, world: World, programs: Path) -> None:
        self.world, self.programs, self.number = world, programs, next(NUMBERS)
        self.home, self.folder = world.lab.folder, world.state / "kept"
        self.ended: asyncio.Queue[FilesKept | FilesRestored] = asyncio.Queue()
        self.keeper = FileKeeper(GatewayClient(world.state), self.folder, self.ended.put_nowait)

    @property
    def way(self) -> LabRoute:
        return LabRoute(*self.world.lab.endpoint, host_key=self.world.lab.host_key)

    def program(self, name: str, text: str) -> None:
        """What the root of the lab has put in the place of a program."""
        (self.programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.programs / name).chmod(0o755)

    async def keep(self, most: int = 8 * MIB) -> FilesKept:
        self.keeper.begin(KeepFiles(self.number, "here", self.way, most))
        return await self._next(FilesKept)

    async def restore(self, kept: FilesKept) -> FilesRestored:
        name = f"{kept.kept}-{kept.digest[:16]}.tar.gz"
        self.keeper.begin(RestoreFiles(kept.kept, "here", self.way, name, kept.digest))
        return await self._next(FilesRestored)

    async def _next(self, kind: type) -> FilesKept | FilesRestored:
        async with asyncio.timeout(120):
            found = await self.ended.get()
        assert isinstance(found, kind)
        return found

    def left(self) -> list[str]:
        """What is left of it in the lab, and drafts here."""
        places = [Path("/run"), Path("/dev/shm"), self.home, self.folder]
        return [
            str(path)
            for place in places
            if place.is_dir()
            for path in place.iterdir()
            if path.name in (f".trainbot-kept-{self.number}", f".{self.number}.new")
        ]

    def empty_home(self) -> None:
        shutil.rmtree(self.home)
        self.home.mkdir()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Its lab finds programs in ``bin`` first."""
    folder = tmp_path_factory.mktemp("w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        made = World(folder)
        yield made
    made.close()


@pytest.fixture
def keeping(world: World) -> Iterator[Keeping]:
    """An empty home directory, and honest programs."""
    (world.folder / "bin").mkdir()
    yield (found := Keeping(world, world.folder / "bin"))
    shutil.rmtree(world.folder / "bin")
    shutil.rmtree(found.folder, ignore_errors=True)
    found.empty_home()


async def test_there_and_back(keeping: Keeping) -> None:
    """Content, modes, links, pipes and sparse files are as they were; the key that lets us in is not part of it; others
    can read nothing, and nothing stays behind."""
    home = keeping.home
    content = random.Random(7).randbytes(2 * READ + 5)
    (home / "work").mkdir(mode=0o750)
    (home / "work" / "big").write_bytes(content)
    (home / "work" / "run me").write_text("#!/bin/sh\n")
    (home / "work" / "run me").chmod(0o711)
    (home / "work" / "ümläut\nline").write_text("é")
    (home / "away").symlink_to("/etc/passwd")
    os.link(home / "work" / "run me", home / "same")
    os.mkfifo(home / "pipe")
    with (home / "sparse").open("wb") as file:
        file.truncate(1 << 40)
        file.write(b"x")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "authorized_keys").write_text("ours")
    (home / ".ssh" / "config").write_text("theirs")
    kept = await keeping.keep()
    assert (kept.error, kept.note) == ("", "") and len(content) < kept.size < 8 * MIB
    (path,) = keeping.folder.iterdir()
    assert path.name == f"{keeping.number}-{kept.digest[:16]}.tar.gz" and path.stat().st_size == kept.size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(keeping.folder.stat().st_mode) == 0o700
    keeping.empty_home()
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").write_text("new")
    (home / "other").write_text("stays")
    assert await keeping.restore(kept) == FilesRestored(keeping.number)
    assert (home / "work" / "big").read_bytes() == content
    assert stat.S_IMODE((home / "work").stat().st_mode) == 0o750
    assert stat.S_IMODE((home / "work" / "run me").stat().st_mode) == 0o711
    assert (home / "work" / "ümläut\nline").read_text() == "é" and (home / "other").read_text() == "stays"
    assert os.readlink(home / "away") == "/etc/passwd" and stat.S_ISFIFO((home / "pipe").stat().st_mode)
    assert (home / "same").samefile(home / "work" / "run me")
    assert (home / "sparse").stat().st_size == 1 << 40 and (home / "sparse").stat().st_blocks < 1000
    assert (home / ".ssh" / "authorized_keys").read_text() == "new"
    assert (home / ".ssh" / "config").read_text() == "theirs"
    assert keeping.left() == []


async def test_too_much(keeping: Keeping) -> None:
    """What is larger than allowed when packed is refused with the bound, and nothing of it is kept; just as much is."""
    (keeping.home / "noise").write_bytes(random.Random(7).randbytes(2 * MIB))
    kept = await keeping.keep(MIB)
    assert kept.error == "packed they are larger than 1 MiB; delete what you don't need, or use scp" and not kept.again
    assert list(keeping.folder.glob("*")) == keeping.left() == []
    most = (await keeping.keep()).size
    assert (await keeping.keep(most)).error == "" and (await keeping.keep(most - 1)).error != ""


HOSTILE: list[tuple[str, str, str]] = [
    ("tar", "exec cat /dev/urandom", "packed they are larger than 8 MiB"),
    ("gzip", "exec cat /dev/urandom", "packed they are larger than 8 MiB"),
    ("tar", "exec sleep 600", "packing them took longer than 2 s"),
    ("tar", "trap '' TERM; while :; do sleep 0.1; done", "packing them took longer than 2 s"),
    (
        "tar",
        "printf '\\033]0;x\\a\\033[31mcannot open \\002it\\033[0m\\n' >&2; exit 2",
        "tar failed in the lab: cannot open it",
    ),
    ("wc", "echo 99999999999999", "packed they are larger than 8 MiB"),
    ("wc", "echo 9999999999999999999999", "the lab did not make an archive"),
    ("wc", "echo 7000000", "the lab sent something else than the archive"),
    ("wc", "echo -5", "the lab did not make an archive"),
    ("wc", "exec sleep 600", "the lab could not be reached"),
    ("head", "exit 1", "there is no room for the archive in the lab's memory and on its disk"),
    ("base64", "exec cat /dev/zero", "the lab could not be reached"),
    ("base64", "echo not base64 at all", "the lab sent something else than the archive"),
    ("base64", "printf 'QUJD'", "the lab sent something else than the archive"),
    ("base64", "exit 0", "the lab sent something else than the archive"),
]


@pytest.mark.parametrize(("name", "text", "error"), HOSTILE)
async def test_a_lab_that_does_not_do_as_it_is_told(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, name: str, text: str, error: str
) -> None:
    """Its root has put something else in the place of our programs: it ends, in a sentence, and nothing is kept."""
    if "sleep" in text:
        monkeypatch.setattr(file_keeper, "PACKING", 2)
        monkeypatch.setattr(file_keeper, "LOGIN", 10.0)
    keeping.program(name, text)
    kept = await keeping.keep()
    assert kept.error.startswith(error) and kept.size == 0
    assert list(keeping.folder.glob("*")) == []


async def test_bytes_that_are_no_archive(keeping: Keeping) -> None:
    """They are kept as they are, since nobody here looks into them, and the lab's own tar refuses them."""
    keeping.program("tar", "yes this is no archive | head -c 4096")
    kept = await keeping.keep()
    (path,) = keeping.folder.iterdir()
    assert kept.error == "" and gzip.decompress(path.read_bytes()).startswith(b"this is no archive\n")
    (keeping.programs / "tar").unlink()
    restored = await keeping.restore(kept)
    assert restored.error.startswith("tar failed in the lab: tar: ") and not restored.again
    assert keeping.left() == []


async def test_a_million_files(keeping: Keeping, tmp_path: Path) -> None:
    """Half a gigabyte of headers: the lab packs them, and what comes here is a file within the bound, or a sentence."""
    with tarfile.open(tmp_path / "one", "w") as one:
        one.addfile(tarfile.TarInfo("./some/file"))
    (tmp_path / "thousand").write_bytes((tmp_path / "one").read_bytes()[:512] * 1000)
    keeping.program("tar", f'n=0; while [ "$n" -lt 1000 ]; do cat {tmp_path}/thousand; n=$((n + 1)); done')
    kept = await keeping.keep()
    sizes = [path.stat().st_size for path in keeping.folder.glob("*")]
    late = "packing them took longer than 180 s; delete what you don't need, or use scp"  # on a busy machine
    assert (kept.error, sizes) in (("", [kept.size]), (late, [])) and kept.size <= 8 * MIB
    assert keeping.left() == []


async def test_paths_that_lead_out(keeping: Keeping, tmp_path: Path) -> None:
    """An archive that somebody has made by hand puts nothing outside of the home directory of the lab it is put into."""
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "out").write_text("out")
    (tmp_path / "x" / "too").write_text("out")
    keeping.program("tar", f"cd {tmp_path}/x/y; exec /usr/bin/tar -cPf - ../out {tmp_path}/x/too")
    kept = await keeping.keep()
    (keeping.programs / "tar").unlink()
    shutil.rmtree(tmp_path / "x")
    restored = await keeping.restore(kept)
    assert restored.error.startswith("tar failed in the lab: tar: ")
    assert not (keeping.home.parent / "out").exists() and not (tmp_path / "x").exists()


async def test_a_lab_that_goes_in_the_middle(keeping: Keeping) -> None:
    """Nothing of it is kept, and a later try succeeds."""
    (keeping.home / "mine").write_text("mine")
    keeping.program("base64", 'kill -9 "$(ps -o ppid= "$PPID" | tr -d " ")"')
    kept = await keeping.keep()
    assert (kept.error, kept.again) == ("the lab could not be reached", True)
    assert list(keeping.folder.glob("*")) == []
    (keeping.programs / "base64").unlink()
    keeping.world.lab.kill()
    assert (await keeping.keep()).again
    keeping.world.lab.start()
    assert (await keeping.keep()).error == ""
    assert keeping.left() == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
async def test_a_disk_that_is_full_here(keeping: Keeping, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Found out at the end or before: the person is told whose disk it is, and no half of an archive stays."""

    def full(handle: int, flush: Callable[[], None]) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(file_keeper, "_to_disk", full)
    there = "there is no disk space left for it on the bot's machine"
    assert (await keeping.keep()).error == (there if code != errno.EIO else "the bot can't write it")
    assert list(keeping.folder.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=file_keeper.RESERVE))
    assert (await keeping.keep()).error == there and list(keeping.folder.iterdir()) == keeping.left() == []


async def test_an_archive_that_was_damaged_here(keeping: Keeping) -> None:
    """It reaches no lab: one bit is enough, and so is a file that is gone."""
    (keeping.home / "mine").write_text("mine")
    kept = await keeping.keep()
    (path,) = keeping.folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert await keeping.restore(kept) == FilesRestored(keeping.number, "its file on the bot's machine is damaged")
    path.unlink()
    assert (await keeping.restore(kept)).error == "its file on the bot's machine can't be read"


def test_what_has_no_row_is_deleted(tmp_path: Path) -> None:
    """Only archives, by their numbers; drafts and other files are left alone, and no folder is no fault."""
    for name in ("1-ab.tar.gz", "2-cd.tar.gz", ".3.new", "notes", "x-1", "12-"):
        (tmp_path / name).touch()
    delete_but(tmp_path, {2})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".3.new", "2-cd.tar.gz", "notes", "x-1"]
    delete_but(tmp_path / "none", set())
