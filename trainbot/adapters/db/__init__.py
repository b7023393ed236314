"""The database: tables, one writer, and repositories that return plain frozen values.  The only importer of
sqlalchemy."""

from trainbot.adapters.db.engine import NOT_STORED, Store

__all__ = ["NOT_STORED", "Store"]
