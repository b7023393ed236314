"""Somebody who is ignored without an account is ignored by their host as well: a reconnect is a new person."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("ignored", sa.Column("host", sa.Text(), nullable=False, server_default=""))
