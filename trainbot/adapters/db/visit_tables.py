"""The tables of visits to other people's labs."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, Table, text

from trainbot.adapters.db.column_types import EnumWord, at, key, ref, words


def visit_tables(metadata: MetaData) -> list[Table]:
    from trainbot.model.visit import VisitKind

    return [
        Table(
            "visit",
            metadata,
            key(),
            Column("kind", EnumWord(VisitKind), nullable=False),
            ref("owner_id", "person"),
            ref("lease_id", "lease"),
            ref("class_id", "class", null=True),
            ref("guest_id", "person", null=True),
            at("asked_at"),
            at("agreed_at", null=True),
            at("ends_at"),
            at("away_at", null=True),
            at("ended_at", null=True),
            words("ended_why"),
            Index("visit_open", "owner_id", sqlite_where=text("ended_at IS NULL")),
        ),
        Table(
            "visit_login",
            metadata,
            key(),
            ref("visit_id", "visit"),
            ref("guest_id", "person"),
            ref("owner_id", "person"),
            at("at"),
            at("ended_at", null=True),
            words("lab"),
            words("address"),
            Index("visit_login_at", "at"),
            Index("visit_login_open", "visit_id", sqlite_where=text("ended_at IS NULL")),
        ),
    ]
