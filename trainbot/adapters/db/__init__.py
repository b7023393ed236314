"""The only importer of sqlalchemy: tables, one writer, and repositories that give plain frozen values."""

from trainbot.adapters.db.engine import NOT_STORED, Store

__all__ = ["NOT_STORED", "Store"]
