"""The database: tables, one writer, and repositories that return plain frozen values.  The only importer of
sqlalchemy."""

from trainbot.adapters.db.engine import BRIEF, Store
from trainbot.adapters.db.errors import DAMAGED, DatabaseDamaged, DatabaseLocked
from trainbot.adapters.db.lab_rows import PASSWORDS
from trainbot.adapters.db.savepoints import NOT_STORED

__all__ = ["BRIEF", "DAMAGED", "NOT_STORED", "PASSWORDS", "DatabaseDamaged", "DatabaseLocked", "Store"]
