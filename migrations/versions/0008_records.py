"""Records, kept and redacted: who an entry is of, who is not to be in the log, when minutes were written."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE entry ADD COLUMN person_id INTEGER REFERENCES person (id)")  # alembic adds no such column
    op.create_index("entry_person", "entry", ["person_id"])
    op.create_index("entry_at", "entry", ["at"])
    op.add_column("person", sa.Column("nolog", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("class", sa.Column("minutes_at", sa.String(length=27), nullable=True))
