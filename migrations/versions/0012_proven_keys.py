"""A key opens labs only once its owner has signed with it; those that were merely named have to be confirmed once."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("public_key", sa.Column("proven", sa.Boolean(), nullable=False, server_default="0"))
