"""sqlite:///FILE and its file, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainbot.model.database_url import database_exists, database_path, database_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///trainbot.db", Path("trainbot.db")),
        ("sqlite:////var/lib/trainbot/trainbot.db", Path("/var/lib/trainbot/trainbot.db")),
        ("sqlite:////srv/100% sure?/a b#c.db", Path("/srv/100% sure?/a b#c.db")),
        ("sqlite:///not:memory:", Path("not:memory:")),
        ("sqlite:///:memory:", None),
    ],
)
def test_its_file(url: str, path: Path | None) -> None:
    assert database_path(url) == path
    assert path is None or database_url(path) == url


@pytest.mark.parametrize(
    "url", ["", "trainbot.db", "sqlite://", "sqlite:///", "sqlite:/trainbot.db", "postgresql:///x"]
)
def test_no_such_url(url: str) -> None:
    with pytest.raises(ValueError, match="is not sqlite:///FILE"):
        database_path(url)


def test_whether_it_is_there(tmp_path: Path) -> None:
    url = database_url(tmp_path / "a?b.db")
    assert not database_exists(url) and not database_exists("sqlite:///:memory:")
    (tmp_path / "a?b.db").touch()
    assert database_exists(url)
