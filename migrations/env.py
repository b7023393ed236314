"""Alembic's entry: runs on the connection that trainbot.adapters.db.migrate hands over."""

from alembic import context

from trainbot.adapters.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
