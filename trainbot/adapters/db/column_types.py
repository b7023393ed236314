"""How values of ours are stored: times and members of enumerations as text."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

from sqlalchemy import String, Text, TypeDecorator


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
