"""Creates and upgrades the database's schema with the migrations that ship.  A newer schema is refused.

The name of a migration's file begins with its revision, as in ``0007_questions.py``, and revisions are consecutive.  So
if there is nothing to migrate, Alembic need not be loaded (it takes 9 MiB, and a fifth of a second in each command).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from trainbot import shipped
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.errors import explain
from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_exists, database_path

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig


def revisions() -> list[str]:
    """All revisions that ship, oldest first."""
    files = (shipped.folder("migrations") / "versions").glob("[0-9]*_*.py")
    return sorted(file.name.partition("_")[0] for file in files)


def _config(connection: Connection | None = None) -> AlembicConfig:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped.folder("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def version(url: str, connection: Connection) -> str | None:
    """The revision that the database is at; None if it is empty.  BackendError if it has tables and says no revision."""
    there = set(inspect(connection).get_table_names())
    revision: str | None = None
    if "alembic_version" in there:
        revision = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
    if revision is None and there - {"alembic_version"}:
        raise BackendError(
            f"the database {url} belongs to another program, or has lost the number of its schema: correct url in [store], or "
            "restore a backup with trainbot db restore FILE"
        )
    return revision


def refuse_newer(url: str, connection: Connection) -> str | None:
    """The revision that the database is at; None if it is empty.  BackendError if this program does not know it."""
    before, ours = version(url, connection), revisions()
    if before is not None and before not in ours:
        path = database_path(url)
        copy = None if path is None else copy_of(path, ours[-1])
        back = copy if copy is not None and copy.exists() else "FILE"
        raise BackendError(
            f"the database {url} is from a newer trainbot (its schema is {before}, ours {ours[-1]}): upgrade trainbot, "
            f"or restore what was there before the upgrade with trainbot db restore {back}"
        )
    return before


def copy_of(path: Path, revision: str) -> Path:
    """Where the copy of the database is that is made before it is upgraded from that revision."""
    return path.with_name(f"{path.name}.schema-{revision}")


def revision_of(url: str) -> str | None:
    """The revision that the database is at; None if it is empty or there is none."""
    if not database_exists(url):
        return None
    engine = connect(url, read_only=True)
    try:
        with engine.connect() as connection:
            return version(url, connection)
    except SQLAlchemyError as error:
        raise BackendError(explain(url, error)) from None
    finally:
        engine.dispose()


def upgrade(url: str, applied: Callable[[str], None] = lambda revision: None) -> tuple[str | None, str]:
    """Upgrades the database to this program's schema, in one transaction; returns (revision before, revision after).
    ``applied`` hears of each migration when it is done.

    Raises BackendError if the database is newer than this program, cannot be written, or is not a database.
    """
    head = revisions()[-1]
    engine = connect(url)
    try:
        with engine.connect() as connection:
            before = refuse_newer(url, connection)
            if before != head:
                from alembic import command

                connection.rollback()
                config = _config(connection)
                config.attributes["applied"] = lambda step, **_more: applied(step.up_revision_id)
                with connection.begin():
                    command.upgrade(config, "head")
            return before, head
    except SQLAlchemyError as error:
        raise BackendError(explain(url, error)) from None
    finally:
        engine.dispose()
