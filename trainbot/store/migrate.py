"""The database's schema: made and brought up to date by the migrations that ship; a newer one is refused."""

from __future__ import annotations

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from trainbot import shipped
from trainbot.errors import BackendError
from trainbot.store.engine import connect, explain


def _config(connection: Connection | None = None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(shipped.folder("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def version(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def refuse_newer(url: str, connection: Connection) -> str | None:
    """The revision that the database is at; BackendError where this program does not know it."""
    script = ScriptDirectory.from_config(_config())
    before = version(connection)
    if before is not None and before not in {revision.revision for revision in script.walk_revisions()}:
        raise BackendError(f"the database {url} is from a newer trainbot (its schema is {before}, ours "
                           f"{script.get_current_head()}): upgrade trainbot, or name another database in [store] url")
    return before


def upgrade(url: str) -> tuple[str | None, str]:
    """Brings the database to this program's schema; (revision before, revision after).

    BackendError where the database is newer than this program, cannot be written, or is none.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    engine = connect(url)
    try:
        with engine.connect() as connection:
            before = refuse_newer(url, connection)
            if before != head:
                connection.rollback()
                with connection.begin():
                    command.upgrade(_config(connection), "head")
            return before, head
    except SQLAlchemyError as error:
        raise BackendError(explain(url, error)) from None
    finally:
        engine.dispose()
