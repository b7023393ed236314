"""An upgrade copies the database first, leaves it as it was if it fails, and there is a way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from tests.upgrades.killed_upgrade import content
from tests.upgrades.released import VERSIONS, database_of, schema
from trainbot.adapters.db.migrate import revision_of, revisions, upgrade
from trainbot.adapters.db.opening import open_store
from trainbot.adapters.db.upkeep import restore
from trainbot.cli import cli
from trainbot.core.errors import BackendError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def old(tmp_path: Path) -> str:
    """The URL of 0.1.0's database."""
    return database_of("0.1.0", tmp_path / "bot.db")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_that_is_killed_anywhere(version: str, tmp_path: Path) -> None:
    """In the copy, between any two statements of any migration, before the commit: the database is as it was, or done; the
    copy is whole or not there; and the next start goes to the end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.upgrades.killed_upgrade", version, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills, copies, first, last, same = done.stdout.split()
    assert (first, last, same) == (revision_of(database_of(version, tmp_path / "again.db")), revisions()[-1], "True")
    assert int(kills) > int(copies) > len(revisions()) - revisions().index(first)


def test_the_copy_is_the_way_back(old: str, tmp_path: Path) -> None:
    """One file, private, with the old schema; restored, it is what the old program left, and can be upgraded again."""
    before, old_schema = content(tmp_path / "bot.db"), schema(tmp_path / "bot.db")
    open_store(old, tmp_path).close()
    copy = tmp_path / "bot.db.schema-0009"
    assert oct(copy.stat().st_mode)[-3:] == "600"
    assert content(copy) == before and schema(copy) == old_schema
    assert files(tmp_path) - {"heartbeat.json"} == {"bot.db", "bot.db.lock", copy.name}
    restore(old, tmp_path, copy, datetime(2026, 12, 1, tzinfo=UTC))
    assert content(tmp_path / "bot.db") == before and schema(tmp_path / "bot.db") == old_schema
    with closing(sqlite3.connect(tmp_path / "bot.db")) as used, used:
        used.execute("UPDATE person SET nick = 'al' WHERE nick = 'alice'")
    open_store(old, tmp_path).close()
    assert content(copy) == content(copy) != before  # the copy is of the second upgrade
    with closing(sqlite3.connect(tmp_path / "bot.db")) as found:
        assert found.execute("SELECT value FROM setting WHERE name = 'loss'").fetchall() == []


def test_the_shell_says_where_the_copy_is(old: str, tmp_path: Path) -> None:
    """A new database needs none, and one that is up to date is not copied."""
    ini = tmp_path / "bot.ini"
    ini.write_text(f"[irc]\nchannels = #class\n[store]\nurl = {old}\n")
    runner = CliRunner()
    said = runner.invoke(cli, ["db", "upgrade", "-c", str(ini)], standalone_mode=False)
    assert said.stdout.splitlines() == [
        f"{old} is at {revisions()[-1]}, was 0009",
        f"as it was, it is kept in {tmp_path}/bot.db.schema-0009",
    ]
    assert said.stderr.splitlines()[0] == "copying the database"
    (tmp_path / "bot.db.schema-0009").unlink()
    said = runner.invoke(cli, ["db", "upgrade", "-c", str(ini)], standalone_mode=False)
    assert (said.stdout, said.stderr) == (f"{old} is at {revisions()[-1]}\n", "")
    (tmp_path / "bot.db").unlink()
    shutil.rmtree(tmp_path / "state", ignore_errors=True)
    said = runner.invoke(cli, ["db", "upgrade", "-c", str(ini)], standalone_mode=False)
    assert said.stdout == f"{old} is at {revisions()[-1]}, was empty\n"
    assert not any("schema" in name for name in files(tmp_path))


def test_a_disk_that_is_too_small(old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun, and the sentence says how much there has to be."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=3 << 20))
    before = content(tmp_path / "bot.db")
    with pytest.raises(BackendError, match=r"takes 16 MiB on its disk, .* and 3 MiB are free: free some space$"):
        open_store(old, tmp_path)
    assert content(tmp_path / "bot.db") == before
    assert files(tmp_path) <= {"bot.db", "bot.db.lock", "bot.db-wal", "bot.db-shm"}


def test_a_disk_that_fills_up_in_the_middle(old: str, tmp_path: Path) -> None:
    """It was free when it was looked at: one sentence, no half of a copy, the database as it was."""
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from trainbot.adapters.db.opening import open_store\nfrom trainbot.core.errors import BackendError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
        "try:\n    open_store(sys.argv[1], Path(sys.argv[2]))\nexcept BackendError as error:\n    print(error)\n"
    )
    before = content(tmp_path / "bot.db")
    done = subprocess.run(
        [sys.executable, "-c", program, old, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1 and "bot.db" in done.stdout, done.stdout + done.stderr
    assert content(tmp_path / "bot.db") == before
    assert not any("schema" in name for name in files(tmp_path))


def test_a_damaged_database_is_not_upgraded(old: str, tmp_path: Path) -> None:
    """Neither is a copy kept that nobody could use."""
    data = bytearray((tmp_path / "bot.db").read_bytes())
    data[40960:81920] = b"\xff" * 40960
    (tmp_path / "bot.db").write_bytes(data)
    with pytest.raises(BackendError, match="damaged.*trainbot db restore FILE"):
        open_store(old, tmp_path)
    assert (tmp_path / "bot.db").read_bytes() == bytes(data)
    assert not any("schema" in name for name in files(tmp_path))


def test_a_folder_that_takes_no_copy(old: str, tmp_path: Path) -> None:
    """A folder stands in its place: one sentence, nothing upgraded."""
    (tmp_path / "bot.db.schema-0009" / "x").mkdir(parents=True)
    with pytest.raises(BackendError, match=r"bot.db.schema-0009 cannot be written \(.*\): nothing was upgraded"):
        open_store(old, tmp_path)
    assert revision_of(old) == "0009"


def test_the_older_program_says_how_to_go_back(old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To it, the database is from a newer one: the copy that was made for it is named, if it is there."""
    open_store(old, tmp_path).close()
    monkeypatch.setattr("trainbot.adapters.db.migrate.revisions", lambda: ["0008", "0009"])
    copy = tmp_path / "bot.db.schema-0009"
    with pytest.raises(BackendError, match=rf"newer .* upgrade trainbot, or restore .* trainbot db restore {copy}$"):
        upgrade(old)
    copy.unlink()
    with pytest.raises(BackendError, match=r"upgrade trainbot, or restore .* trainbot db restore FILE$"):
        upgrade(old)
    assert os.access(tmp_path / "bot.db", os.R_OK)
