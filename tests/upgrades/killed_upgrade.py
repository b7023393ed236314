"""Upgrades that are killed: `killed_upgrade.py VERSION FOLDER`.  Each is a process that ends with kill -9 just before it would do
the next thing: a piece of the copy, or a statement that writes.  The first one that nothing is left for goes to its end.

They are forked from this process, which has imported everything, and work on one database, one after the other.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from alembic import command  # noqa: F401  before forking
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.upgrades.released import columns, database_of, rows
from trainbot.adapters.db import upgrading
from trainbot.adapters.db.migrate import revision_of, revisions
from trainbot.adapters.db.opening import open_store

READING = ("select", "pragma", "begin")


def killed(url: str, folder: Path, left: int) -> bool:
    """Whether an upgrade of that database was killed after ``left`` things; otherwise it has succeeded."""
    child = os.fork()
    if child == 0:
        todo = left

        def one_more() -> None:
            nonlocal todo
            if not todo:
                os.kill(os.getpid(), signal.SIGKILL)
            todo -= 1

        def before(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if not statement.strip().lower().startswith(READING):
                one_more()

        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "commit", lambda _connection: one_more())
        try:
            upgrading.PAGES = 40
            open_store(url, folder / "state", lambda what, _at, _of: one_more() if "copying" in what else None).close()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        if os.WEXITSTATUS(status):
            sys.exit(f"an upgrade failed after {left} things")
        return False
    return True


def content(path: Path) -> dict[str, Any]:
    return {table: rows(path, table=table) for table in columns(path)}


def main(version: str, folder: Path) -> None:
    url = database_of(version, folder / "bot.db")
    first = revision_of(url)
    assert first is not None
    kept = folder / f"bot.db.schema-{first}"
    there = content(folder / "bot.db")
    left = copies = 0
    while killed(url, folder, left):
        shutil.copytree(folder, folder / "now", ignore=lambda _folder, names: [n for n in names if n == "now"])
        if (folder / "now" / kept.name).exists():
            copies += 1
            if content(folder / "now" / kept.name) != there:
                sys.exit(f"the copy differs after {left} things")
        if revision_of(url) == first and content(folder / "now" / "bot.db") != there:
            sys.exit(f"half an upgrade after {left} things")
        if revision_of(url) not in (first, revisions()[-1]):
            sys.exit(f"stopped between two versions after {left} things")
        shutil.rmtree(folder / "now")
        left += 1
    print(left, copies, first, revision_of(url), content(kept) == there)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
