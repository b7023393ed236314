"""How values of ours are stored (times and members of enumerations as text), and the kinds of columns that tables have."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Text, TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as ``2026-11-23T05:08:59.000000Z``."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: object) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class EnumWord(TypeDecorator[enum.StrEnum]):
    """A member of one StrEnum, stored as its value."""

    impl: String | type[String] = String(20)
    cache_ok = True

    def __init__(self, kind: type[enum.StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: enum.StrEnum | None, dialect: object) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: object) -> enum.StrEnum | None:
        return None if value is None else self.kind(value)


class EnumText(EnumWord):
    """The same, for a column that was created as text."""

    impl = Text
    cache_ok = True


def key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def ref(name: str, table: str, *, null: bool = False, primary_key: bool = False) -> Column[int]:
    """The id of a row of ``table``."""
    return Column(name, ForeignKey(f"{table}.id"), nullable=null, primary_key=primary_key)


def words(name: str, *, null: bool = False, primary_key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=null, primary_key=primary_key, server_default=default)


def count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default="0")


def at(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=null)
