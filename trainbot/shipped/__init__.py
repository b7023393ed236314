"""Where the content that ships with trainbot lies: inside the installed package, or beside it in a checkout."""

import subprocess
from contextlib import suppress
from pathlib import Path


def folder(name: str) -> Path:
    """The folder ``migrations``, ``exercises``, ``schedules`` or ``images``."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / name


def bot_ini() -> str:
    """The example bot.ini, with its comments."""
    inside = Path(__file__).parent / "bot.ini"
    return (inside if inside.is_file() else Path(__file__).parents[2] / "bot.ini").read_text("utf-8")


def packaged_bot_ini() -> str:
    """The bot.ini that the Debian package installs; '' if this is no such package."""
    with suppress(OSError):
        return (Path(__file__).parent / "bot.ini.packaged").read_text("utf-8")
    return ""


def commit() -> str:
    """The git commit of this program, with ``-dirty`` if its files were changed since; '' if unknown.

    In an installed package it stands in the file COMMIT, which setup.py writes, or git archive (gitattributes(5),
    "export-subst").
    """
    written = ""
    with suppress(OSError, ValueError):
        written = (Path(__file__).parent / "COMMIT").read_text("ascii").strip()
    if not written.startswith("$"):
        return written
    return commit_of(Path(__file__).parents[2])


def commit_of(checkout: Path) -> str:
    """The commit of the checkout in that folder; '' if it is none, or git is missing."""
    if not (checkout / ".git").exists():  # it may lie in somebody else's checkout
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["git", "-C", str(checkout), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        ).stdout.strip()
    return ""
