"""Scripts of exercises run in labs; quizzes; who helps whom."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def _at(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length=27), nullable=null)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.add_column("class", sa.Column("told", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("class", _at("told_at", null=True))
    op.add_column("class", sa.Column("lecture", sa.Boolean(), nullable=False, server_default="0"))
    for name in ("helper", "lab_id"):
        op.add_column("attendance", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("attendance", sa.Column("behind", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "play",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("lab_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        _at("due_at"),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        _text("said"),
        _at("ended_at", null=True),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("play_lab", "play", ["lab_id"])
    op.create_index("play_waiting", "play", ["id"], sqlite_where=sa.text("state = 'waiting'"))
    op.create_table(
        "quiz",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("channel"),
        _text("words"),
        _text("answer"),
        _text("asker"),
        _at("asked_at"),
        _at("drawn_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "quiz_try",
        sa.Column("quiz_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        _text("nick"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("right", sa.Boolean(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["quiz_id"], ["quiz.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("quiz_id", "person_id"),
    )
