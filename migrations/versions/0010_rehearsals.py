"""A rehearsal's lease says so in columns of its own, not in the session it would belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# what stood in lease.session until now: "(rehearsal) TOKEN", or "(rehearsal) TOKEN worked in"
CONVERTED = """
UPDATE lease SET
  worked_in = session LIKE '% worked in',
  rehearsal = replace(substr(session, length('(rehearsal) ') + 1), ' worked in', ''),
  session = ''
WHERE session LIKE '(rehearsal) %'
"""


def upgrade() -> None:
    op.add_column("lease", sa.Column("rehearsal", sa.Text(), nullable=False, server_default=""))
    op.add_column("lease", sa.Column("worked_in", sa.Boolean(), nullable=False, server_default="0"))
    op.execute(CONVERTED)
