"""Whoever was ignored without an account before 0013 is ignored by their host, too: until now they were not ignored at all."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(
        "UPDATE ignored SET host = (SELECT lower(substr(mask, instr(mask, '@') + 1)) FROM person WHERE id = person_id) "
        "WHERE host = '' AND ended_at IS NULL AND person_id IN "
        "(SELECT id FROM person WHERE account IS NULL AND instr(mask, '@') > 0)"
    )
