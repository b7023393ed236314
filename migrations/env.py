"""Alembic's entry: runs on the connection that trainbot.adapters.db.migrate hands over."""

from alembic import context

from trainbot.adapters.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
    on_version_apply=context.config.attributes.get("applied"),
)
context.run_migrations()
