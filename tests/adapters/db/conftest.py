"""A store with today's tables, which no migration made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainbot.adapters.db import Store
from trainbot.adapters.db.tables import metadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = made(f"sqlite:///{tmp_path}/trainbot.db")
    yield store
    store.close()


def made(url: str) -> Store:
    store = Store(url)
    metadata.create_all(store.connection)
    store.connection.commit()
    return store
