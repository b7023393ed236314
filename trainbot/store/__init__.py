"""The only importer of sqlalchemy: tables, one writer, and repositories that give plain frozen values."""

from trainbot.store.engine import Store

__all__ = ["Store"]
