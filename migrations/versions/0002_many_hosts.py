"""Labs have seats, boots and snapshots; sessions have sign-ups."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("seat", "boots", "stops"):
        op.add_column("lab", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("lab", sa.Column("run", sa.Text(), nullable=False, server_default=""))
    for name in ("checked_at", "saved_at"):
        op.add_column("lab", sa.Column(name, sa.String(length=27), nullable=True))
    op.add_column("lease", sa.Column("session", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "signup",
        sa.Column("session_uid", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("session_uid", "person_id"),
    )
