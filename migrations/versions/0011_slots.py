"""A lab's number on its host is its slot; a seat is somebody's in a session."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.alter_column("lab", "seat", new_column_name="slot")
