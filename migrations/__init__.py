"""The database's history, for Alembic; ``trainbot db upgrade`` runs it, and so does every start."""
