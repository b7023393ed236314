"""Sessions, published and signed up for; a channel's manners."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("session", sa.Column("sequence", sa.Integer, nullable=False, server_default="0"))
    op.add_column("session", sa.Column("draft", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("signup", sa.Column("waiting", sa.Boolean, nullable=False, server_default="0"))
    op.create_table(
        "channel",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("quiet", sa.Text, nullable=False),
        sa.Column("voiced", sa.Text, nullable=False),
    )
