"""The last table of routes in a file: a gateway that starts while the bot is away knows everybody."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from trainbot.adapters.state_folder import ROUTES
from trainbot.core.files import write_whole

log = logging.getLogger(__name__)
TOO_OLD = 24 * 3600  # seconds: a lease does not last so long, and its lab's address is somebody else's by then
TOO_LARGE = 64 << 20  # bytes


def keep(state: Path, table: Any) -> None:
    """``table`` (JSON) is the last one from now on; mode 0600, whole or not at all.  What goes wrong is logged only.

    Nobody waits for the disk: this runs at every change, beside people's sessions, none of which outlasts a power cut.
    It holds names, public keys and peppered digests, no password.
    """
    try:
        write_whole(state / ROUTES, json.dumps({"kept_at": time.time(), "table": table}), 0o600, durable=False)
    except (OSError, ValueError, TypeError) as error:
        log.warning("the table of routes could not be kept: %s", error)


def last(state: Path) -> Any:
    """The table that was kept last, to be checked like any; None where there is none that is young enough."""
    path = state / ROUTES
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(TOO_LARGE))
        age = time.time() - float(kept["kept_at"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        log.warning("%s cannot be read and is left alone: %s", path, error)
        return None
    if not -TOO_OLD < age < TOO_OLD:
        log.info("%s is too old to go by", path)
        return None
    return kept.get("table")
