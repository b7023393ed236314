"""HTML pages from ``templates/``, each complete in one file, with one style sheet.  The only importer of jinja2.

Every value is escaped (autoescape).  Each page has a policy (CSP 3) that forbids scripts and everything that is not in
the page itself; a template names what it allows by its hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot.core.wording import clock, span

if TYPE_CHECKING:
    from jinja2 import Environment


FOLDER = Path(__file__).with_name("templates")


def templates() -> list[Path]:
    """The files that pages are made from, this module among them."""
    return [Path(__file__), *sorted(FOLDER.iterdir())]


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # not before there is a page to write

    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"clock": clock, "span": span, "iso": _iso, "day": _day, "digest": _digest}
    return found


def render(template: str, **values: object) -> str:
    """The page.  A missing value is an error; it is not left blank."""
    return _environment().get_template(template).render(values)


def _iso(at: datetime) -> str:
    """A time as in a time element (HTML, "Valid global date and time string")."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%a %d %b %Y}"


def _digest(text: str) -> str:
    """The hash by which a policy names an element with this text (CSP 3, 2.3.1)."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
