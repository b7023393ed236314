"""Where the content that ships with trainbot lies: inside the installed package, or beside it in a checkout."""

from pathlib import Path


def folder(name: str) -> Path:
    """The folder ``migrations``, ``exercises``, ``schedules`` or ``images``."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / name
