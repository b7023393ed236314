"""What the ssh door keeps: the key that a lease's person offered when they came with the password."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("lease", sa.Column("offered", sa.Text(), nullable=False, server_default=""))
