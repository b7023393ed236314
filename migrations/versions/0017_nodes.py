"""The node that a lab runs on, for hosts of several nodes; '' on all others."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("lab", sa.Column("node", sa.Text(), nullable=False, server_default=""))
